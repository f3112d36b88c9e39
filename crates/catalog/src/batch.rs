//! Several statements on one way to the database.
//!
//! On SQLite a statement's way to the thread of its connection and back costs more than most statements do, so all of a
//! batch go together; each has its own `$1`, `$2`, …, as if it were alone. PostgreSQL takes one statement at a time with
//! parameters, so there they go one after another, in the same order and with the same answers.
//!
//! What it does not do: it decides nothing in between. Where an answer says whether the next statement may run, that
//! statement belongs to the next batch.

use futures::TryStreamExt as _;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Any, AnyConnection, Arguments as _, Either, Encode, Executor as _, Type};

use crate::CatalogError;
use crate::connection::Reader;
use crate::dialect::{Dialect, Statement};

/// Statements with their parameters, in order.
pub(crate) struct Batch {
    dialect: Dialect,
    /// What goes together.
    parts: Vec<Part>,
    statements: usize,
    refused: Option<sqlx::error::BoxDynError>,
}

#[derive(Default)]
struct Part {
    text: String,
    arguments: AnyArguments,
    is_planned_anew: bool,
}

/// What one statement of a batch did.
pub(crate) struct Answer {
    pub(crate) rows: Vec<AnyRow>,
    /// Only after a change: a question leaves the number of the statement before it.
    pub(crate) rows_affected: u64,
}

impl Batch {
    pub(crate) const fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            parts: Vec::new(),
            statements: 0,
            refused: None,
        }
    }

    /// Takes everything out.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new(self.dialect))
    }

    pub(crate) const fn len(&self) -> usize {
        self.statements
    }

    /// Adds a statement without `{list}` and `{rows}`; its parameters are bound next.
    pub(crate) fn add(&mut self, statement: Statement) -> &mut Self {
        self.add_many(statement, 1)
    }

    /// Adds a statement whose `{list}` or `{rows}` has `count` elements.
    pub(crate) fn add_many(&mut self, statement: Statement, count: usize) -> &mut Self {
        if self.dialect == Dialect::Postgres || self.parts.is_empty() {
            self.parts.push(Part::default());
        }
        if let Some(part) = self.parts.last_mut() {
            let text = self.dialect.render(statement, count);
            part.add(text.as_str());
            part.is_planned_anew |= !statement.is_kept(self.dialect);
        }
        self.statements += 1;
        self
    }

    /// Binds the next parameter of the statement that was added last.
    pub(crate) fn bind<'v, T>(&mut self, value: T) -> &mut Self
    where
        T: Encode<'v, Any> + Type<Any>,
    {
        if let Some(part) = self.parts.last_mut()
            && let Err(error) = part.arguments.add(value)
        {
            self.refused = Some(error);
        }
        self
    }

    /// Puts a step of SQLite's transactions before everything. Its answer is the first.
    pub(crate) fn open_with(&mut self, step: &'static str) {
        match self.parts.first_mut() {
            Some(part) => part.text = format!("{step}; {}", part.text),
            None => self.push_step(step),
        }
        self.statements += 1;
    }

    /// Puts a step of SQLite's transactions after everything. Its answer is the last.
    pub(crate) fn end_with(&mut self, step: &'static str) {
        match self.parts.last_mut() {
            Some(part) => {
                part.text.push_str("; ");
                part.text.push_str(step);
            }
            None => self.push_step(step),
        }
        self.statements += 1;
    }

    fn push_step(&mut self, step: &'static str) {
        self.parts.push(Part {
            text: step.to_owned(),
            ..Part::default()
        });
    }

    /// Runs questions, as of one instant on SQLite.
    pub(crate) async fn read(self, reader: &Reader) -> Result<Answers, sqlx::Error> {
        let mut seat = reader.seat().await?;
        let outcome = self.run(&mut seat).await;
        seat.look_at(&outcome);
        outcome
    }

    /// Runs everything. The first refusal ends it; the transaction is then to be given up.
    pub(crate) async fn run(self, connection: &mut AnyConnection) -> Result<Answers, sqlx::Error> {
        if let Some(error) = self.refused {
            return Err(sqlx::Error::Encode(error));
        }
        let mut answers = Vec::with_capacity(self.statements);
        for part in self.parts {
            let query = Dialect::composed(part.text, part.arguments, !part.is_planned_anew);
            let mut steps = connection.fetch_many(query);
            let mut rows = Vec::new();
            while let Some(step) = steps.try_next().await? {
                match step {
                    Either::Right(row) => rows.push(row),
                    Either::Left(done) => answers.push(Answer {
                        rows: std::mem::take(&mut rows),
                        rows_affected: done.rows_affected(),
                    }),
                }
            }
        }
        Ok(Answers(answers.into_iter()))
    }
}

/// What the statements of a batch did, in their order.
pub(crate) struct Answers(std::vec::IntoIter<Answer>);

impl Answers {
    /// Returns what the next statement did.
    pub(crate) fn next(&mut self) -> Result<Answer, CatalogError> {
        self.0.next().ok_or(CatalogError::Corrupt("answer"))
    }

    /// Returns the rows of the next `statements` together.
    pub(crate) fn rows_of(&mut self, statements: usize) -> Result<Vec<AnyRow>, CatalogError> {
        let mut rows = Vec::new();
        for _ in 0..statements {
            rows.append(&mut self.next()?.rows);
        }
        Ok(rows)
    }
}

impl Answer {
    /// Returns the first row of a question that always has one.
    pub(crate) fn row(&self) -> Result<&AnyRow, CatalogError> {
        self.rows.first().ok_or(CatalogError::Corrupt("answer"))
    }

    pub(crate) const fn has_changed_one(&self) -> bool {
        self.rows_affected == 1
    }
}

impl Part {
    /// Adds a statement's text, its parameters numbered on from those that are there.
    fn add(&mut self, text: &str) {
        use std::fmt::Write as _;
        let offset = self.arguments.len();
        if offset == 0 && self.text.is_empty() {
            self.text.push_str(text);
            return;
        }
        self.text.push_str("; ");
        let mut pieces = text.split('$');
        self.text.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
            let (number, rest) = piece.split_at(digits);
            match number.parse::<usize>() {
                Ok(number) => {
                    let _ = write!(self.text, "${}{rest}", number + offset);
                }
                Err(_) => {
                    let _ = write!(self.text, "${piece}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_statement_counts_its_parameters_from_one() {
        let mut part = Part::default();
        part.add("INSERT INTO a VALUES ($1, $2)");
        part.arguments.add(1_i64).unwrap();
        part.arguments.add(2_i64).unwrap();
        part.add("SELECT $1 WHERE b = $12 AND c = $1");
        assert_eq!(
            part.text,
            "INSERT INTO a VALUES ($1, $2); SELECT $3 WHERE b = $14 AND c = $3"
        );
    }

    #[tokio::test]
    async fn every_statement_has_its_own_answer() {
        const MAKE: Statement = Statement::for_test("CREATE TABLE pair (a BIGINT, b TEXT)");
        const ADD: Statement = Statement::for_test("INSERT INTO pair (a, b) VALUES {rows 2}");
        const NAMES: Statement =
            Statement::for_test("SELECT b FROM pair WHERE a >= $1 AND b <> $2 ORDER BY a");
        sqlx::any::install_default_drivers();
        let mut connection = <AnyConnection as sqlx::Connection>::connect("sqlite::memory:")
            .await
            .unwrap();
        let mut batch = Batch::new(Dialect::Sqlite);
        batch.add(MAKE);
        batch.add_many(ADD, 3).bind(1_i64).bind("one").bind(2_i64);
        batch.bind("two").bind(3_i64).bind("three");
        batch.add(NAMES).bind(2_i64).bind("none");
        batch.add(NAMES).bind(4_i64).bind("none");
        batch.add(NAMES).bind(1_i64).bind("two");
        let mut answers = batch.run(&mut connection).await.unwrap();
        assert!(answers.next().unwrap().rows.is_empty());
        assert_eq!(answers.next().unwrap().rows_affected, 3);
        assert_eq!(answers.next().unwrap().rows.len(), 2);
        assert!(answers.next().unwrap().row().is_err());
        assert_eq!(answers.rows_of(1).unwrap().len(), 2);
        assert!(answers.next().is_err());
    }
}

//! Everything that can be read, compared with the model.

use catalog::{HistoryRow, Scope};
use jiff::{SignedDuration, Timestamp};
use sqlx::{AnyPool, Row as _};

use super::game::Game;
use super::model::Span;

/// How many looks into the past each step takes.
const LOOKS: usize = 3;

/// What one row of history says, in words that both sides have.
type Told = (
    String,
    usize,
    Timestamp,
    Option<Timestamp>,
    Option<Timestamp>,
    String,
    Option<String>,
    Option<i64>,
    bool,
    bool,
);

impl Span {
    fn told(&self) -> Told {
        (
            self.tag.clone(),
            self.document,
            self.start,
            self.end,
            self.expires,
            self.cause.to_owned(),
            self.end_cause.map(str::to_owned),
            self.reverts,
            self.is_purged,
            self.immutable,
        )
    }
}

impl Game {
    pub(super) async fn check(&mut self) {
        for repository in 0..self.model.repositories.len() {
            self.check_history(repository).await;
            self.check_present(repository).await;
            for _ in 0..LOOKS {
                self.check_past(repository).await;
            }
        }
        self.check_usage().await;
    }

    fn told(&self, row: &HistoryRow) -> Told {
        (
            row.tag.to_string(),
            self.document_of(&row.digest),
            row.start,
            row.end,
            row.expires,
            row.cause.as_str().to_owned(),
            row.end_cause.map(|cause| cause.as_str().to_owned()),
            row.reverts,
            row.purged.is_some(),
            row.immutable,
        )
    }

    /// Compares the spans of the repository and of one tag, and learns the ids of new ones.
    async fn check_history(&mut self, repository: usize) {
        let id = self.model.repositories[repository].id;
        let mut rows = self
            .catalog
            .repository_history(id, None, 10_000)
            .await
            .unwrap();
        rows.reverse();
        let told: Vec<Told> = rows.iter().map(|row| self.told(row)).collect();
        let spans = &self.model.repositories[repository].spans;
        let expected: Vec<Told> = spans.iter().map(Span::told).collect();
        assert_eq!(told, expected, "{}: history of {repository}", self.what);
        for (span, row) in self.model.repositories[repository]
            .spans
            .iter_mut()
            .zip(&rows)
        {
            assert!(span.id.is_none_or(|id| id == row.id), "{}: ids", self.what);
            span.id = Some(row.id);
        }
        let Some(tag) = rows.last().map(|row| row.tag.clone()) else {
            return;
        };
        let mut paged = Vec::new();
        let mut before = None;
        loop {
            let page = self.catalog.tag_history(id, &tag, before, 2).await.unwrap();
            let Some(row) = page.last() else { break };
            before = Some(row.id);
            paged.extend(page);
        }
        paged.reverse();
        rows.retain(|row| row.tag == tag);
        assert_eq!(paged, rows, "{}: history of {tag}", self.what);
    }

    async fn check_present(&self, repository: usize) {
        let here = &self.model.repositories[repository];
        let spans = here.spans.iter().filter(|span| span.is_present(self.now));
        let mut expected: Vec<(String, usize)> = spans
            .map(|span| (span.tag.clone(), span.document))
            .collect();
        expected.sort();
        let listed = self.catalog.list_tags(here.id, None, 100, self.now).await;
        let mut told = Vec::new();
        for tag in listed.unwrap() {
            let digest = self.catalog.resolve_tag(here.id, &tag, self.now).await;
            let digest = digest.unwrap().expect("a listed tag");
            let of = self.catalog.tags_of(here.id, &digest, self.now).await;
            assert!(of.unwrap().contains(&tag), "{}: tags of it", self.what);
            told.push((tag.to_string(), self.document_of(&digest)));
        }
        assert_eq!(told, expected, "{}: tags of {repository}", self.what);
        for (document, is_hidden) in &here.manifests {
            let found = self
                .catalog
                .manifest(here.id, &self.digest(*document))
                .await;
            let is_seen = found.unwrap().is_some();
            assert_eq!(is_seen, !is_hidden, "{}: manifest {document}", self.what);
        }
    }

    /// Looks at an instant of the game, or at one just before or after it.
    async fn check_past(&mut self, repository: usize) {
        let shift = *self.dice.of(&[-60_000_001, -1, 0, 0, 1, 59_000_000]);
        let at = *self.dice.of(&self.instants) + SignedDuration::from_micros(shift);
        let here = &self.model.repositories[repository];
        let mut expected: Vec<(String, usize, Timestamp)> = here
            .spans
            .iter()
            .filter(|span| span.covers(at))
            .map(|span| (span.tag.clone(), span.document, span.start))
            .collect();
        expected.sort();
        let mut told = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self
                .catalog
                .tags_at(here.id, at, after.as_deref(), 2)
                .await
                .unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.tag.to_string());
            for tag in page {
                let document = self.document_of(&tag.digest);
                told.push((tag.tag.to_string(), document, tag.since));
            }
        }
        assert_eq!(told, expected, "{}: tags at {at}", self.what);
        for span in &here.spans {
            let tag = span.tag.parse().unwrap();
            let found = self.catalog.tag_at(here.id, &tag, at).await.unwrap();
            let found = found.map(|digest| self.document_of(&digest));
            let expected = expected.iter().find(|(name, ..)| *name == span.tag);
            let expected = expected.map(|(_, document, _)| *document);
            assert_eq!(found, expected, "{}: {} at {at}", self.what, span.tag);
        }
    }

    async fn check_usage(&mut self) {
        if self.dice.below(6) == 0 {
            self.catalog.fold_usage(self.now).await.unwrap();
        }
        if self.dice.below(12) == 0 {
            self.catalog.recompute_usage(self.now).await.unwrap();
        }
        let mut scopes = vec![(Scope::System, self.elsewhere + self.model.used())];
        for here in &self.model.repositories {
            let used = self.model.used_in(&here.namespace);
            scopes.push((Scope::Namespace(here.namespace.clone()), used));
        }
        for (scope, expected) in scopes {
            let used = self.catalog.used_bytes(&scope).await.unwrap();
            assert_eq!(used, expected, "{}: usage of {scope}", self.what);
        }
    }
}

/// Looks at the rows themselves.
pub(super) async fn one_live_row_for_each_tag(pool: &AnyPool, seed: u64) {
    let rows = sqlx::query(
        "SELECT repository_id, name FROM tag WHERE live_name IS NOT NULL GROUP BY repository_id, name
            HAVING COUNT(*) > 1",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let twice: Vec<String> = rows.iter().map(|row| row.get("name")).collect();
    assert!(twice.is_empty(), "seed {seed}: {twice:?}");
}

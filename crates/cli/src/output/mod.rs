//! Everything the program prints.
//!
//! Data goes to standard output, everything else to standard error. Text from images, feeds and files is foreign: it
//! passes through [`plain()`] before it reaches a terminal. A reader that goes away (`| head`) is no error: the rest is
//! dropped quietly and the exit code stays that of the verdict.
//!
//! Deliberately absent: deciding what to say. Commands do that.

mod file;
mod plain;
mod words;

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use clap::ValueEnum;

pub(crate) use self::file::write_file;
pub(crate) use self::plain::{json_text, plain};
pub(crate) use self::words::{age, columns, minute};
use crate::exit::{Exit, Failure};

/// The width of tables where no terminal says one, in columns.
const DEFAULT_WIDTH: u16 = 100;

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The two streams of the program.
pub(crate) struct Output {
    data: AutoStream<io::Stdout>,
    words: AutoStream<io::Stderr>,
    is_quiet: bool,
    width: u16,
    reader_is_gone: bool,
}

impl Output {
    /// Opens the streams.
    pub(crate) fn new(color: ColorWhen, is_quiet: bool) -> Self {
        let choice = match color {
            ColorWhen::Auto => ColorChoice::Auto,
            ColorWhen::Always => ColorChoice::Always,
            ColorWhen::Never => ColorChoice::Never,
        };
        Self {
            data: AutoStream::new(io::stdout(), choice),
            words: AutoStream::new(io::stderr(), choice),
            is_quiet,
            // The table library asks the terminal behind standard output.
            width: comfy_table::Table::new()
                .width()
                .filter(|width| *width > 0)
                .unwrap_or(DEFAULT_WIDTH),
            reader_is_gone: false,
        }
    }

    /// Returns whether only the essential is wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    /// Returns whether tables may use colour.
    pub(crate) fn has_color(&self) -> bool {
        self.data.current_choice() != ColorChoice::Never
    }

    /// Returns whether progress may be drawn: somebody watches, and wants to.
    pub(crate) fn may_draw_progress(&self) -> bool {
        !self.is_quiet && io::stderr().is_terminal()
    }

    /// Returns the width for tables, in columns.
    pub(crate) fn width(&self) -> u16 {
        self.width
    }

    /// Writes data.
    ///
    /// # Errors
    /// Standard output cannot take it, and not because its reader went away.
    pub(crate) fn data(&mut self, text: &str) -> Result<(), Failure> {
        if self.reader_is_gone {
            return Ok(());
        }
        let written = self
            .data
            .write_all(text.as_bytes())
            .and_then(|()| self.data.flush());
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.reader_is_gone = true;
                Ok(())
            }
            Err(error) => Err(Failure::new(
                anyhow::Error::new(error).context("cannot write to standard output"),
            )),
            Ok(()) => Ok(()),
        }
    }

    /// Returns whether nobody reads the data any more.
    pub(crate) fn reader_is_gone(&self) -> bool {
        self.reader_is_gone
    }

    /// Writes one line to standard error, whatever `--quiet` says.
    pub(crate) fn say(&mut self, line: &str) {
        // Nobody is left to be told when standard error is closed.
        let _ = writeln!(self.words, "{line}");
    }

    /// Writes one line to standard error unless only the essential is wanted.
    pub(crate) fn note(&mut self, line: &str) {
        if !self.is_quiet {
            self.say(line);
        }
    }

    /// Writes a hint: what to do next.
    pub(crate) fn hint(&mut self, sentence: &str) {
        self.note(&format!("\u{1b}[36mhint:\u{1b}[0m {}", plain(sentence)));
    }

    /// Writes a warning.
    pub(crate) fn warning(&mut self, sentence: &str) {
        self.note(&format!("\u{1b}[33mwarning:\u{1b}[0m {}", plain(sentence)));
    }

    /// Writes an error, its causes and its hint.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        self.say(&format!(
            "\u{1b}[31merror:\u{1b}[0m {}",
            plain(&failure.error.to_string())
        ));
        for cause in failure.error.chain().skip(1) {
            self.say(&format!("cause: {}", plain(&cause.to_string())));
        }
        if let Some(hint) = &failure.hint {
            self.hint(hint);
        }
    }
}

/// Shows what the argument parser has to say: help and version are data, anything else is a usage error.
pub(crate) fn show_usage(error: &clap::Error) -> Exit {
    // A closed stream changes nothing about the exit code.
    let _ = error.print();
    if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Pass
    }
}

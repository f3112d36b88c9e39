//! Collecting diagnostics without letting hostile content choose how many.

use evidence::{Diagnostic, Level};

use crate::path;

/// Diagnostics kept of one name; the rest is counted. A layer with two million bad names must not become two million
/// messages.
const KEPT_PER_CODE: u64 = 20;

/// The diagnostics of one walk.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    kept: Vec<Diagnostic>,
    counts: Vec<(&'static str, Level, u64)>,
}

impl Notes {
    /// Notes something about the whole stream.
    pub(crate) fn push(&mut self, code: &'static str, level: Level, message: impl Into<String>) {
        if self.count(code, level) {
            self.kept.push(Diagnostic::new(code, level, message));
        }
    }

    /// Notes something about one path.
    pub(crate) fn push_at(
        &mut self,
        code: &'static str,
        level: Level,
        path: &[u8],
        message: impl Into<String>,
    ) {
        if self.count(code, level) {
            self.kept
                .push(Diagnostic::new(code, level, message).at(path::show(path)));
        }
    }

    /// Returns what was kept, and one line per name for what was only counted.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        for (code, level, count) in self.counts {
            if count > KEPT_PER_CODE {
                let more = count - KEPT_PER_CODE;
                let message = format!("{more} more of this kind");
                self.kept.push(Diagnostic::new(code, level, message));
            }
        }
        self.kept
    }

    fn count(&mut self, code: &'static str, level: Level) -> bool {
        let same = |slot: &&mut (&'static str, Level, u64)| slot.0 == code && slot.1 == level;
        if let Some(slot) = self.counts.iter_mut().find(same) {
            slot.2 += 1;
            return slot.2 <= KEPT_PER_CODE;
        }
        self.counts.push((code, level, 1));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_diagnostics_are_kept_up_to_a_bound_and_then_counted() {
        let mut notes = Notes::default();
        for _ in 0..1_000 {
            notes.push_at("tar.path_escape", Level::Warning, b"../x", "refused");
        }
        notes.push("limit.time", Level::Error, "over");
        let diagnostics = notes.finish();
        assert_eq!(diagnostics.len(), 22);
        assert_eq!(diagnostics[21].message, "980 more of this kind");
    }
}

//! What the pages of rules share, whatever scope the rules are of: tags that neither move nor end, and what ends by
//! itself.
//!
//! A page holds [`Rules`] in its field `rules`, has a `target` for the forms, and includes `rules/immutability.html` and
//! `rules/retention.html`.
//!
//! Adding a scope: a variant of [`RuleScope`] with its words, and a page.

use oci::{Digest, RepositoryName, Tag};

use crate::pages::repository::RuleRow;
use crate::routes::Route;

/// What rules are set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleScope {
    /// One repository.
    Repository,
    /// The repositories of a namespace.
    Namespace,
    /// Everything.
    System,
}

impl RuleScope {
    /// Returns the word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::Namespace => "namespace",
            Self::System => "system",
        }
    }

    /// Returns how a page calls its own scope.
    pub(crate) const fn here(self) -> &'static str {
        match self {
            Self::Repository => "this repository",
            Self::Namespace => "this namespace",
            Self::System => "the system",
        }
    }

    /// Returns how the page of a nearer scope calls this one.
    pub(crate) const fn name_from_inside(self) -> &'static str {
        match self {
            Self::Repository => "this repository",
            Self::Namespace => "its namespace",
            Self::System => "everything",
        }
    }

    /// Says which other rules hold too.
    pub(crate) const fn on_top(self) -> &'static str {
        match self {
            Self::Repository => "the namespace's and the system's come on top",
            Self::Namespace => "the system's and those of its repositories come on top",
            Self::System => "those of namespaces and repositories come on top",
        }
    }

    /// Says whose policies one of this scope keeps away, if any.
    pub(crate) const fn keeps_away(self) -> Option<&'static str> {
        match self {
            Self::Repository => Some("the namespace's"),
            Self::Namespace => Some("the system's"),
            Self::System => None,
        }
    }

    /// Says where a policy of this scope is in force.
    pub(crate) const fn reaches(self) -> &'static str {
        match self {
            Self::Repository => "",
            Self::Namespace => " in its repositories that have none of their own",
            Self::System => " wherever neither the namespace nor the repository has one of its own",
        }
    }

    /// Returns whether rules of this scope are about several repositories.
    pub(crate) const fn is_wide(self) -> bool {
        !matches!(self, Self::Repository)
    }
}

/// The rules of one scope.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What they are set for.
    pub scope: RuleScope,
    /// Rules that make tags immutable, each with its number.
    pub immutability: Vec<(i64, RuleRow)>,
    /// What ends by itself.
    pub retention: RetentionForm,
    /// What would end now.
    pub dry_run: Option<DryRun>,
}

/// A retention policy as a form.
#[derive(Clone, Debug, Default)]
pub struct RetentionForm {
    /// Where the policy in force is set; `None` without one.
    pub in_force: Option<RuleScope>,
    /// Whether the scope has a policy of its own.
    pub is_own: bool,
    /// Whether it ends anything.
    pub enabled: bool,
    /// The rules, and an empty one for the next.
    pub rules: Vec<RetentionRule>,
    /// When manifests that nothing leads to are deleted.
    pub untagged_after: String,
}

/// One rule: which tags it is about, and which of those stay.
#[derive(Clone, Debug, Default)]
pub struct RetentionRule {
    /// How dry runs call it.
    pub name: String,
    /// Patterns of tags, with spaces between them.
    pub include: String,
    /// Patterns of tags it is not about.
    pub exclude: String,
    /// Keeps as many of the latest pushed.
    pub last_pushed: String,
    /// Keeps as many of the latest pulled.
    pub last_pulled: String,
    /// Keeps what was pushed within this time.
    pub pushed_within: String,
    /// Keeps what was pulled within this time.
    pub pulled_within: String,
}

/// What a policy would end now.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// How many tags and manifests.
    pub total: u64,
    /// How many of them are immutable, and so stay.
    pub immutable: u64,
    /// The first of them.
    pub lines: Vec<DryLine>,
    /// How many repositories were looked at: those that the policy would be in force in.
    pub repositories: usize,
    /// Whether there are repositories beyond those.
    pub has_more: bool,
}

/// A tag or manifest that would end.
#[derive(Clone, Debug)]
pub struct DryLine {
    /// Where.
    pub repository: RepositoryName,
    /// The tag; `None` for a manifest without one.
    pub tag: Option<Tag>,
    /// What it leads to.
    pub digest: Digest,
    /// The rule that ends it.
    pub rule: String,
    /// The size of everything below it.
    pub size_bytes: u64,
    /// Whether it stays because it is immutable.
    pub immutable: bool,
}

impl DryRun {
    /// Returns how many there are beyond the lines.
    pub(crate) fn hidden(&self) -> u64 {
        self.total.saturating_sub(self.lines.len() as u64)
    }
}

impl DryLine {
    pub(crate) fn image(&self) -> Route {
        Route::ImageByDigest(self.repository.clone(), self.digest.clone())
    }
}

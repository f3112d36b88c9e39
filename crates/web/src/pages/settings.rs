//! A repository's settings: who may use it, what may change in it, what ends by itself.

use askama::Template;
use oci::{Digest, RepositoryName, Tag};

use crate::draft::Draft;
use crate::frame::{Frame, Section};
use crate::pages::repository::{RepositoryTab, RuleRow};
use crate::routes::{Query, Route};

/// The settings, for whoever administers the repository.
#[derive(Clone, Debug, Template)]
#[template(path = "settings.html", whitespace = "minimize")]
pub struct SettingsPage {
    /// The surroundings.
    pub frame: Frame,
    /// The repository.
    pub repository: RepositoryName,
    /// What its people say about it.
    pub description: String,
    /// `private` or `public`.
    pub visibility: &'static str,
    /// `normal` or `read_only`; `None` where an upstream decides.
    pub state: Option<&'static str>,
    /// `none`, `index`, `all`; empty for what the server's settings say.
    pub sparse: &'static str,
    /// Roles on this repository.
    pub permissions: Vec<RoleRow>,
    /// Roles on patterns that match it.
    pub patterns: Vec<RoleRow>,
    /// Rules of this repository that make tags immutable, each with its number.
    pub immutability: Vec<(i64, RuleRow)>,
    /// What ends by itself.
    pub retention: RetentionForm,
    /// What would end now.
    pub dry_run: Option<DryRun>,
    /// The form that was refused.
    pub draft: Draft,
}

/// A role that somebody has here.
#[derive(Clone, Debug)]
pub struct RoleRow {
    /// `dev`, `acme+ci`, `acme/backend`.
    pub subject: String,
    /// `person`, `robot` or `team`.
    pub kind: &'static str,
    /// `read`, `write` or `admin`.
    pub role: &'static str,
    /// The pattern that gives it; `None` for a role on this very repository.
    pub pattern: Option<String>,
}

/// A retention policy as a form.
#[derive(Clone, Debug, Default)]
pub struct RetentionForm {
    /// Where the policy in force is set: `this repository`, `its namespace`, `everything`; `None` without one.
    pub in_force: Option<&'static str>,
    /// Whether this repository has a policy of its own.
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
}

/// A tag or manifest that would end.
#[derive(Clone, Debug)]
pub struct DryLine {
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

impl SettingsPage {
    const SECTION: Section = Section::Images;
    const TAB: RepositoryTab = RepositoryTab::About;

    fn target(&self) -> Route {
        Route::Settings(self.repository.clone())
    }

    fn image(&self, line: &DryLine) -> Route {
        Route::ImageByDigest(self.repository.clone(), line.digest.clone())
    }

    fn audit(&self) -> Query {
        Route::Audit.with("repository", self.repository.as_str())
    }

    fn dry_run_hides(&self) -> u64 {
        self.dry_run
            .as_ref()
            .map_or(0, |run| run.total.saturating_sub(run.lines.len() as u64))
    }
}

/// Renders the settings of a repository.
pub fn render_settings(page: &SettingsPage) -> Result<String, askama::Error> {
    page.render()
}

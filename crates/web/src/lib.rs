//! Pages: typed view models, askama templates, SVG and styles.
//!
//! A page is a plain struct with public fields and one template; `render_*` turns it into HTML. The server fills the
//! struct from stored evidence and sends the text. Nothing here reads a file, a database or a clock: the instant of the
//! request is [`Frame::now`]. Every page is complete without script, and no page carries inline style or script, so
//! [`CONTENT_SECURITY_POLICY`] can be strict.
//!
//! The legend of the house: `0` is clean, `–` is not scanned, `?` is unknown. A colour never speaks alone: each state
//! has a glyph and a word. Each derived number is shown with the instant it is true for.
//!
//! Adding a page: a module under `pages` with the struct and its template, an address in [`routes`], its `render_*`
//! below, and a sample in `examples/samples` (the tests render every sample, the gallery shows it).

pub mod assets;
mod chips;
mod draft;
mod findings;
pub mod format;
mod frame;
mod homes;
pub mod pages;
mod paging;
pub mod routes;
mod rules;
mod schedule;
mod sorting;
mod tabs;

pub use chips::{Health, Tally, VerdictChip, VerdictTally};
pub use draft::Draft;
pub use findings::{FindingFilter, FindingGroup, Show};
pub use frame::{Account, FeedsNote, Frame, Section, Theme};
pub use homes::{Home, HomeView};
pub use pages::audit::{AuditFields, AuditLine, AuditPage, render_audit};
pub use pages::decision::{DecisionPage, render_decision};
pub use pages::error::{ErrorKind, ErrorPage, render_error};
pub use pages::feeds::{FeedRow, FeedsPage, render_feeds};
pub use pages::history::{
    HistoryPage, PastTagRow, PastTagsPage, RestorePage, SpanRow, render_history, render_past_tags,
    render_restore,
};
pub use pages::image::{
    Analysed, Analysis, FindingsTab, ImagePage, LayerRow, LayersTab, Matched, Overview,
    PackageFilter, PackageRow, PackagesTab, PlatformLink, Tab, TabContent, VerdictCard,
    render_image,
};
pub use pages::images::{Figures, ImagesPage, RepositoryRow, render_images};
pub use pages::people::account::{AccountPage, TokenColumn, TokenList, TokenSort, render_account};
pub use pages::people::grants::{DefaultRow, GrantRow, GrantsPage, render_grants};
pub use pages::people::organisations::{
    MemberRow, MembersPage, OrganisationPage, OrganisationRow, OrganisationsPage, OwnedRepository,
    render_members, render_organisation, render_organisations,
};
pub use pages::people::robots::{
    GivenRole, RobotPage, RobotRow, RobotState, RobotsPage, render_robot, render_robots,
};
pub use pages::people::rules::{NamespaceRulesPage, render_namespace_rules};
pub use pages::people::teams::{
    TeamMemberRow, TeamPage, TeamRow, TeamsPage, render_team, render_teams,
};
pub use pages::people::usage::{
    NamespaceRow, QuotaCard, QuotaLimit, SystemUsagePage, UsagePage, UsageRow, render_system_usage,
    render_usage,
};
pub use pages::people::{HomeHead, SecretRow, ShownSecret};
pub use pages::repository::{AboutPage, PermissionRow, RuleRow, render_about};
pub use pages::rules::{DryLine, DryRun, RetentionForm, RetentionRule, RuleScope, Rules};
pub use pages::settings::{RoleRow, SettingsPage, render_settings};
pub use pages::sign_in::{ProviderLink, SignInError, SignInPage, render_sign_in};
pub use pages::system::jobs::{JobLine, JobList, JobsPage, render_jobs};
pub use pages::system::rules::{SystemRulesPage, render_system_rules};
pub use pages::system::upstreams::{
    CacheWords, LastAnswer, MirrorOutcome, MirrorResult, MirrorRow, UpstreamRow, UpstreamsPage,
    render_upstreams,
};
pub use pages::system::webhooks::{
    DeliveryList, DeliveryOutcome, DeliveryRow, LatestDelivery, WebhookHealth, WebhookPage,
    WebhookRow, WebhookScope, WebhooksPage, render_webhook, render_webhooks,
};
pub use pages::system::{
    CollectionCard, Done, RunRow, ScheduleRow, SystemPage, Trouble, render_system,
};
pub use pages::tags::{TagColumn, TagRow, TagSort, TagsPage, render_tags};
pub use paging::{NamePaging, Paging};
pub use sorting::{Column, Sort};

/// The policy every page is sent with: no external request, no inline code, no framing.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'";

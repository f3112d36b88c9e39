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
mod findings;
pub mod format;
mod frame;
pub mod pages;
mod paging;
pub mod routes;
mod rules;
mod schedule;
mod tabs;

pub use chips::{Health, Tally, VerdictChip, VerdictTally};
pub use findings::{FindingFilter, FindingGroup, Show};
pub use frame::{Account, FeedsNote, Frame, Section, Theme};
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
pub use pages::repository::{AboutPage, PermissionRow, RuleRow, render_about};
pub use pages::sign_in::{ProviderLink, SignInError, SignInPage, render_sign_in};
pub use pages::system::jobs::{JobLine, JobList, JobsPage, render_jobs};
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
pub use paging::Paging;

/// The policy every page is sent with: no external request, no inline code, no framing.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'";

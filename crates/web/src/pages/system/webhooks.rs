//! Webhooks: who is told of events, and what came of it.
//!
//! The address of an endpoint may hold a token in its path or query, so only its host is shown.

use askama::Template;
use jiff::Timestamp;
use oci::RepositoryName;

use super::{Done, SystemTab};
use crate::frame::{Frame, Section};
use crate::routes::{Query, Route};

/// A page of endpoints, in the order they were made.
#[derive(Clone, Debug, Template)]
#[template(path = "system/webhooks.html", whitespace = "minimize")]
pub struct WebhooksPage {
    /// The surroundings.
    pub frame: Frame,
    /// What was just done.
    pub done: Option<Done>,
    /// The endpoints.
    pub rows: Vec<WebhookRow>,
    /// Whether endpoints come before these.
    pub is_continued: bool,
    /// The endpoint that the next page begins after, if there is one.
    pub next: Option<i64>,
}

/// One endpoint.
#[derive(Clone, Debug)]
pub struct WebhookRow {
    /// Its number.
    pub id: i64,
    /// Its name for people.
    pub name: String,
    /// What it is told about.
    pub about: WebhookScope,
    /// The host that is told.
    pub host: String,
    /// Whether it can be told anything.
    pub health: WebhookHealth,
    /// The latest event for it.
    pub latest: Option<LatestDelivery>,
    /// Deliveries that will be tried.
    pub pending: u64,
    /// Deliveries that gave up.
    pub dead: u64,
}

/// What an endpoint is told about.
#[derive(Clone, Debug)]
pub enum WebhookScope {
    /// Everything.
    Everything,
    /// One namespace.
    Namespace(String),
    /// One repository; `None` is one that is gone.
    Repository(Option<RepositoryName>),
}

/// Whether an endpoint can be told anything.
#[derive(Clone, Debug)]
pub enum WebhookHealth {
    /// It can, as far as is known.
    On,
    /// Nothing could be delivered since then.
    Failing(Timestamp),
    /// Somebody switched it off.
    Off,
    /// The server switched it off, and why.
    GaveUp(String),
}

/// What has become of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// It will be tried, at this instant.
    Pending(Timestamp),
    /// It was accepted.
    Delivered,
    /// It failed too often, or its endpoint was switched off.
    Dead,
}

/// The latest event for an endpoint.
#[derive(Clone, Debug)]
pub struct LatestDelivery {
    /// What kind of event.
    pub event: &'static str,
    /// What has become of it.
    pub outcome: DeliveryOutcome,
    /// The last answer's HTTP status.
    pub status: Option<i64>,
    /// When that was.
    pub at: Timestamp,
}

impl WebhookRow {
    fn address(&self) -> Route {
        Route::Webhook(self.id)
    }

    fn dead_ones(&self) -> Query {
        self.address().with("state", "dead")
    }
}

impl WebhooksPage {
    const SECTION: Section = Section::System;
    const TAB: SystemTab = SystemTab::Webhooks;

    fn next_page(&self) -> Option<Query> {
        let after = self.next?.to_string();
        Some(Route::Webhooks.with("after", &after))
    }
}

/// Renders the page.
pub fn render_webhooks(page: &WebhooksPage) -> Result<String, askama::Error> {
    page.render()
}

/// Which deliveries are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeliveryList {
    /// All of them.
    #[default]
    All,
    /// Those that will be tried.
    Pending,
    /// Those that were accepted.
    Delivered,
    /// Those that gave up.
    Dead,
}

impl DeliveryList {
    const ALL: [Self; 4] = [Self::All, Self::Pending, Self::Delivered, Self::Dead];

    /// Returns the word in the address; empty for all.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// Reads the word; anything unknown is all.
    pub fn from_parameter(word: &str) -> Self {
        let mut lists = Self::ALL.into_iter();
        lists.find(|list| list.as_str() == word).unwrap_or_default()
    }

    const fn label(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Pending => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "gave up",
        }
    }
}

/// One endpoint and what it was told, latest first.
#[derive(Clone, Debug, Template)]
#[template(path = "system/webhook.html", whitespace = "minimize")]
pub struct WebhookPage {
    /// The surroundings.
    pub frame: Frame,
    /// What was just done.
    pub done: Option<Done>,
    /// Its number.
    pub id: i64,
    /// Its name for people.
    pub name: String,
    /// What it is told about.
    pub about: WebhookScope,
    /// The host that is told.
    pub host: String,
    /// `cloudevents` or `slack`.
    pub format: &'static str,
    /// Kinds of events; none for all but pulls.
    pub kinds: Vec<&'static str>,
    /// Patterns of repositories; none for all.
    pub repositories: Vec<String>,
    /// Patterns of tags; none for all.
    pub tags: Vec<String>,
    /// Whether it can be told anything.
    pub health: WebhookHealth,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created: Timestamp,
    /// Which deliveries are listed.
    pub list: DeliveryList,
    /// Where this page begins, to come back to it.
    pub cursor: Option<i64>,
    /// The deliveries.
    pub rows: Vec<DeliveryRow>,
    /// The delivery that the next page begins below, if there is one.
    pub next: Option<i64>,
}

/// One event on its way to an endpoint.
#[derive(Clone, Debug)]
pub struct DeliveryRow {
    /// Its number.
    pub id: i64,
    /// What kind of event.
    pub event: &'static str,
    /// When it happened.
    pub at: Timestamp,
    /// Where it happened: a repository, with its tag if there is one.
    pub place: Option<String>,
    /// What has become of it.
    pub outcome: DeliveryOutcome,
    /// How often it was tried.
    pub attempts: i64,
    /// The last answer's HTTP status.
    pub status: Option<i64>,
    /// How long the last attempt took, in milliseconds.
    pub took_ms: Option<i64>,
    /// The last failure in a few words.
    pub failure: Option<String>,
}

impl WebhookPage {
    const SECTION: Section = Section::System;
    const TAB: SystemTab = SystemTab::Webhooks;

    fn address(&self) -> Route {
        Route::Webhook(self.id)
    }

    fn first_page(&self) -> Query {
        self.address().with("state", self.list.as_str())
    }

    fn next_page(&self) -> Option<Query> {
        let cursor = self.next?.to_string();
        Some(self.first_page().with("cursor", &cursor))
    }

    fn is_off(&self) -> bool {
        matches!(self.health, WebhookHealth::Off | WebhookHealth::GaveUp(_))
    }

    /// What is switched off is told nothing, and what is on its way need not be sent again.
    fn may_be_sent_again(&self, row: &DeliveryRow) -> bool {
        !self.is_off() && !matches!(row.outcome, DeliveryOutcome::Pending(_))
    }
}

/// Renders the page about one endpoint.
pub fn render_webhook(page: &WebhookPage) -> Result<String, askama::Error> {
    page.render()
}

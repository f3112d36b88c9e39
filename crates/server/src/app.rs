//! The state that every handler shares.
//!
//! Nothing here is a truth of its own: the catalog and the store are. What is kept in memory is either immutable
//! (settings, keys, a snapshot) or may be lost at any moment (live analyses, remembered passwords).

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use blobs::Store;
use catalog::Catalog;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::analysis::Analyses;
use crate::auth::password::Passwords;
use crate::auth::throttle::Throttle;
use crate::auth::token::Tokens;
use crate::auth::uses::Uses;
use crate::clock::Clock;
use crate::doors::policies::Policies;
use crate::metrics::Metrics;
use crate::notify::pulls::Pulls;
use crate::outbound::Outbound;
use crate::pull_stats::PullStats;
use crate::recent::Recent;
use crate::settings::Settings;
use crate::sign_in::Ways;
use crate::summaries::Summaries;
use crate::upstream::Upstreams;

/// A handle that handlers clone.
pub(crate) type Shared = Arc<App>;

/// One server process.
pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) catalog: Catalog,
    pub(crate) store: Store,
    pub(crate) tokens: Tokens,
    pub(crate) uses: Uses,
    pub(crate) passwords: Passwords,
    /// The one way to other servers.
    pub(crate) outbound: Outbound,
    /// Other registries, and what is being fetched from them.
    pub(crate) upstreams: Upstreams,
    pub(crate) throttle: Throttle,
    /// The ways to sign in beside passwords kept here.
    pub(crate) ways: Ways,
    pub(crate) metrics: Metrics,
    pub(crate) policies: Policies,
    /// What was pulled since the last batch of statistics.
    pub(crate) pull_stats: PullStats,
    /// What was told of pulls lately.
    pub(crate) pulls: Pulls,
    pub(crate) analyses: Analyses,
    /// What was read lately and still holds.
    pub(crate) recent: Recent,
    /// What was summed up about repositories and still holds.
    pub(crate) summaries: Summaries,
    /// The advisory snapshot in use; a match pins the one it started with.
    pub(crate) snapshot: ArcSwapOption<advisories::Snapshot>,
    /// Wakes the job workers: something was queued.
    pub(crate) jobs_queued: Notify,
    /// Wakes the sweeper: something is in the trash.
    pub(crate) trash_filled: Notify,
    /// Cancelled when the server stops.
    pub(crate) stop: CancellationToken,
}

impl App {
    /// Tells this process's workers that a job was queued. Call it after the commit; other processes hear of it from
    /// the database.
    pub(crate) fn wake_workers(&self) {
        self.jobs_queued.notify_waiters();
    }

    pub(crate) fn wake_sweeper(&self) {
        self.trash_filled.notify_one();
    }
}

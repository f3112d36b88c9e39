//! Asking providers again about those who signed in: what a provider said counts for a time, and not until the next
//! sign-in.
//!
//! With `offline_access` among the scopes the provider is asked without the person. It answers with their groups of
//! today; when it does not vouch for them any more, tokens, sessions and robots end as they do for whoever leaves a
//! directory. A provider that does not answer has said nothing, and is believed for [`SILENCE`].
//!
//! Where nothing can be asked, what was given lapses: groups and the rights of a superuser end, and come back with the
//! next sign-in. Sessions of such sign-ins end by themselves in the same time, see [`session_lifetime`].
//!
//! # Source
//! The project's registry specification, section 8, revocation.

use std::time::Duration;

use catalog::{Actor, SyncedGroups};
use jiff::{SignedDuration, Timestamp};

use super::{Provider, ProviderError};
use crate::app::{App, Shared};
use crate::auth::session;
use crate::error::{ApiError, Cause, chain};
use crate::request::Origin;
use crate::sign_in::admission::{admit, withdraw};

/// How often is looked whose turn it is.
const PAUSE: Duration = Duration::from_secs(20);
const BATCH: u32 = 50;
/// How long a provider that does not answer is believed after it last vouched for somebody.
const SILENCE: SignedDuration = SignedDuration::from_hours(24);

/// Returns how long a session lasts that begins with a sign-in at the provider.
pub(crate) fn session_lifetime(provider: &Provider, can_be_asked: bool) -> SignedDuration {
    if can_be_asked {
        session::LIFETIME
    } else {
        interval(provider).min(session::LIFETIME)
    }
}

fn interval(provider: &Provider) -> SignedDuration {
    SignedDuration::from_mins(i64::from(provider.settings.recheck_minutes))
}

/// Asks until the server stops; without a provider there is nothing to do.
pub(crate) async fn run(app: Shared) {
    if app.ways.providers.is_empty() {
        return;
    }
    loop {
        for provider in &app.ways.providers {
            if let Err(error) = round(&app, provider).await {
                let id = provider.settings.id.as_str();
                tracing::warn!(provider = id, cause = %chain(error.as_ref()), "it could not be looked whom the provider still vouches for");
            }
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn round(app: &App, provider: &Provider) -> Result<(), Cause> {
    let issuer = &provider.settings.issuer;
    loop {
        let now = app.clock.now();
        let before = now.saturating_sub(interval(provider)).unwrap_or(now);
        let due = app
            .catalog
            .take_identities_to_check(issuer, before, now, BATCH)
            .await?;
        for subject in &due {
            check(app, provider, subject, now).await?;
        }
        if due.len() < BATCH as usize {
            return Ok(());
        }
    }
}

async fn check(app: &App, provider: &Provider, subject: &str, now: Timestamp) -> Result<(), Cause> {
    let settings = &provider.settings;
    let identity = (settings.issuer.as_str(), subject);
    let fault = |error: ApiError| error.report();
    let Some(voucher) = app.catalog.voucher(identity).await? else {
        return Ok(());
    };
    let Some(renewal) = &voucher.renewal else {
        return lapse(app, provider, identity, now).await;
    };
    match provider.renew(subject, renewal, now).await {
        Ok(vouched) => {
            // Kept first: many a provider takes each one once.
            let renewal = vouched.renewal.as_ref();
            app.catalog.keep_renewal(identity, renewal).await?;
            let (rules, origin) = (settings.admission(), Origin::default());
            let admitted = admit(app, &settings.id, &vouched.person, &rules, &origin).await;
            admitted.map_err(fault)?.ok();
            Ok(())
        }
        Err(ProviderError::Ended) => {
            tracing::info!(provider = %settings.id, subject, "the provider does not vouch for somebody any more");
            let ended = withdraw(app, &settings.id, identity).await;
            Ok(ended.map_err(fault)?)
        }
        Err(error) => {
            tracing::warn!(provider = %settings.id, cause = %chain(&error), "the provider could not be asked about somebody");
            if now.duration_since(voucher.vouched_at) < SILENCE {
                return Ok(());
            }
            lapse(app, provider, identity, now).await
        }
    }
}

async fn lapse(
    app: &App,
    provider: &Provider,
    identity: (&str, &str),
    now: Timestamp,
) -> Result<(), Cause> {
    let account = app
        .catalog
        .account_by_identity(identity.0, identity.1)
        .await?;
    let Some(account) = account else {
        return Ok(());
    };
    let actor = Actor::named("system");
    let told = SyncedGroups {
        source: &provider.settings.id,
        identity,
        groups: &[],
    };
    app.catalog
        .replace_synced_groups(account.id, &told, &actor, now)
        .await?;
    app.catalog
        .lapse_identity(account.id, identity, &actor, now)
        .await?;
    Ok(())
}

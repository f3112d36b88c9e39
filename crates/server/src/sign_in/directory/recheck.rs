//! Asking the directory whether those who signed in are still there: whoever left it, or all groups that may sign in,
//! loses tokens, sessions and robots within minutes and not at the next sign-in.
//!
//! Each replica takes identities whose turn it is, and no two the same. A directory that does not answer changes
//! nothing: it has not said that anybody left.

use std::time::Duration;

use jiff::SignedDuration;

use super::Directory;
use crate::app::{App, Shared};
use crate::error::{Cause, chain};
use crate::request::Origin;
use crate::sign_in::admission::{admit, is_allowed, withdraw};

/// How often is looked whose turn it is.
const PAUSE: Duration = Duration::from_secs(20);
const BATCH: u32 = 50;

/// Checks until the server stops; without a directory there is nothing to do.
pub(crate) async fn run(app: Shared) {
    let Some(directory) = &app.ways.directory else {
        return;
    };
    loop {
        if let Err(error) = round(&app, directory).await {
            tracing::warn!(cause = %chain(error.as_ref()), "the directory could not be asked who is still there");
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn round(app: &App, directory: &Directory) -> Result<(), Cause> {
    let issuer = directory.issuer();
    let interval = SignedDuration::from_mins(i64::from(directory.settings.recheck_minutes));
    loop {
        let now = app.clock.now();
        let before = now.saturating_sub(interval).unwrap_or(now);
        let due = app
            .catalog
            .take_identities_to_check(&issuer, before, now, BATCH)
            .await?;
        for subject in &due {
            check(app, directory, &issuer, subject).await?;
        }
        if due.len() < BATCH as usize {
            return Ok(());
        }
    }
}

async fn check(app: &App, directory: &Directory, issuer: &str, subject: &str) -> Result<(), Cause> {
    let source = &directory.settings.id;
    let rules = directory.settings.admission();
    let fault = |error: crate::error::ApiError| error.report();
    match directory.find(subject).await? {
        Some(person) if is_allowed(&person, &rules) => {
            let admitted = admit(app, source, &person, &rules, &Origin::default()).await;
            admitted.map_err(fault)?.ok();
        }
        _ => withdraw(app, source, (issuer, subject))
            .await
            .map_err(fault)?,
    }
    Ok(())
}

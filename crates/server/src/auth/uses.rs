//! When a credential was last used, gathered in memory and written by the sweeper: a pull must not cost a write.
//!
//! What is lost when a process dies is a minute of a date that only people read.

use std::collections::HashSet;
use std::sync::Mutex;

use catalog::CatalogError;
use uuid::Uuid;

use crate::app::App;

/// Credentials noted between two writes; more than that are noted at their next use.
const MAX_NOTED: usize = 10_000;

/// The credentials used since the last write.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<HashSet<Uuid>>);

impl Uses {
    pub(crate) fn note(&self, credential: Uuid) {
        let mut noted = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if noted.len() < MAX_NOTED {
            noted.insert(credential);
        }
    }

    fn take(&self) -> Vec<Uuid> {
        let mut noted = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        noted.drain().collect()
    }
}

/// Writes what was gathered.
pub(crate) async fn write(app: &App) -> Result<(), CatalogError> {
    let used = app.uses.take();
    app.catalog.touch_credentials(&used, app.clock.now()).await
}

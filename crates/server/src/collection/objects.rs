//! Objects whose rows are gone: deleted, then forgotten. No transaction is open meanwhile.

use blobs::ObjectKey;
use catalog::{CatalogError, Collected};

use crate::app::App;
use crate::error::chain;
use crate::metrics::StoreOperation;

/// Deletes up to `limit` discarded objects. Those that cannot be deleted now are left alone for a while.
pub(crate) async fn delete_discarded(app: &App, limit: u32) -> Result<Collected, CatalogError> {
    let discarded = app.catalog.discarded(limit, app.clock.now()).await?;
    if discarded.is_empty() {
        return Ok(Collected::default());
    }
    // What is no key was never an object of this store.
    let keys: Vec<ObjectKey> = discarded
        .iter()
        .filter_map(|object| object.object_key.parse().ok())
        .collect();
    let deleted = app.store.delete_all(&keys);
    let deleted = app.metrics.waits.on_store(StoreOperation::Delete, deleted);
    if let Err(error) = deleted.await {
        let cause = chain(&error);
        tracing::warn!(objects = keys.len(), %cause, "objects cannot be deleted, they are tried again");
        app.catalog
            .postpone_discarded(&discarded, &cause, app.clock.now())
            .await?;
        return Ok(Collected::default());
    }
    app.catalog.forget_discarded(&discarded).await?;
    Ok(Collected {
        objects: discarded.len() as u64,
        freed_bytes: discarded.iter().map(|object| object.size_bytes).sum(),
        ..Collected::default()
    })
}

//! What the object store's answers mean to a client of ours.

use object_store::Error;

use crate::BlobError;

/// Sorts an error of the object store.
///
/// # Source
/// "Error responses" of the S3 API reference: a missing bucket and a missing upload are 404 like a missing key, and are
/// told apart by the code in the body.
pub(super) fn fault(attempt: &'static str, key: &str, error: Error) -> BlobError {
    let is_missing = matches!(error, Error::NotFound { .. });
    if is_missing && !chain_contains(&error, "NoSuchBucket") {
        return BlobError::NotFound;
    }
    BlobError::Remote {
        attempt,
        key: key.to_owned(),
        source: Box::new(error),
    }
}

/// Returns whether parts that were stored under this upload are not there any more, or not with this content.
pub(super) fn is_part_lost(error: &Error) -> bool {
    matches!(error, Error::NotFound { .. })
        || ["InvalidPart", "NoSuchUpload", "EntityTooSmall"]
            .iter()
            .any(|code| chain_contains(error, code))
}

/// Returns whether the range does not lie inside the object.
pub(super) fn is_outside(error: &Error) -> bool {
    chain_contains(error, "InvalidRange") || chain_contains(error, "416")
}

fn chain_contains(error: &(dyn std::error::Error + 'static), code: &str) -> bool {
    let mut next = Some(error);
    while let Some(current) = next {
        if current.to_string().contains(code) {
            return true;
        }
        next = current.source();
    }
    false
}

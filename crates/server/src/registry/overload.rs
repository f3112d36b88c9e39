//! Too many requests at once are told to come back, before any of them costs more than a header.
//!
//! The answer is 429 and not 503, because clients of the containers/image family retry nothing else.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::Semaphore;

use crate::error::ApiError;

/// The places for requests that are being answered. The body of an answer is sent without one.
#[derive(Clone)]
pub(crate) struct Places(Arc<Semaphore>);

impl Places {
    pub(crate) fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS))))
    }
}

pub(crate) async fn admit(State(places): State<Places>, request: Request, next: Next) -> Response {
    let Ok(_place) = places.0.try_acquire() else {
        return ApiError::overloaded("the registry is busy, try again in a moment").into_response();
    };
    next.run(request).await
}

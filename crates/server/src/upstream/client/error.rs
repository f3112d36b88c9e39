//! What a registry answers that is no content.

use crate::outbound::OutboundError;

/// Why there is no content from an upstream. The words are for administrators; `host` is never a whole address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("`{0}` does not have it")]
    NotFound(String),
    #[error("`{0}` refuses the credential, or wants one")]
    Denied(String),
    #[error("`{host}` asks to come back later")]
    Limited {
        host: String,
        /// In seconds, as the upstream says.
        retry_after: Option<u64>,
    },
    #[error("`{host}` answers {status}")]
    Unavailable { host: String, status: u16 },
    #[error("`{host}` sent something else than was asked for: {what}")]
    Untrue { host: String, what: String },
    #[error(
        "`{host}` wants the credential shown to `{realm}`; list that under `realms` if it may see it"
    )]
    ForeignRealm { host: String, realm: String },
    #[error("`{host}` wants the credential shown over plain http")]
    PlainRealm { host: String },
    #[error("the list at `{0}` does not end")]
    EndlessList(String),
    #[error(transparent)]
    Outbound(#[from] OutboundError),
}

impl UpstreamError {
    /// Whether what is cached may be served instead: the upstream is in trouble, and has not said that the content is
    /// gone or not for us.
    pub(crate) fn may_serve_stale(&self) -> bool {
        !matches!(self, Self::NotFound(_) | Self::Denied(_))
    }

    /// Whether the same request may succeed later.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Limited { .. } | Self::Unavailable { .. } => true,
            Self::Outbound(error) => error.is_outage(),
            _ => false,
        }
    }
}

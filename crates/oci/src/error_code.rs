//! Error codes of the distribution protocol and the body that carries one.

use serde::Serialize;

/// The longest message a body carries; clients print it on one line.
const MAX_MESSAGE: usize = 300;

/// The error codes of the OCI distribution specification, plus `UNKNOWN` for faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Blob unknown to the registry, or hidden from this caller.
    BlobUnknown,
    /// Upload session unusable.
    BlobUploadInvalid,
    /// Upload session unknown.
    BlobUploadUnknown,
    /// Digest malformed, unsupported or not that of the content.
    DigestInvalid,
    /// A manifest names a blob that is not in its repository.
    ManifestBlobUnknown,
    /// Manifest refused.
    ManifestInvalid,
    /// Manifest unknown, or hidden from this caller.
    ManifestUnknown,
    /// Repository name malformed.
    NameInvalid,
    /// Repository unknown, or hidden from this caller.
    NameUnknown,
    /// Length does not agree with the content.
    SizeInvalid,
    /// A credential is needed.
    Unauthorized,
    /// The caller may not do this.
    Denied,
    /// The operation is not supported.
    Unsupported,
    /// Too many requests.
    TooManyRequests,
    /// A fault of the registry itself.
    Unknown,
}

impl ErrorCode {
    /// Returns the code as it stands in a body.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Denied => "DENIED",
            Self::Unsupported => "UNSUPPORTED",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One entry of an error body.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorEntry {
    /// The code.
    pub code: ErrorCode,
    /// One line of at most 300 characters.
    pub message: String,
    /// Machine-readable detail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<serde_json::Value>,
}

/// An error body. It always has exactly one entry, because clients print only the first.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorBody {
    errors: [ErrorEntry; 1],
}

impl ErrorBody {
    /// Builds a body; line breaks become spaces and the message is cut at 300 characters.
    pub fn new(code: ErrorCode, message: &str, detail: Option<serde_json::Value>) -> Self {
        let message = message
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(MAX_MESSAGE)
            .collect();
        Self {
            errors: [ErrorEntry {
                code,
                message,
                detail,
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_one_entry_and_one_line() {
        let body = ErrorBody::new(ErrorCode::Denied, "first\nsecond", None);
        assert_eq!(
            serde_json::to_string(&body).unwrap(),
            r#"{"errors":[{"code":"DENIED","message":"first second"}]}"#
        );
    }
}

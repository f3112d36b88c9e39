//! Bytes by digest: local files and resumable upload sessions.

//! What an S3 store is told.

use std::time::Duration;

use secrecy::SecretString;

/// The settings of one S3 store.
#[derive(Clone, Debug)]
pub struct S3Config {
    /// The bucket's name. The bucket exists; nothing here makes one.
    pub bucket: String,
    /// What every key begins with: empty, or folder names, each followed by `/`.
    pub prefix: String,
    /// The region, as requests are signed for it.
    pub region: String,
    /// The address of the service, `https://…` or `http://…`; absent: Amazon's in that region.
    pub endpoint: Option<String>,
    /// Whether the bucket is a folder of the address, and not a part of the host's name.
    pub path_style: bool,
    /// The key; absent: what the machine gives (instance role, web identity, `AWS_…` variables).
    pub credentials: Option<S3Credentials>,
    /// How long a request may make no progress.
    pub stall_timeout: Duration,
    /// For how long a failing request is tried again.
    pub retry_timeout: Duration,
}

/// A key that signs requests.
#[derive(Clone, Debug)]
pub struct S3Credentials {
    /// Which key.
    pub access_key_id: String,
    /// The key itself.
    pub secret_access_key: SecretString,
    /// Goes with temporary keys.
    pub session_token: Option<SecretString>,
}

/// The text names no bucket and prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an S3 store is written `s3://BUCKET` or `s3://BUCKET/PREFIX`")]
pub struct InvalidS3Config;

impl S3Config {
    /// Reads `s3://BUCKET/PREFIX`; everything else has its default.
    ///
    /// # Source
    /// "General purpose bucket naming rules" of the S3 user guide, for the bucket. A prefix is made of characters that
    /// mean the same in a key and in an address.
    pub fn parse(text: &str) -> Result<Self, InvalidS3Config> {
        let place = text.strip_prefix("s3://").ok_or(InvalidS3Config)?;
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let is_bucket = (3..=63).contains(&bucket.len())
            && bucket
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
            && bucket
                .bytes()
                .next()
                .is_some_and(|b| b.is_ascii_alphanumeric());
        let prefix = prefix.trim_end_matches('/');
        let is_segment = |segment: &str| {
            !segment.is_empty()
                && segment != "."
                && segment != ".."
                && segment
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        if !is_bucket
            || prefix.len() > 512
            || !(prefix.is_empty() || prefix.split('/').all(is_segment))
        {
            return Err(InvalidS3Config);
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: if prefix.is_empty() {
                String::new()
            } else {
                format!("{prefix}/")
            },
            region: "us-east-1".to_owned(),
            endpoint: None,
            path_style: true,
            credentials: None,
            stall_timeout: Duration::from_mins(1),
            retry_timeout: Duration::from_mins(1),
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("s3://images", Some(("images", "")))]
    #[case("s3://images/", Some(("images", "")))]
    #[case("s3://images/registry/eu", Some(("images", "registry/eu/")))]
    #[case("s3://images/registry/", Some(("images", "registry/")))]
    #[case("s3://", None)]
    #[case("s3://ab", None)]
    #[case("s3://Images", None)]
    #[case("s3://images//x", None)]
    #[case("s3://images/../x", None)]
    #[case("s3://images/a b", None)]
    #[case("s3://images/a%2f", None)]
    #[case("https://images", None)]
    #[case("images", None)]
    fn a_place_is_a_bucket_and_a_prefix(
        #[case] text: &str,
        #[case] expected: Option<(&str, &str)>,
    ) {
        let read = S3Config::parse(text).ok();
        let read = read
            .as_ref()
            .map(|c| (c.bucket.as_str(), c.prefix.as_str()));
        assert_eq!(read, expected);
    }
}

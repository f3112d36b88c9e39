//! Lists: tags and referrers, page by page, up to limits.

use oci::{Descriptor, Digest, Reference, Tag, media_type};
use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderMap};
use serde::Deserialize;

use super::{Remote, UpstreamError, header, link};

/// Pages read of one list.
const MAX_PAGES: usize = 200;
/// Tags read of one repository.
const MAX_TAGS: usize = 100_000;
/// Referrers read of one subject.
pub(crate) const MAX_REFERRERS: usize = 1_000;
/// Longest page, in bytes.
const MAX_PAGE: u64 = 4 << 20;
/// The endings of cosign's older scheme, which attaches by tag.
const COSIGN: [&str; 3] = ["sig", "att", "sbom"];

#[derive(Deserialize)]
struct TagPage {
    /// Some registries write `null` for none.
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Index {
    manifests: Option<Vec<Descriptor>>,
}

impl Remote {
    /// Lists the tags of a repository. What is no tag is left out.
    ///
    /// # Errors
    /// [`UpstreamError::EndlessList`] for a list that goes round or is longer than is read.
    pub(crate) async fn tags(&self, repository: &str) -> Result<Vec<Tag>, UpstreamError> {
        let mut url = self.address(repository, "tags/list");
        url.set_query(Some("n=1000"));
        let endless = || UpstreamError::EndlessList(self.host().to_owned());
        let mut tags: Vec<Tag> = Vec::new();
        for _ in 0..MAX_PAGES {
            let headers = HeaderMap::new();
            let answer = self
                .ask(repository, &Method::GET, &url, &headers, None)
                .await?;
            if answer.status() != 200 {
                return Err(Self::refused(&answer));
            }
            let next = link::next(answer.headers(), &url);
            let body = answer.bytes(MAX_PAGE).await?;
            let page: TagPage = serde_json::from_slice(&body)
                .map_err(|_| self.untrue("a list of tags that cannot be read"))?;
            let found = page.tags.unwrap_or_default();
            tags.extend(found.iter().filter_map(|tag| tag.parse().ok()));
            if tags.len() > MAX_TAGS {
                return Err(endless());
            }
            match next {
                None => {
                    tags.sort_unstable();
                    tags.dedup();
                    return Ok(tags);
                }
                Some(next) if next == url => return Err(endless()),
                Some(next) => url = next,
            }
        }
        Err(endless())
    }

    /// Lists what refers to a manifest: by the referrers address, else by the tag that stands in for it.
    pub(crate) async fn referrers(
        &self,
        repository: &str,
        subject: &Digest,
    ) -> Result<Vec<Descriptor>, UpstreamError> {
        match self.referrer_pages(repository, subject).await {
            Err(UpstreamError::NotFound(_) | UpstreamError::Untrue { .. }) => {
                self.referrers_by_tag(repository, subject).await
            }
            other => other,
        }
    }

    async fn referrer_pages(
        &self,
        repository: &str,
        subject: &Digest,
    ) -> Result<Vec<Descriptor>, UpstreamError> {
        let mut url = self.address(repository, &format!("referrers/{subject}"));
        let endless = || UpstreamError::EndlessList(self.host().to_owned());
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, header(media_type::OCI_INDEX));
        let mut found = Vec::new();
        for _ in 0..MAX_PAGES {
            let answer = self
                .ask(repository, &Method::GET, &url, &headers, None)
                .await?;
            if answer.status() != 200 {
                return Err(Self::refused(&answer));
            }
            let next = link::next(answer.headers(), &url);
            let body = answer.bytes(MAX_PAGE).await?;
            let page: Index = serde_json::from_slice(&body)
                .map_err(|_| self.untrue("a list of referrers that cannot be read"))?;
            found.extend(page.manifests.unwrap_or_default());
            if found.len() > MAX_REFERRERS {
                return Err(endless());
            }
            match next {
                None => return Ok(found),
                Some(next) if next == url => return Err(endless()),
                Some(next) => url = next,
            }
        }
        Err(endless())
    }

    async fn referrers_by_tag(
        &self,
        repository: &str,
        subject: &Digest,
    ) -> Result<Vec<Descriptor>, UpstreamError> {
        let Some(tag) = referrers_tag(subject) else {
            return Ok(Vec::new());
        };
        match self.manifest(repository, &Reference::Tag(tag)).await {
            Ok(found) => {
                let index: Index = serde_json::from_slice(&found.bytes)
                    .map_err(|_| self.untrue("a list of referrers that cannot be read"))?;
                let mut found = index.manifests.unwrap_or_default();
                found.truncate(MAX_REFERRERS);
                Ok(found)
            }
            Err(UpstreamError::NotFound(_)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// Returns the tag under which registries without the referrers address keep the list.
///
/// # Source
/// The distribution specification, "Referrers Tag Schema".
pub(crate) fn referrers_tag(subject: &Digest) -> Option<Tag> {
    let (algorithm, encoded) = subject.as_str().split_once(':')?;
    let algorithm: String = algorithm.chars().take(32).collect();
    let encoded: String = encoded.chars().take(64).collect();
    format!("{algorithm}-{encoded}").parse().ok()
}

/// Returns the tags under which cosign's older scheme attaches to a manifest.
pub(crate) fn cosign_tags(subject: &Digest) -> impl Iterator<Item = Tag> {
    let base = subject.as_str().replacen(':', "-", 1);
    COSIGN
        .into_iter()
        .filter_map(move |ending| format!("{base}.{ending}").parse().ok())
}

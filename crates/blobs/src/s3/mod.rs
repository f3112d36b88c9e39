//! The backend of an S3 bucket: `o/<2 hex>/<uuid>` when whole, parts of a multipart upload while growing.
//!
//! Nothing is stored before there is data, and what fits into one part is one plain `PUT`. Otherwise parts of equal size
//! go to a multipart upload on the object's own key; between requests the bytes after the last part wait in a tail
//! object, `t/<upload>/<uuid>`, under a name that is never used twice. The multipart upload's id, its parts and the
//! tail's name are strings in the session's row, so that any replica goes on where another stopped. An object store has
//! no rename and may list late: neither is needed.
//!
//! Two replicas that write to one session at once: the row's version decides who goes on, the other is told to ask. Both
//! may have sent the same part number; the completion names each part by its entity tag, so that content which nobody
//! hashed is refused by the store, and the upload starts again.
//!
//! A multipart upload whose writer died before its first checkpoint is named by no row: a lifecycle rule on incomplete
//! uploads removes it (see the guide on S3).

pub(crate) mod config;
mod fault;
mod parts;
pub(crate) mod reader;
pub(crate) mod writer;

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use failpoint::Step;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};
use object_store::multipart::MultipartStore as _;
use object_store::path::Path;
use object_store::signer::Signer as _;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, GetRange, ObjectMeta, ObjectStore as _,
    ObjectStoreExt as _, PutPayload, RetryConfig,
};
use uuid::Uuid;

use self::fault::{fault, is_outside};
use self::reader::S3Reader;
use self::writer::S3Locked;
use crate::{BlobError, ObjectInfo, ObjectKey, S3Config, Session};

/// How often, and how far apart, opening an upload that is locked is tried again.
const LOCK_ATTEMPTS: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(50);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_RETRIES: usize = 8;
/// The most keys in one answer or one deletion.
const PAGE_KEYS: usize = 1000;

/// A store in an S3 bucket.
#[derive(Clone, Debug)]
pub struct S3Store {
    client: Arc<AmazonS3>,
    prefix: Arc<str>,
    busy: Arc<Mutex<HashSet<Uuid>>>,
}

impl S3Store {
    pub(crate) async fn open(config: &S3Config) -> Result<Self, BlobError> {
        let store = Self {
            client: Arc::new(client(config).map_err(|e| fault("open", &config.bucket, e))?),
            prefix: config.prefix.as_str().into(),
            busy: Arc::default(),
        };
        // An empty listing is an answer; a wrong bucket, key or address is not.
        store.page("o/", None, 1).await?;
        Ok(store)
    }

    /// Keeps other writers of this process out.
    pub(crate) async fn lock(&self, upload: Uuid) -> Result<S3Locked, BlobError> {
        for attempt in 1.. {
            if let Some(guard) = Guard::take(&self.busy, upload) {
                return Ok(S3Locked::new(self.clone(), guard));
            }
            if attempt == LOCK_ATTEMPTS {
                break;
            }
            tokio::time::sleep(LOCK_PAUSE).await;
        }
        Err(BlobError::Busy)
    }

    pub(crate) async fn abort(&self, session: &Session) -> Result<(), BlobError> {
        if let Some(multipart) = &session.staged.multipart {
            self.abort_multipart(&session.key, multipart).await?;
        }
        self.remove_tails(session.upload).await?;
        self.delete_all(std::slice::from_ref(&session.key)).await
    }

    pub(crate) async fn clear(&self, session: &Session) -> Result<(), BlobError> {
        match &session.staged.tail {
            Some(_) => self.remove_tails(session.upload).await,
            None => Ok(()),
        }
    }

    pub(crate) async fn open_range(
        &self,
        key: &ObjectKey,
        range: Option<Range<u64>>,
    ) -> Result<S3Reader, BlobError> {
        self.read(key.as_str(), range).await
    }

    pub(crate) async fn presign(
        &self,
        key: &ObjectKey,
        valid_for: Duration,
    ) -> Result<String, BlobError> {
        let method = "GET".parse().expect("a method of HTTP");
        self.client
            .signed_url(method, &self.path(key.as_str()), valid_for)
            .await
            .map(String::from)
            .map_err(|e| fault("sign an address of", key.as_str(), e))
    }

    pub(crate) async fn delete_all(&self, keys: &[ObjectKey]) -> Result<(), BlobError> {
        let paths = keys.iter().map(|key| self.path(key.as_str())).collect();
        self.delete_paths(paths).await
    }

    pub(crate) async fn list(
        &self,
        after: Option<&ObjectKey>,
        limit: usize,
    ) -> Result<Vec<ObjectInfo>, BlobError> {
        let mut found: Vec<ObjectInfo> = Vec::new();
        let mut after = after.map(|key| key.as_str().to_owned());
        while found.len() < limit {
            let page = self
                .page("o/", after.as_deref(), limit - found.len())
                .await?;
            let Some(last) = page.last() else { break };
            after = Some(self.name(&last.location).to_owned());
            // What has another form was put there by somebody else.
            found.extend(page.iter().filter_map(|meta| {
                Some(ObjectInfo {
                    key: self.name(&meta.location).parse().ok()?,
                    size_bytes: meta.size,
                    modified: meta.last_modified.into(),
                })
            }));
        }
        Ok(found)
    }

    pub(crate) async fn list_uploads(&self) -> Result<Vec<Uuid>, BlobError> {
        let mut uploads = BTreeSet::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.page("t/", after.as_deref(), PAGE_KEYS).await?;
            let Some(last) = page.last() else { break };
            after = Some(self.name(&last.location).to_owned());
            for meta in &page {
                let upload = self.name(&meta.location).split('/').nth(1);
                uploads.extend(upload.and_then(|id| Uuid::try_parse(id).ok()));
            }
        }
        Ok(uploads.into_iter().collect())
    }

    /// Deletes every tail of an upload, named by a row or not.
    pub(crate) async fn remove_tails(&self, upload: Uuid) -> Result<(), BlobError> {
        let folder = format!("t/{upload}/");
        loop {
            let page = self.page(&folder, None, PAGE_KEYS).await?;
            let is_last = page.len() < PAGE_KEYS;
            let paths = page.into_iter().map(|meta| meta.location).collect();
            self.delete_paths(paths).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// Opens any object of this store, counted.
    async fn read(&self, key: &str, range: Option<Range<u64>>) -> Result<S3Reader, BlobError> {
        // The protocol has no way to ask for no bytes.
        if let Some(range) = &range
            && range.start >= range.end
        {
            let size_bytes = self.size_of(key).await?;
            if range.start > range.end || range.end > size_bytes {
                return Err(BlobError::Range { size_bytes });
            }
            let nothing = futures::stream::empty().boxed();
            return Ok(S3Reader::new(nothing, key, size_bytes, range.clone()));
        }
        let options = GetOptions {
            range: range.clone().map(GetRange::Bounded),
            ..GetOptions::default()
        };
        let answer = match self.client.get_opts(&self.path(key), options).await {
            Ok(answer) => answer,
            Err(error) if range.is_some() && is_outside(&error) => {
                return Err(BlobError::Range {
                    size_bytes: self.size_of(key).await?,
                });
            }
            Err(error) => return Err(fault("read", key, error)),
        };
        let (size_bytes, given) = (answer.meta.size, answer.range.clone());
        if range.is_some_and(|asked| asked != given) {
            return Err(BlobError::Range { size_bytes });
        }
        Ok(S3Reader::new(answer.into_stream(), key, size_bytes, given))
    }

    async fn size_of(&self, key: &str) -> Result<u64, BlobError> {
        let head = self.client.head(&self.path(key)).await;
        head.map(|meta| meta.size)
            .map_err(|e| fault("inspect", key, e))
    }

    async fn put(&self, key: &str, chunks: &[Bytes]) -> Result<(), BlobError> {
        let payload: PutPayload = chunks.iter().cloned().collect();
        failpoint::before(Step::BucketPut);
        self.client
            .put(&self.path(key), payload)
            .await
            .map_err(|e| fault("write", key, e))?;
        failpoint::after(Step::BucketPut);
        Ok(())
    }

    /// Gives a multipart upload up; one that is gone, or became its object, counts as given up.
    async fn abort_multipart(&self, key: &ObjectKey, multipart: &str) -> Result<(), BlobError> {
        let path = self.path(key.as_str());
        match self
            .client
            .abort_multipart(&path, &multipart.to_owned())
            .await
        {
            Ok(()) => Ok(()),
            Err(error) if fault::is_part_lost(&error) => Ok(()),
            Err(error) => Err(fault("give up the upload of", key.as_str(), error)),
        }
    }

    async fn delete_paths(&self, paths: Vec<Path>) -> Result<(), BlobError> {
        failpoint::before(Step::BucketDelete);
        let locations = futures::stream::iter(paths.into_iter().map(Ok)).boxed();
        let mut deleted = self.client.delete_stream(locations);
        loop {
            match deleted.try_next().await {
                Ok(Some(_)) => {}
                Ok(None) => {
                    failpoint::after(Step::BucketDelete);
                    return Ok(());
                }
                Err(error) => match fault("delete", "", error) {
                    BlobError::NotFound => {}
                    other => return Err(other),
                },
            }
        }
    }

    /// Returns one page of the objects under a folder, in order of their names.
    async fn page(
        &self,
        folder: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectMeta>, BlobError> {
        let prefix = format!("{}{folder}", self.prefix);
        let options = PaginatedListOptions {
            offset: after.map(|after| format!("{}{after}", self.prefix)),
            max_keys: Some(limit.min(PAGE_KEYS)),
            ..PaginatedListOptions::default()
        };
        self.client
            .list_paginated(Some(&prefix), options)
            .await
            .map(|page| page.result.objects)
            .map_err(|e| fault("list", &prefix, e))
    }

    fn path(&self, key: &str) -> Path {
        Path::from(format!("{}{key}", self.prefix))
    }

    fn name<'a>(&self, path: &'a Path) -> &'a str {
        let text = path.as_ref();
        text.strip_prefix(&*self.prefix).unwrap_or(text)
    }
}

fn client(config: &S3Config) -> object_store::Result<AmazonS3> {
    let options = ClientOptions::new()
        .with_connect_timeout(CONNECT_TIMEOUT)
        // Not a limit on the whole: a large object may take its client hours.
        .with_timeout_disabled()
        .with_read_timeout(config.stall_timeout);
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_secs(5),
            base: 2.0,
        },
        max_retries: MAX_RETRIES,
        retry_timeout: config.retry_timeout,
    };
    let builder = match &config.credentials {
        // The machine's own way to an identity.
        None => AmazonS3Builder::from_env(),
        Some(credentials) => {
            let builder = AmazonS3Builder::new()
                .with_access_key_id(&credentials.access_key_id)
                .with_secret_access_key(secrecy::ExposeSecret::expose_secret(
                    &credentials.secret_access_key,
                ));
            match &credentials.session_token {
                None => builder,
                Some(token) => builder.with_token(secrecy::ExposeSecret::expose_secret(token)),
            }
        }
    };
    let is_plain = config
        .endpoint
        .as_ref()
        .is_some_and(|endpoint| endpoint.starts_with("http://"));
    let mut builder = builder
        .with_client_options(options)
        .with_retry(retry)
        .with_bucket_name(&config.bucket)
        .with_region(&config.region)
        .with_virtual_hosted_style_request(!config.path_style)
        .with_allow_http(is_plain);
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    builder.build()
}

/// Marks an upload as being written to in this process.
#[derive(Debug)]
pub(crate) struct Guard {
    busy: Arc<Mutex<HashSet<Uuid>>>,
    upload: Uuid,
}

impl Guard {
    fn take(busy: &Arc<Mutex<HashSet<Uuid>>>, upload: Uuid) -> Option<Self> {
        let is_free = busy
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(upload);
        is_free.then(|| Self {
            busy: Arc::clone(busy),
            upload,
        })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.busy
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.upload);
    }
}

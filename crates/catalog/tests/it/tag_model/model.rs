//! The sequential model of what may happen to tags.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{NewQuota, RepositoryId, RestoreWindow};
use jiff::Timestamp;

/// A document of the universe; its place there is its name in the model.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) body: String,
    pub(crate) digest: String,
    pub(crate) blobs: Vec<String>,
    pub(crate) children: Vec<usize>,
    pub(crate) labels: BTreeMap<String, String>,
    /// How long the label says its tags live, in minutes.
    pub(crate) life: Option<i64>,
}

/// Why a change is refused; nothing is changed then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    RepositoryGone,
    ReadOnly,
    Immutable(String),
    Expiring,
    OverQuota,
    NoWayBack,
    WindowClosed,
    NotWhole,
}

/// What a span began or ended with, in the words of the API.
pub(crate) type Cause = &'static str;

/// A span of a tag's life.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    /// Learned from the catalog when it is first seen there.
    pub(crate) id: Option<i64>,
    pub(crate) tag: String,
    pub(crate) document: usize,
    pub(crate) start: Timestamp,
    pub(crate) end: Option<Timestamp>,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) cause: Cause,
    pub(crate) end_cause: Option<Cause>,
    pub(crate) reverts: Option<i64>,
    pub(crate) is_purged: bool,
    pub(crate) immutable: bool,
}

impl Span {
    /// Whether readers see it now.
    pub(crate) fn is_present(&self, now: Timestamp) -> bool {
        self.end.is_none() && self.expires.is_none_or(|expires| expires > now)
    }

    /// Whether it covered an instant.
    pub(crate) fn covers(&self, at: Timestamp) -> bool {
        self.start <= at
            && self.end.is_none_or(|end| at < end)
            && self.expires.is_none_or(|expires| at < expires)
    }

    fn close(&mut self, now: Timestamp, cause: Cause) {
        let ran_out = self.expires.filter(|expires| *expires <= now);
        self.end = Some(ran_out.unwrap_or(now).max(self.start));
        self.end_cause = Some(if ran_out.is_some() { "expire" } else { cause });
    }
}

/// A rule: the tag's name, and a label if it asks for one.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) id: i64,
    /// `None` for the system's, a namespace, or a repository's place.
    pub(crate) place: Place,
    pub(crate) tag: &'static str,
    pub(crate) label: Option<&'static str>,
}

/// Where a rule is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    System,
    Namespace(String),
    Repository(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct Repository {
    pub(crate) id: RepositoryId,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) is_read_only: bool,
    /// In the order of their beginning.
    pub(crate) spans: Vec<Span>,
    /// What it holds, and whether that was deleted and is only kept for the way back.
    pub(crate) manifests: BTreeMap<usize, bool>,
}

/// What a change did to a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) tag: String,
    pub(crate) previous: Option<usize>,
}

/// What a push did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pushed {
    pub(crate) created: bool,
    pub(crate) moved: Vec<Moved>,
    pub(crate) is_near_quota: bool,
}

/// What a deletion by digest did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deleted {
    Gone(Vec<String>),
    Absent,
    Held,
}

/// Where a tag is to point.
pub(crate) struct Target {
    pub(crate) document: usize,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) reverts: Option<i64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) documents: Vec<Document>,
    pub(crate) repositories: Vec<Repository>,
    pub(crate) windows: BTreeMap<String, RestoreWindow>,
    pub(crate) quotas: BTreeMap<String, NewQuota>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) is_read_only: bool,
}

impl Model {
    pub(crate) fn window(&self, namespace: &str) -> RestoreWindow {
        self.windows.get(namespace).copied().unwrap_or_default()
    }

    /// Takes a change that happens wholly or not at all.
    pub(crate) fn whole<T>(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut next = self.clone();
        let answer = change(&mut next)?;
        *self = next;
        Ok(answer)
    }

    fn writable(&self, repository: usize) -> Result<(), Refusal> {
        if self.is_read_only || self.repositories[repository].is_read_only {
            return Err(Refusal::ReadOnly);
        }
        Ok(())
    }

    /// The span that is not closed, whether or not it has run out.
    fn open(&self, repository: usize, tag: &str) -> Option<usize> {
        let spans = &self.repositories[repository].spans;
        spans
            .iter()
            .position(|span| span.tag == tag && span.end.is_none())
    }

    fn present(&mut self, repository: usize, tag: &str, now: Timestamp) -> Option<&mut Span> {
        let open = self.open(repository, tag)?;
        let span = &mut self.repositories[repository].spans[open];
        span.is_present(now).then_some(span)
    }

    /// Whether a rule makes a tag immutable that points there.
    pub(crate) fn is_ruled(&self, repository: usize, tag: &str, document: usize) -> bool {
        let namespace = &self.repositories[repository].namespace;
        self.rules.iter().any(|rule| {
            let is_here = match &rule.place {
                Place::System => true,
                Place::Namespace(name) => name == namespace,
                Place::Repository(place) => *place == repository,
            };
            let has_label = rule
                .label
                .is_none_or(|label| self.documents[document].labels.contains_key(label));
            is_here && rule.tag == tag && has_label
        })
    }

    fn is_fixed(&self, repository: usize, span: usize) -> bool {
        let span = &self.repositories[repository].spans[span];
        span.immutable || self.is_ruled(repository, &span.tag, span.document)
    }

    /// Points a tag somewhere, or ends it. `None`: nothing changed.
    pub(crate) fn retarget(
        &mut self,
        repository: usize,
        tag: &str,
        target: Option<Target>,
        cause: Cause,
        now: Timestamp,
    ) -> Result<Option<Moved>, Refusal> {
        let mut previous = None;
        if let Some(open) = self.open(repository, tag) {
            let is_fixed = self.is_fixed(repository, open);
            let span = &mut self.repositories[repository].spans[open];
            if span.is_present(now) {
                if let Some(target) = target.as_ref().filter(|t| t.document == span.document) {
                    // The same content again: its life counts from now.
                    if target.expires.is_some() && !is_fixed {
                        span.expires = target.expires;
                    }
                    return Ok(None);
                }
                if is_fixed {
                    return Err(Refusal::Immutable(tag.to_owned()));
                }
                previous = Some(span.document);
            }
            span.close(now, if cause == "push" { "move" } else { cause });
        }
        let moved = Moved {
            tag: tag.to_owned(),
            previous,
        };
        let Some(target) = target else {
            return Ok(previous.is_some().then_some(moved));
        };
        // Spans of a tag never overlap, whatever the clock does.
        let last_end = self.repositories[repository]
            .spans
            .iter()
            .filter(|span| span.tag == tag)
            .filter_map(|span| span.end)
            .max();
        let is_ruled = self.is_ruled(repository, tag, target.document);
        self.repositories[repository].spans.push(Span {
            id: None,
            tag: tag.to_owned(),
            document: target.document,
            start: last_end.map_or(now, |end| end.max(now)),
            end: None,
            expires: target.expires.filter(|_| !is_ruled),
            cause: if cause == "push" && previous.is_some() {
                "move"
            } else {
                cause
            },
            end_cause: None,
            reverts: target.reverts,
            is_purged: false,
            immutable: false,
        });
        Ok(Some(moved))
    }

    pub(crate) fn push(
        &mut self,
        repository: usize,
        document: usize,
        tags: &[String],
        now: Timestamp,
    ) -> Result<Pushed, Refusal> {
        self.writable(repository)?;
        let before = self.repositories[repository]
            .manifests
            .insert(document, false);
        let mut is_near_quota = false;
        if before.is_none() {
            let namespace = self.repositories[repository].namespace.clone();
            if let Some(quota) = self.quotas.get(&namespace) {
                let used = self.used_in(&namespace);
                if quota.refuses && used > quota.limit_bytes {
                    return Err(Refusal::OverQuota);
                }
                is_near_quota = used * 100 >= quota.limit_bytes * u64::from(quota.warn_percent);
            }
        }
        let expires = self.documents[document]
            .life
            .map(|life| now + jiff::SignedDuration::from_mins(life));
        let mut moved = Vec::new();
        for tag in tags.iter().collect::<BTreeSet<_>>() {
            let target = Target {
                document,
                expires,
                reverts: None,
            };
            moved.extend(self.retarget(repository, tag, Some(target), "push", now)?);
        }
        Ok(Pushed {
            created: before != Some(false),
            moved,
            is_near_quota,
        })
    }

    pub(crate) fn end(
        &mut self,
        repository: usize,
        tag: &str,
        cause: Cause,
        now: Timestamp,
    ) -> Result<Option<usize>, Refusal> {
        self.writable(repository)?;
        let moved = self.retarget(repository, tag, None, cause, now)?;
        Ok(moved.and_then(|moved| moved.previous))
    }

    /// Whether an index of the repository names a document; `or_hidden` counts deleted ones too.
    pub(crate) fn is_child(&self, repository: usize, document: usize, or_hidden: bool) -> bool {
        self.repositories[repository]
            .manifests
            .iter()
            .any(|(parent, is_hidden)| {
                self.documents[*parent].children.contains(&document) && (or_hidden || !is_hidden)
            })
    }

    pub(crate) fn delete(
        &mut self,
        repository: usize,
        document: usize,
        cause: Cause,
        now: Timestamp,
    ) -> Result<Deleted, Refusal> {
        self.writable(repository)?;
        if self.repositories[repository].manifests.get(&document) != Some(&false) {
            return Ok(Deleted::Absent);
        }
        if self.is_child(repository, document, false) {
            return Ok(Deleted::Held);
        }
        let mut ended = Vec::new();
        for tag in self.tags_on(repository, document) {
            let moved = self.retarget(repository, &tag, None, cause, now)?;
            ended.extend(moved.map(|moved| moved.tag));
        }
        let window = self.window(&self.repositories[repository].namespace);
        let manifests = &mut self.repositories[repository].manifests;
        if window == RestoreWindow::None {
            manifests.remove(&document);
        } else {
            manifests.insert(document, true);
        }
        Ok(Deleted::Gone(ended))
    }

    pub(crate) fn restore(
        &mut self,
        repository: usize,
        tag: &str,
        document: usize,
        now: Timestamp,
    ) -> Result<Option<usize>, Refusal> {
        self.writable(repository)?;
        let found = self.repositories[repository]
            .spans
            .iter()
            .rev()
            .find(|span| {
                span.tag == tag
                    && span.document == document
                    && !span.is_purged
                    && (span.end.is_some() || !span.is_present(now))
            });
        let span = found.ok_or(Refusal::NoWayBack)?;
        let ended = span.end.or(span.expires).expect("it has ended");
        let reverts = span.id;
        let namespace = self.repositories[repository].namespace.clone();
        if ended <= self.window(&namespace).begin(now) {
            return Err(Refusal::WindowClosed);
        }
        let mut shown = vec![document];
        let manifests = &mut self.repositories[repository].manifests;
        if !manifests.contains_key(&document) {
            return Err(Refusal::NotWhole);
        }
        while let Some(document) = shown.pop() {
            if let Some(is_hidden) = manifests.get_mut(&document) {
                *is_hidden = false;
                shown.extend(&self.documents[document].children);
            }
        }
        let target = Target {
            document,
            expires: None,
            reverts,
        };
        let moved = self.retarget(repository, tag, Some(target), "restore", now)?;
        Ok(moved.map_or(Some(document), |moved| moved.previous))
    }

    pub(crate) fn set_expiry(
        &mut self,
        repository: usize,
        tag: &str,
        expires: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, Refusal> {
        self.writable(repository)?;
        let Some(span) = self.present(repository, tag, now) else {
            return Ok(false);
        };
        if span.expires == expires {
            return Ok(true);
        }
        let (document, is_locked) = (span.document, span.immutable);
        if is_locked || self.is_ruled(repository, tag, document) {
            return Err(Refusal::Immutable(tag.to_owned()));
        }
        if let Some(span) = self.present(repository, tag, now) {
            span.expires = expires;
        }
        Ok(true)
    }

    pub(crate) fn set_immutable(
        &mut self,
        repository: usize,
        tag: &str,
        immutable: bool,
        now: Timestamp,
    ) -> Result<bool, Refusal> {
        self.writable(repository)?;
        let Some(span) = self.present(repository, tag, now) else {
            return Ok(false);
        };
        if immutable && !span.immutable && span.expires.is_some() {
            return Err(Refusal::Expiring);
        }
        span.immutable = immutable;
        Ok(true)
    }

    /// Closes what ran out and returns how many there were.
    pub(crate) fn close_expired(&mut self, now: Timestamp) -> u32 {
        let mut closed = 0;
        let spans = self.repositories.iter_mut().flat_map(|r| &mut r.spans);
        for span in spans.filter(|span| span.end.is_none() && !span.is_present(now)) {
            span.close(now, "expire");
            closed += 1;
        }
        closed
    }

    pub(crate) fn purge(
        &mut self,
        repository: usize,
        tag: &str,
        ids: &[i64],
        now: Timestamp,
    ) -> Result<u32, Refusal> {
        self.writable(repository)?;
        let window = self.window(&self.repositories[repository].namespace);
        let begin = window.begin(now);
        let mut left = BTreeSet::new();
        let mut purged = 0;
        for span in &mut self.repositories[repository].spans {
            let is_chosen = span.id.is_some_and(|id| ids.contains(&id)) && span.tag == tag;
            if is_chosen && span.end.is_some() && !span.is_purged {
                span.is_purged = true;
                purged += 1;
                left.insert(span.document);
            }
        }
        for document in left {
            if !self.is_kept(repository, document, begin) {
                self.repositories[repository].manifests.remove(&document);
            }
        }
        Ok(purged)
    }

    /// Deletes an image for good and returns how many manifests went; `None`: an index holds it, or it is not there.
    pub(crate) fn purge_image(
        &mut self,
        repository: usize,
        document: usize,
        now: Timestamp,
    ) -> Result<Option<u32>, Refusal> {
        self.writable(repository)?;
        let is_there = self.repositories[repository]
            .manifests
            .contains_key(&document);
        if !is_there || self.is_child(repository, document, true) {
            return Ok(None);
        }
        for tag in self.tags_on(repository, document) {
            self.retarget(repository, &tag, None, "delete", now)?;
        }
        for span in &mut self.repositories[repository].spans {
            span.is_purged |= span.document == document && span.end.is_some();
        }
        let begin = self
            .window(&self.repositories[repository].namespace)
            .begin(now);
        let mut gone = 0;
        let mut leaving = vec![document];
        while let Some(document) = leaving.pop() {
            let is_there = self.repositories[repository]
                .manifests
                .contains_key(&document);
            if !is_there || self.is_kept(repository, document, begin) {
                continue;
            }
            self.repositories[repository].manifests.remove(&document);
            leaving.extend(&self.documents[document].children);
            gone += 1;
        }
        Ok(Some(gone))
    }

    fn tags_on(&self, repository: usize, document: usize) -> BTreeSet<String> {
        let spans = self.repositories[repository].spans.iter();
        spans
            .filter(|span| span.end.is_none() && span.document == document)
            .map(|span| span.tag.clone())
            .collect()
    }

    /// Whether a tag, a way back or an index leads to a manifest.
    fn is_kept(&self, repository: usize, document: usize, begin: Timestamp) -> bool {
        let mut spans = self.repositories[repository].spans.iter();
        self.is_child(repository, document, true)
            || spans.any(|span| {
                span.document == document
                    && !span.is_purged
                    && span.end.is_none_or(|end| end > begin)
            })
    }

    /// Whether a repository may be deleted.
    pub(crate) fn may_end(&self, repository: usize, now: Timestamp) -> Result<(), Refusal> {
        self.writable(repository)?;
        let spans = self.repositories[repository].spans.iter().enumerate();
        let fixed = spans
            .filter(|(place, span)| span.is_present(now) && self.is_fixed(repository, *place))
            .map(|(_, span)| span.tag.clone());
        // Which one is named does not matter.
        fixed
            .min()
            .map_or(Ok(()), |tag| Err(Refusal::Immutable(tag)))
    }

    /// The bytes of a namespace: each blob once, each manifest in each repository.
    pub(crate) fn used_in(&self, namespace: &str) -> u64 {
        let repositories = self.repositories.iter();
        self.used_by(repositories.filter(|repository| repository.namespace == namespace))
    }

    /// The bytes of everything.
    pub(crate) fn used(&self) -> u64 {
        self.used_by(self.repositories.iter())
    }

    fn used_by<'a>(&self, repositories: impl Iterator<Item = &'a Repository> + Clone) -> u64 {
        let manifests: usize = repositories
            .clone()
            .flat_map(|repository| repository.manifests.keys())
            .map(|document| self.documents[*document].body.len())
            .sum();
        // Every repository is given every blob when it is made.
        let blobs: BTreeSet<&String> = match repositories.count() {
            0 => BTreeSet::new(),
            _ => self.documents.iter().flat_map(|d| &d.blobs).collect(),
        };
        let blobs: usize = blobs.into_iter().map(String::len).sum();
        (manifests + blobs) as u64
    }
}

//! What may neither move nor end: a flag of the tag, or a rule that matches it.
//!
//! Rules of every scope that holds the repository apply together: the system's, the namespace's, the repository's. A
//! rule matches the repository's name, the tag's name and a label of the image the tag points at; what it leaves out
//! matches everything. One question, [`Catalog::immutable_by_rule_in`], is asked inside the transaction that would
//! change the tag, so every way to a change gets the same answer.
//!
//! What it does not stop: an expiry that the tag had before a rule or flag came. That end was promised first, and
//! readers follow it without asking any rule.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use oci::{Digest, Tag};
use sqlx::any::AnyRow;

use super::retarget::LiveTag;
use crate::connection::Tx;
use crate::dialect::{Prepared, chunks, statements};
use crate::patterns::Pattern;
use crate::repository_state::{Writer, namespace_of};
use crate::rows::{Columns as _, all, micros};
use crate::scope::Scope;
use crate::{Actor, AuditAction, AuditEntry, Catalog, CatalogError, RepositoryId};

/// Rules of one scope; each push of a matching repository reads them.
const MAX_RULES: usize = 100;

/// A rule to be added. What is `None` matches everything.
#[derive(Clone, Debug, Default)]
pub struct NewImmutabilityRule {
    /// Which repositories, by name.
    pub repository: Option<Pattern>,
    /// Which tags.
    pub tag: Option<Pattern>,
    /// Which images: those with this label or annotation.
    pub label: Option<String>,
    /// Which value the label must have; needs `label`.
    pub label_value: Option<Pattern>,
}

/// A rule in force.
#[derive(Clone, Debug)]
pub struct ImmutabilityRule {
    /// Its number.
    pub id: i64,
    /// Where it is in force.
    pub scope: Scope,
    /// What it matches.
    pub rule: NewImmutabilityRule,
    /// Who added it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// What a rule looks at.
pub(crate) struct Subject<'a> {
    pub(crate) repository: RepositoryId,
    pub(crate) repository_name: &'a str,
    pub(crate) tag: &'a Tag,
    /// What the tag points at.
    pub(crate) digest: &'a Digest,
}

statements! {
    IN_FORCE = "SELECT * FROM policy_immutability WHERE scope IN ($1, $2, $3) ORDER BY id";
    OF_SCOPE = "SELECT * FROM policy_immutability WHERE scope = $1 ORDER BY id";
    INSERT = "INSERT INTO policy_immutability
            (scope, repository, tag, label, label_value, created_by, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id";
    DELETE = "DELETE FROM policy_immutability WHERE scope = $1 AND id = $2";
    LABELS = "SELECT annotations, labels FROM manifest WHERE repository_id = $1 AND digest = $2";
    SET_FLAG = "UPDATE tag SET immutable = $3 WHERE repository_id = $1 AND id = $2";
    FLAGGED = "SELECT live_name FROM tag
        WHERE repository_id = $1 AND live_name IS NOT NULL AND immutable = 1 ORDER BY live_name LIMIT 1";
    LIVE = "SELECT live_name, digest FROM tag
        WHERE repository_id = $1 AND live_name > $2 AND (expires_us IS NULL OR expires_us > $3)
        ORDER BY live_name LIMIT 1000";
    PARENTS = "{anew} SELECT parent FROM manifest_ref WHERE repository_id = $1 AND digest IN ({list})";
    TAGS_ON = "{anew} SELECT live_name, digest, immutable FROM tag
        WHERE repository_id = $1 AND live_name IS NOT NULL AND (expires_us IS NULL OR expires_us > $2)
          AND digest IN ({list})";
}

impl Catalog {
    /// Forbids or allows that a tag moves, ends or gets another expiry. Returns whether the tag exists.
    ///
    /// # Errors
    /// [`CatalogError::Expiring`]: a tag that ends by itself cannot be made immutable.
    pub async fn set_immutable(
        &self,
        repository: RepositoryId,
        tag: &Tag,
        immutable: bool,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let head = self
            .writable_in(&mut tx, repository, Writer::Person)
            .await?;
        let live = self.lock_tag(&mut tx, repository, tag).await?;
        let Some(live) = live.filter(|live| live.is_present(now)) else {
            return Ok(false);
        };
        if live.immutable == immutable {
            return Ok(true);
        }
        if immutable && live.expires.is_some() {
            return Err(CatalogError::Expiring(tag.clone()));
        }
        self.set_flag(&mut tx, repository, &live, immutable).await?;
        let entry = AuditEntry {
            detail: Some(if immutable { "set" } else { "lifted" }),
            ..AuditEntry::on(
                AuditAction::TagImmutability,
                Some(&head.name),
                Some(tag.as_str()),
            )
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn set_flag(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        live: &LiveTag,
        immutable: bool,
    ) -> Result<(), CatalogError> {
        self.dialect
            .query(SET_FLAG)
            .bind(repository.0)
            .bind(live.id)
            .bind(i64::from(immutable))
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Returns the rules of one scope, oldest first.
    pub async fn immutability_rules(
        &self,
        scope: &Scope,
    ) -> Result<Vec<ImmutabilityRule>, CatalogError> {
        let query = self.dialect.query(OF_SCOPE).bind(scope.to_string());
        all(query.fetch_all(&self.reader).await?, |row| read_rule(&row))
    }

    /// Puts a rule in force and returns its number.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] if the scope has as many rules as it may have.
    pub async fn add_immutability_rule(
        &self,
        scope: &Scope,
        rule: &NewImmutabilityRule,
        by: &Actor,
        now: Timestamp,
    ) -> Result<i64, CatalogError> {
        let mut tx = self.begin().await?;
        let query = self.dialect.query(OF_SCOPE).bind(scope.to_string());
        if query.fetch_all(&mut *tx).await?.len() >= MAX_RULES {
            return Err(CatalogError::Conflict("number of immutability rules"));
        }
        let text = |pattern: &Option<Pattern>| pattern.as_ref().map(ToString::to_string);
        let row = self
            .dialect
            .query(INSERT)
            .bind(scope.to_string())
            .bind(text(&rule.repository))
            .bind(text(&rule.tag))
            .bind(rule.label.clone())
            .bind(text(&rule.label_value))
            .bind(by.name.clone())
            .bind(micros(now))
            .fetch_one(&mut *tx)
            .await?;
        let id = row.int("id")?;
        let (target, detail) = (scope.to_string(), format!("rule {id}: {}", rule.describe()));
        let entry = AuditEntry {
            detail: Some(&detail),
            ..AuditEntry::on(AuditAction::ImmutabilityAdd, None, Some(&target))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Lifts a rule of a scope. Returns whether it was there.
    pub async fn delete_immutability_rule(
        &self,
        scope: &Scope,
        id: i64,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let deleted = self
            .dialect
            .query(DELETE)
            .bind(scope.to_string())
            .bind(id)
            .execute(&mut *tx)
            .await?;
        if deleted.rows_affected() == 0 {
            return Ok(false);
        }
        let (target, detail) = (scope.to_string(), format!("rule {id}"));
        let entry = AuditEntry {
            detail: Some(&detail),
            ..AuditEntry::on(AuditAction::ImmutabilityDelete, None, Some(&target))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Returns whether a rule in force makes a tag immutable.
    pub(crate) async fn immutable_by_rule_in(
        &self,
        tx: &mut Tx,
        subject: &Subject<'_>,
    ) -> Result<bool, CatalogError> {
        let rules = self
            .rules_in_force(tx, subject.repository, subject.repository_name)
            .await?;
        self.is_matched(tx, &rules, subject).await
    }

    /// Returns a live tag of a repository that may not end, if there is one.
    pub(crate) async fn any_immutable_tag_in(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        repository_name: &str,
        now: Timestamp,
    ) -> Result<Option<Tag>, CatalogError> {
        let query = self.dialect.query(FLAGGED).bind(repository.0);
        if let Some(row) = query.fetch_optional(&mut **tx).await? {
            return Ok(Some(row.tag("live_name")?));
        }
        let rules = self.rules_in_force(tx, repository, repository_name).await?;
        if rules.is_empty() {
            return Ok(None);
        }
        let mut after = String::new();
        loop {
            let page = self
                .dialect
                .query(LIVE)
                .bind(repository.0)
                .bind(after.clone())
                .bind(micros(now))
                .fetch_all(&mut **tx)
                .await?;
            if page.is_empty() {
                return Ok(None);
            }
            for row in page {
                let (tag, digest) = (row.tag("live_name")?, row.digest("digest")?);
                let subject = Subject {
                    repository,
                    repository_name,
                    tag: &tag,
                    digest: &digest,
                };
                if self.is_matched(tx, &rules, &subject).await? {
                    return Ok(Some(tag));
                }
                after = tag.to_string();
            }
        }
    }

    /// Refuses what would take content from below an immutable tag: a child of its index, a blob of its image.
    ///
    /// # Errors
    /// [`CatalogError::Immutable`] with one such tag.
    pub(crate) async fn guard_below_immutable_in(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        repository_name: &str,
        content: &Digest,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let rules = self.rules_in_force(tx, repository, repository_name).await?;
        let mut seen = BTreeSet::new();
        let mut below = vec![content.clone()];
        // Step by step and not in one recursive statement: PostgreSQL takes what such a one finds for the whole
        // repository, and reads it.
        while !below.is_empty() {
            let mut above = BTreeSet::new();
            for chunk in chunks(&below) {
                let query = self.dialect.query_many(PARENTS, chunk.len());
                let query = with_digests(query.bind(repository.0), chunk);
                for row in query.fetch_all(&mut **tx).await? {
                    above.insert(row.digest("parent")?);
                }
            }
            below = above
                .into_iter()
                .filter(|digest| seen.insert(digest.clone()))
                .collect();
            for chunk in chunks(&below) {
                let query = self.dialect.query_many(TAGS_ON, chunk.len());
                let query = query.bind(repository.0).bind(micros(now));
                for row in with_digests(query, chunk).fetch_all(&mut **tx).await? {
                    let (tag, digest) = (row.tag("live_name")?, row.digest("digest")?);
                    let subject = Subject {
                        repository,
                        repository_name,
                        tag: &tag,
                        digest: &digest,
                    };
                    if row.flag("immutable")? || self.is_matched(tx, &rules, &subject).await? {
                        return Err(CatalogError::Immutable(tag));
                    }
                }
            }
        }
        Ok(())
    }

    async fn rules_in_force(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        repository_name: &str,
    ) -> Result<Vec<ImmutabilityRule>, CatalogError> {
        let rows = self
            .dialect
            .query(IN_FORCE)
            .bind(Scope::System.to_string())
            .bind(Scope::Namespace(namespace_of(repository_name).to_owned()).to_string())
            .bind(Scope::Repository(repository).to_string())
            .fetch_all(&mut **tx)
            .await?;
        all(rows, |row| read_rule(&row))
    }

    async fn is_matched(
        &self,
        tx: &mut Tx,
        rules: &[ImmutabilityRule],
        subject: &Subject<'_>,
    ) -> Result<bool, CatalogError> {
        let mut labels = None;
        for ImmutabilityRule { rule, .. } in rules {
            if !rule.matches_names(subject.repository_name, subject.tag) {
                continue;
            }
            if rule.label.is_none() {
                return Ok(true);
            }
            if labels.is_none() {
                labels = Some(
                    self.labels_in(tx, subject.repository, subject.digest)
                        .await?,
                );
            }
            if labels
                .iter()
                .flatten()
                .any(|labels| rule.matches_label(labels))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns a manifest's annotations, and the labels of its configuration.
    async fn labels_in(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Vec<BTreeMap<String, String>>, CatalogError> {
        let row = self
            .dialect
            .query(LABELS)
            .bind(repository.0)
            .bind(digest.to_string())
            .fetch_optional(&mut **tx)
            .await?;
        let Some(row) = row else {
            return Ok(Vec::new());
        };
        ["annotations", "labels"]
            .into_iter()
            .map(|column| {
                serde_json::from_str(&row.text(column)?)
                    .map_err(|_| CatalogError::Corrupt("map of labels"))
            })
            .collect()
    }
}

impl NewImmutabilityRule {
    /// Describes the rule in one line.
    pub fn describe(&self) -> String {
        let mut parts = Vec::new();
        let mut part = |name: &str, text: Option<&str>| {
            if let Some(text) = text {
                parts.push(format!("{name} {text}"));
            }
        };
        part("repository", self.repository.as_ref().map(Pattern::as_str));
        part("tag", self.tag.as_ref().map(Pattern::as_str));
        part("label", self.label.as_deref());
        part("value", self.label_value.as_ref().map(Pattern::as_str));
        if parts.is_empty() {
            parts.push("every tag".to_owned());
        }
        parts.join(", ")
    }

    fn matches_names(&self, repository: &str, tag: &Tag) -> bool {
        let matches = |pattern: &Option<Pattern>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| pattern.matches(text))
        };
        matches(&self.repository, repository) && matches(&self.tag, tag.as_str())
    }

    fn matches_label(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = self.label.as_ref().and_then(|label| labels.get(label));
        value.is_some_and(|value| {
            let wanted = self.label_value.as_ref();
            wanted.is_none_or(|pattern| pattern.matches(value))
        })
    }
}

fn with_digests(query: Prepared, digests: &[Digest]) -> Prepared {
    let bind = |query: Prepared, digest: &Digest| query.bind(digest.to_string());
    digests.iter().fold(query, bind)
}

fn read_rule(row: &AnyRow) -> Result<ImmutabilityRule, CatalogError> {
    let pattern = |column: &str| {
        row.maybe_text(column)?
            .map(|text| text.parse())
            .transpose()
            .map_err(|_| CatalogError::Corrupt("immutability rule"))
    };
    Ok(ImmutabilityRule {
        id: row.int("id")?,
        scope: Scope::parse(&row.text("scope")?)?,
        rule: NewImmutabilityRule {
            repository: pattern("repository")?,
            tag: pattern("tag")?,
            label: row.maybe_text("label")?,
            label_value: pattern("label_value")?,
        },
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
    })
}

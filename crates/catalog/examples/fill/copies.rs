//! Many copies of one image, made by the database itself: what is too much to push.
//!
//! A copy has a digest of its own that its bytes do not have. Nobody who reads it compares them, and everything that
//! depends on how many rows there are behaves as if each had been pushed. Digests are spread like hashes, so that
//! indexes are written all over as they are in life.

use sqlx::{AnyPool, Executor as _, Row as _};

/// Rows of one transaction.
const BATCH: i64 = 20_000;

/// The numbers from `$1` up to `$2`, each with a digest.
macro_rules! numbered {
    ($rest:literal) => {
        concat!(
            "WITH RECURSIVE n (i) AS (
                SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < CAST($2 AS BIGINT)
            ),
            h (i, number, hash) AS (
                SELECT i, CAST(i AS TEXT), CAST((i * 2654435761) % 4294967296 AS TEXT) FROM n
            ),
            d (i, digest) AS (
                SELECT i, 'sha256:' || SUBSTR('0000000000', 1, 10 - LENGTH(hash)) || hash
                    || SUBSTR('000000000000000000000000000000000000000000000000000000', 1, 54 - LENGTH(number)) || number
                FROM h
            ) ",
            $rest
        )
    };
}

macro_rules! insert {
    ($into:literal, $rest:literal) => {
        concat!("INSERT INTO ", $into, " ", numbered!($rest))
    };
}

/// Copies of the source's rows; `$3` and `$4` are its repository and digest, `$5` is where to.
const COPIES: [&str; 6] = [
    insert!(
        "manifest_body (digest, bytes)",
        "SELECT d.digest, b.bytes FROM d CROSS JOIN manifest_body b
            WHERE b.digest = $4 AND CAST($3 AS BIGINT) > 0 AND CAST($5 AS BIGINT) > 0"
    ),
    insert!(
        "manifest (repository_id, digest, media_type, artifact_type, config_digest, subject, annotations, size_bytes,
            closure_bytes, pushed_at, protected_until, labels)",
        "SELECT CAST($5 AS BIGINT), d.digest, m.media_type, m.artifact_type, m.config_digest, m.subject, m.annotations,
            m.size_bytes, m.closure_bytes, m.pushed_at + d.i, m.protected_until, m.labels
            FROM d CROSS JOIN manifest m WHERE m.repository_id = $3 AND m.digest = $4"
    ),
    insert!(
        "manifest_ref (repository_id, parent, kind, ordinal, digest, size_bytes, media_type, platform)",
        "SELECT CAST($5 AS BIGINT), d.digest, r.kind, r.ordinal, r.digest, r.size_bytes, r.media_type, r.platform
            FROM d CROSS JOIN manifest_ref r WHERE r.repository_id = $3 AND r.parent = $4"
    ),
    insert!(
        "image_report (digest, analyser_version, snapshot, body, grade, critical, high, medium, low, negligible, unknown,
            fixable_critical, fixable_high, fixable_medium, fixable_low, fixable_negligible, fixable_unknown, packages,
            complete, platform, stored_at, as_of, next_grade, next_grade_at)",
        "SELECT d.digest, p.analyser_version, p.snapshot, p.body, p.grade, p.critical, p.high, p.medium, p.low,
            p.negligible, p.unknown, p.fixable_critical, p.fixable_high, p.fixable_medium, p.fixable_low,
            p.fixable_negligible, p.fixable_unknown, p.packages, p.complete, p.platform, p.stored_at, p.as_of,
            p.next_grade, p.next_grade_at
            FROM d CROSS JOIN image_report p
            WHERE p.digest = $4 AND CAST($3 AS BIGINT) > 0 AND CAST($5 AS BIGINT) > 0"
    ),
    insert!(
        "inventory (digest, analyser_version, body, created_at)",
        "SELECT d.digest, v.analyser_version, v.body, v.created_at FROM d CROSS JOIN inventory v
            WHERE v.digest = $4 AND CAST($3 AS BIGINT) > 0 AND CAST($5 AS BIGINT) > 0"
    ),
    insert!(
        "inventory_package (kind, name, digest)",
        "SELECT p.kind, p.name, d.digest FROM d CROSS JOIN inventory_package p
            WHERE p.digest = $4 AND CAST($3 AS BIGINT) > 0 AND CAST($5 AS BIGINT) > 0"
    ),
];

/// A tag `v<number>` on each copy, with the key that orders such a name among versions.
const TAGS: &str = insert!(
    "tag (repository_id, name, live_name, digest, start_us, immutable, actor, cause, sort_key)",
    "SELECT CAST($3 AS BIGINT), 'v' || CAST(d.i AS TEXT), 'v' || CAST(d.i AS TEXT), d.digest,
        1700000000000000 + d.i, 0, 'fill', 'push', 'v00' || CAST(LENGTH(CAST(d.i AS TEXT)) AS TEXT) || CAST(d.i AS TEXT) || '\"'
        FROM d"
);

const SOURCE: &str =
    "SELECT t.repository_id, t.digest FROM tag t JOIN repository r ON r.id = t.repository_id
    WHERE r.live_name = $1 AND t.live_name = $2";

const REPOSITORY: &str = "INSERT INTO repository (name, live_name, namespace, visibility, sparse, created_by, created_at)
    VALUES ($1, $1, $2, 'private', 'default', 'fill', 0) RETURNING id";

const LINKS: &str =
    "INSERT INTO repo_blob (repository_id, digest, linked_at, protected_until, namespace)
    SELECT CAST($1 AS BIGINT), l.digest, l.linked_at, l.protected_until, CAST($2 AS TEXT)
    FROM repo_blob l WHERE l.repository_id = $3";

/// What is copied.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The repository's number.
    pub(crate) repository: i64,
    digest: String,
}

/// Finds the image that a tag leads to.
pub(crate) async fn source(pool: &AnyPool, repository: &str, tag: &str) -> Source {
    let row = sqlx::query(SOURCE)
        .bind(repository.to_owned())
        .bind(tag.to_owned())
        .fetch_one(pool)
        .await
        .expect("an image to copy");
    Source {
        repository: row.get("repository_id"),
        digest: row.get("digest"),
    }
}

/// Puts the copies `first..last` into the source's own repository, each under a tag.
pub(crate) async fn tagged(pool: &AnyPool, source: &Source, first: i64, last: i64) {
    for from in (first..last).step_by(BATCH as usize) {
        let to = last.min(from + BATCH);
        let mut tx = pool.begin().await.expect("a transaction");
        copy(&mut tx, source, source.repository, from, to).await;
        sqlx::query(TAGS)
            .bind(from)
            .bind(to)
            .bind(source.repository)
            .execute(&mut *tx)
            .await
            .expect("tags");
        tx.commit().await.expect("a commit");
    }
}

/// Makes repositories of `each` copies for `first..last`, a tag on every copy.
pub(crate) async fn spread(pool: &AnyPool, source: &Source, first: i64, last: i64, each: i64) {
    for (number, from) in (first..last).step_by(each as usize).enumerate() {
        let to = last.min(from + each);
        let mut tx = pool.begin().await.expect("a transaction");
        let namespace = format!("team{}", number % 50);
        let row = sqlx::query(REPOSITORY)
            .bind(format!("{namespace}/app{from:09}"))
            .bind(namespace.clone())
            .fetch_one(&mut *tx)
            .await
            .expect("a repository");
        let id: i64 = row.get("id");
        sqlx::query(LINKS)
            .bind(id)
            .bind(namespace)
            .bind(source.repository)
            .execute(&mut *tx)
            .await
            .expect("links");
        copy(&mut tx, source, id, from, to).await;
        let tags = sqlx::query(TAGS).bind(from).bind(to).bind(id);
        tags.execute(&mut *tx).await.expect("tags");
        tx.commit().await.expect("a commit");
    }
}

/// Tells the engine how much there is, as PostgreSQL does by itself after a while.
pub(crate) async fn analyze(pool: &AnyPool) {
    pool.execute("ANALYZE").await.expect("statistics");
}

async fn copy(
    tx: &mut sqlx::Transaction<'_, sqlx::Any>,
    source: &Source,
    into: i64,
    first: i64,
    last: i64,
) {
    for statement in COPIES {
        sqlx::query(statement)
            .bind(first)
            .bind(last)
            .bind(source.repository)
            .bind(source.digest.clone())
            .bind(into)
            .execute(&mut **tx)
            .await
            .expect("copies");
    }
}

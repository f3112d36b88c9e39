//! What stands on the path of every push, pull and page is found by an index and in the index's order, however many
//! rows there are.
//!
//! Adding a statement: its name and parameters in [`statements`].

use catalog::Catalog;
use catalog::testkit::plans::{Allowed, Value, explain, growing, with_lists};
use catalog::testkit::{Postgres, Sqlite, open};
use jiff::Timestamp;
use sqlx::{AnyPool, Row as _};

use crate::copies;
use crate::given::{app, at, blob, digest_of, image, pushed_image, put, subject, tags};

/// Tables that grow with what is pushed, and with time.
const TABLES: [&str; 24] = [
    "audit",
    "blob",
    "decision",
    "event",
    "gc_review",
    "image_report",
    "inventory",
    "inventory_package",
    "layer_report",
    "manifest",
    "manifest_body",
    "manifest_ref",
    "referrer",
    "repo_blob",
    "repository",
    "repository_generation",
    "tag",
    "tag_figure",
    "tag_pending",
    "tag_tally",
    "trash",
    "upload",
    "usage",
    "usage_delta",
];

/// Rows of the tables that the copies leave small.
const MORE: [&str; 18] = [
    // A quarter of the tags has run out at the tenth minute, and a quarter will.
    "UPDATE tag SET expires_us = CASE WHEN id % 4 = 0 THEN 1795500600000000 - id ELSE 1795500600000000 + id END
        WHERE id % 4 < 2",
    "INSERT INTO repository (name, live_name, namespace, visibility, sparse, created_by, created_at)
        WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
        SELECT 'many' || i || '/app', 'many' || i || '/app', 'many' || i, 'private', 'default', 'x', 0 FROM n",
    "INSERT INTO repository_generation (repository_id, value) SELECT id, 1 FROM repository WHERE 1 = 1
        ON CONFLICT (repository_id) DO NOTHING",
    "INSERT INTO blob (digest, object_key, size_bytes, state, created_at)
        SELECT digest, 'o/' || digest, 1, 'live', 0 FROM manifest_body",
    "INSERT INTO repo_blob (repository_id, digest, linked_at, protected_until, namespace)
        SELECT repository_id, digest, 0, 0, 'app' FROM manifest",
    "INSERT INTO decision (id, repository_id, digest, door, policy_sha256, verdict, document, decided_at, loud_rules,
            is_current)
        SELECT 'd' || repository_id || digest, repository_id, digest, 'push', 'policy', 'allow', '{}', pushed_at, 0, 1
        FROM manifest",
    "INSERT INTO image_report (digest, analyser_version, body, critical, high, medium, low, negligible, unknown,
            fixable_critical, fixable_high, fixable_medium, fixable_low, fixable_negligible, fixable_unknown, packages,
            complete, stored_at)
        SELECT digest, 'x', bytes, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0 FROM manifest_body",
    "INSERT INTO referrer (repository_id, subject, digest, source)
        SELECT repository_id, digest, digest, 'subject' FROM manifest WHERE 1 = 1 ON CONFLICT DO NOTHING",
    "INSERT INTO usage (scope, bytes, as_of, warned) SELECT 'repository:' || CAST(id AS TEXT), 1, 0, 0 FROM repository
        WHERE 1 = 1 ON CONFLICT (scope) DO NOTHING",
    "INSERT INTO usage_delta (scope, bytes) SELECT 'namespace:' || namespace, 1 FROM repository",
    // A layer that no other image has, under the image's own digest.
    "INSERT INTO manifest_ref (repository_id, parent, kind, ordinal, digest, size_bytes, media_type)
        SELECT repository_id, digest, 'layer', 9, digest, 1, 'layer' FROM manifest",
    "INSERT INTO layer_report (digest, analyser_version, body, created_at) SELECT digest, 'x', bytes, 0 FROM manifest_body",
    "INSERT INTO inventory (digest, analyser_version, body, created_at) SELECT digest, 'x', bytes, 0 FROM manifest_body",
    "INSERT INTO inventory_package (kind, name, digest) SELECT 'deb', 'bash', digest FROM inventory",
    "INSERT INTO trash (object_key, since, size_bytes) SELECT 'o/' || digest, 0, 1 FROM manifest_body",
    "INSERT INTO gc_review (kind, repository_id, digest, review_after, review_count, event)
        SELECT 'blob', repository_id, digest, 0, 0, 'push' FROM manifest",
    "INSERT INTO audit (at, actor, action) SELECT id, 'dev', 'push' FROM tag",
    "INSERT INTO upload (id, repository_id, principal_kind, principal_id, object_key, algorithm, durable_bytes, version,
            created_at, expires_at)
        SELECT name, id, 'account', 1, name, 'sha256', 0, 0, 0, 0 FROM repository",
];

/// What folding leaves small here, because every copy is like the other.
const TALLIES: &str = "INSERT INTO tag_tally (repository_id, grade, verdict, tags)
    SELECT id, 0, 'allow', 1 FROM repository WHERE 1 = 1 ON CONFLICT DO NOTHING";

/// A statement on the path.
struct Hot {
    name: &'static str,
    values: Vec<Value>,
    allowed: Allowed<'static>,
}

impl Hot {
    fn new(name: &'static str, values: Vec<Value>) -> Self {
        Self {
            name,
            values,
            allowed: Allowed::default(),
        }
    }

    /// These hold a handful of rows.
    fn over(mut self, small: &'static [&'static str]) -> Self {
        self.allowed.small = small;
        self
    }

    /// What is found is a handful, and sorted.
    fn sorting(mut self) -> Self {
        self.allowed.sorts = true;
        self
    }

    /// It is a page.
    fn walking(mut self) -> Self {
        self.allowed.walks = true;
        self
    }
}

/// What lists are made of: 256 of each.
struct Many {
    /// Manifests of the large repository.
    digests: Vec<Value>,
    /// The same, each after the repository's number.
    places: Vec<Value>,
    /// Its tags.
    names: Vec<Value>,
    /// Numbers of rows.
    ids: Vec<Value>,
}

/// Parameters of a statement's own, then a list.
fn then(mut own: Vec<Value>, list: &[Value]) -> Vec<Value> {
    own.extend_from_slice(list);
    own
}

macro_rules! values {
    ($($value:expr),*) => { vec![$(Value::from($value)),*] };
}

fn micros(instant: Timestamp) -> i64 {
    instant.as_microsecond()
}

/// The statements, with parameters that find something.
fn statements(repository: i64, image: &str, layer: &str, many: &Many) -> Vec<Hot> {
    let (id, now) = (repository, micros(at(10)));
    let (page, after) = (100_i64, "v5");
    let last = i64::MAX;
    let mut hot = present(id, image, now);
    hot.extend(push(id, image, layer, now, many));
    hot.extend(removal(id, image, layer, now));
    hot.extend(collection(now, many));
    hot.extend([
        // Lists.
        Hot::new("tags::list::LIST", values![id, after, now, page]).walking(),
        Hot::new("tag_page::BY_NAME", values![id, after, "%", now, page]).walking(),
        Hot::new("tag_page::NEWEST", values![id, last, "", "%", now, page]).walking(),
        Hot::new("tag_page::OLDEST", values![id, 0_i64, "", "%", now, page]).walking(),
        Hot::new("tag_page::VERSION", values![id, "", "", "%", now, page]).walking(),
        Hot::new(
            "tag_page::VERSION_REVERSED",
            values![id, "~", "", "%", now, page],
        )
        .walking(),
        Hot::new("tag_page::SMALLEST", values![id, 0_i64, "", "%", now, page]).walking(),
        Hot::new("tag_page::LARGEST", values![id, last, "", "%", now, page]).walking(),
        // Two pages are put together.
        Hot::new("tag_page::BEST", values![id, 0_i64, "", "%", now, page])
            .over(&["graded", "ungraded"])
            .walking()
            .sorting(),
        Hot::new("tag_page::WORST", values![id, last, "", "%", now, page]).walking(),
        Hot::new("tag_page::DETAILS", then(values![id], &many.names)),
        Hot::new(
            "repository_page::LIST_ALL",
            values!["team4", "%", page, "~"],
        )
        .walking(),
        // A namespace's repositories, one figure of each.
        Hot::new("usage::lists::BY_NAME", values!["many7", "", page]).walking(),
        Hot::new("usage::lists::BY_SIZE", values!["many7", page])
            .walking()
            .sorting(),
        Hot::new("repository_page::NAMES", many.ids.clone()),
        Hot::new("repository_page::HEADS", many.ids.clone())
            .over(&["g"])
            .walking(),
        // At most a few dozen cells, and what ran out since the last minute.
        Hot::new(
            "repository_page::TALLIES",
            then(values![now - 20_000], &many.ids),
        )
        .over(&["c", "t", "cells"])
        .walking()
        .sorting(),
        Hot::new("repository_page::LAST_PUSH", then(values![now], &many.ids)).walking(),
        Hot::new("tag_figures::IS_PENDING", values![]).over(&["tag_pending"]),
        Hot::new("tag_figures::TAKE", values![page])
            .over(&["tag_pending"])
            .walking(),
        Hot::new("tag_figures::ON_DIGESTS", many.digests.clone()),
        Hot::new("tag_figures::DROP", many.ids.clone()),
        Hot::new("tag_figures::MAKE", many.ids.clone()),
        Hot::new("tag_figures::COUNT", values![id, 0_i64, "allow", 1_i64]),
        Hot::new("tag_figures::FORGET", values![id, 0_i64, "allow"]),
        Hot::new("manifests::read::REFERRERS", values![id, image, "", page]),
        Hot::new(
            "manifests::read::REFERRERS_OF_TYPE",
            values![id, image, "", page, "application/spdx+json"],
        ),
        Hot::new("decisions::LIST", values![id, page]).walking(),
        // The past.
        Hot::new("tags::history::OF_TAG", values![id, "v77", last, page]),
        Hot::new("tags::history::OF_TAG", values![id, "v77", 5_000_i64, page]),
        Hot::new("tags::history::OF_REPOSITORY", values![id, last, page]).walking(),
        Hot::new("tags::history::TAG_AT", values![id, "v77", now]).over(&["last"]),
        Hot::new("tags::history::TAGS_AT", values![id, after, now, page]).walking(),
        Hot::new("tags::history::KEPT_BY_HISTORY", values![id, image, now]),
        // What comes back every minute.
        Hot::new("tags::expiry::EXPIRED", values![now, page]).walking(),
        Hot::new(
            "tags::expiry::UNANNOUNCED",
            values![now, now + 1_000_000_000, page],
        )
        .walking(),
        Hot::new("retention::TAGS", values![id, after, now, page]).walking(),
        Hot::new("retention::UNTAGGED", values![id, "sha256:5", page]).walking(),
    ]);
    hot
}

/// Pulls.
fn present(id: i64, image: &str, now: i64) -> Vec<Hot> {
    vec![
        Hot::new("generations::REPOSITORY", values!["app"]).over(&["m"]),
        Hot::new("repositories::BY_NAME", values!["app"]),
        Hot::new("tags::list::RESOLVE", values![id, "v77", now]),
        Hot::new("tags::list::OF_MANIFEST", values![id, image, now]).sorting(),
        Hot::new("manifests::read::GET", values![id, image]),
        Hot::new("manifests::read::GET_BY_TAG", values![id, "v77", now]),
        Hot::new("manifests::read::PARENTS", values![id, image]).sorting(),
        Hot::new("manifests::read::CHILDREN", values![id, image]).sorting(),
        Hot::new("blobs::IN_REPOSITORY", values![id, image]),
        Hot::new("decisions::CURRENT", values![id, image]),
        Hot::new("decisions::LATEST", values![id, image, "policy"]).sorting(),
    ]
}

/// Pushes.
fn push(id: i64, image: &str, layer: &str, now: i64, many: &Many) -> Vec<Hot> {
    vec![
        Hot::new("repository_state::HEAD", values![id]),
        Hot::new(
            "manifests::references::CONDEMNED",
            then(values![id], &many.digests),
        )
        .sorting(),
        Hot::new("blobs::LOCK_BLOB", values![layer]),
        Hot::new("blobs::HAS_LINK", values![id, layer]),
        Hot::new("blobs::ANYWHERE", values![layer]),
        Hot::new("manifests::references::SHARE_BLOBS", many.digests.clone()).sorting(),
        Hot::new(
            "manifests::references::PRESENT_BLOBS",
            then(values![id], &many.digests),
        ),
        Hot::new(
            "manifests::references::PRESENT_MANIFESTS",
            then(values![id], &many.digests),
        )
        .sorting(),
        Hot::new("manifests::put::KEEP_BODY", values![image]),
        Hot::new("manifests::put::SHOW", values![id, image, now]),
        Hot::new("manifests::references::SET_CLOSURE", values![id, image])
            .over(&["below"])
            .sorting(),
        Hot::new("tags::retarget::LOCK", values![id, "v77"]),
        Hot::new("tags::retarget::IS_LIVE", values![id, "v77"]),
        Hot::new("tags::retarget::CLOSE", values![id, 77_i64, now, "move"]),
        Hot::new("tags::retarget::FLOAT", values![id, 77_i64, now]),
        Hot::new(
            "tags::retarget::OPEN",
            values![id, "v77", image, now, "dev", "push", now, 1_i64, "v00277\""],
        )
        .over(&["last"]),
        Hot::new("tags::immutability::LABELS", values![id, image]),
        Hot::new(
            "tags::immutability::PARENTS",
            then(values![id], &many.digests),
        ),
        Hot::new(
            "tags::immutability::TAGS_ON",
            then(values![id, now], &many.digests),
        ),
        Hot::new("blobs::LINKED", then(values![id], &many.digests)),
        Hot::new("uploads::KNOWN", many.digests.clone()),
        Hot::new("evidence_rows::LAYERS", then(values!["x"], &many.digests)),
        Hot::new("evidence_rows::STAMPS", many.digests.clone()),
        Hot::new("usage::fold::TAKE", many.ids.clone()),
        Hot::new(
            "people::credentials::TOUCH",
            then(values![now], &many.digests),
        ),
        Hot::new("usage::COUNT_LINK", values![id, layer, 1_i64]),
        Hot::new("usage::COUNT_MANIFEST", values![id, image, 1_i64]),
        Hot::new("usage::quota::USED", values!["namespace:app"]),
        Hot::new("usage::quota::IN_FLIGHT", values![id]).over(&["u"]),
        Hot::new("usage::quota::IN_FORCE", values![id]).sorting(),
        Hot::new("events::HEARD", values![id]).over(&["e"]),
    ]
}

/// Deletions, and what collection asks about each thing.
fn removal(id: i64, image: &str, layer: &str, now: i64) -> Vec<Hot> {
    vec![
        Hot::new("manifests::delete::LIVE_TAGS", values![id, image]).sorting(),
        Hot::new("manifests::delete::HOLDER", values![id, image]).sorting(),
        Hot::new("manifests::delete::ANY_PARENT", values![id, image]),
        Hot::new("manifests::delete::REFS", values![id, image]).sorting(),
        Hot::new("manifests::delete::NEIGHBOURS", values![id, image]).sorting(),
        Hot::new("manifests::purge::PARENT", values![id, image]).sorting(),
        Hot::new("manifests::purge::BELOW", values![id, image]).sorting(),
        Hot::new("manifests::purge::UNNAMED", values![id, layer]),
        Hot::new("tags::purge::CLOSE_WAYS", values![id, image, now]),
        // A layer of one image: what is in every image is found at once by whatever way.
        Hot::new("blobs::REFERENCED_BY", values![id, image]).sorting(),
        Hot::new("collection::link::UNLINK", values![id, layer]),
    ]
}

/// What collection asks about many things at once.
fn collection(now: i64, many: &Many) -> Vec<Hot> {
    let by_digest = |name| Hot::new(name, many.digests.clone());
    let by_place = |name| Hot::new(name, many.places.clone()).over(&["v"]).sorting();
    vec![
        by_place("collection::manifest::LOCK"),
        Hot::new(
            "collection::manifest::FACTS",
            then(values![now], &many.places),
        )
        .over(&["v"]),
        by_place("collection::link::FACTS"),
        by_place("collection::graph::PARENTS"),
        by_place("collection::graph::SUBJECTS"),
        by_place("collection::graph::CHILDREN"),
        by_place("collection::graph::REFERRERS"),
        by_place("collection::report::NAMED"),
        Hot::new(
            "collection::report::HOLD",
            then(values![now], &many.digests),
        )
        .over(&["named"])
        .sorting(),
        by_digest("collection::manifest::LOCK_BODIES").sorting(),
        by_digest("collection::link::LOCK").sorting(),
        by_digest("collection::blob::LOCK").sorting(),
        by_digest("collection::blob::EXISTING"),
        by_digest("collection::blob::LINKED"),
        Hot::new(
            "collection::blob::CONDEMN",
            then(values![now], &many.digests),
        ),
        by_digest("collection::blob::REMOVE"),
        by_digest("collection::blob::FORGET_FINDINGS"),
        by_digest("collection::evidence::BLOBS"),
        by_digest("collection::evidence::MANIFESTS"),
        by_digest("collection::evidence::LAYERS"),
        by_digest("collection::evidence::PACKAGES"),
        by_digest("collection::evidence::INVENTORIES"),
        by_digest("collection::evidence::REPORTS"),
        by_digest("collection::check::KNOWN_KEYS").sorting(),
        by_digest("collection::trash::FORGET"),
        Hot::new(
            "collection::trash::FAILED",
            then(values![now, "why"], &many.digests),
        ),
        by_digest("store_checks::UNKNOWN_DIGESTS"),
        Hot::new("collection::review::DROP", many.ids.clone()),
        Hot::new(
            "collection::review::POSTPONE",
            then(values![now], &many.ids),
        ),
        Hot::new("audit::archive::REMOVE", many.ids.clone()),
    ]
}

#[tokio::test]
async fn nothing_on_the_path_grows_with_the_tables_on_sqlite() {
    let files = Sqlite::new();
    look_at_plans(&files.url(), false).await;
}

#[tokio::test]
async fn nothing_on_the_path_grows_with_the_tables_on_postgres() {
    let url = Postgres::shared().await.database().await;
    // PostgreSQL counts its rows by itself after a while; SQLite was told what a large registry looks like.
    look_at_plans(&url, true).await;
}

async fn look_at_plans(url: &str, is_counted: bool) {
    let catalog = Catalog::connect(url).await.unwrap();
    let pool = open(url).await;
    let (dev, id) = app(&catalog).await;
    let body = pushed_image(&catalog, id, &dev, "[1]", &tags(&["seed"]), 1).await;
    for n in 0..20 {
        let config = format!("about {n}");
        blob(&catalog, id, &dev, &config).await;
        put(&catalog, id, &image(&config, &[], &subject(&body)), &[], 2).await;
    }
    let source = copies::source(&pool, "app", "seed").await;
    copies::tagged(&pool, &source, 0, 10_000).await;
    // Small repositories beside it: no plan for the average one is right for it.
    copies::spread(&pool, &source, 1_000_000, 1_010_000, 50).await;
    for statement in MORE {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    assert!(catalog.fold_tag_figures().await.unwrap() > 20_000);
    sqlx::query(TALLIES).execute(&pool).await.unwrap();
    if is_counted {
        copies::analyze(&pool).await;
    }
    let (digest, layer) = (digest_of(&body), oci::Digest::sha256(b"a layer"));
    let many = many(&pool, source.repository).await;
    let hot = statements(source.repository, digest.as_str(), layer.as_str(), &many);
    let looked_at = |name: &&str| {
        hot.iter()
            .any(|hot| name.ends_with(&format!("::{}", hot.name)))
    };
    let missing: Vec<&str> = with_lists()
        .into_iter()
        .filter(|name| !looked_at(name))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
    let mut breaches = Vec::new();
    for hot in hot {
        let plans = explain(&catalog, hot.name, &hot.values)
            .await
            .unwrap_or_else(|error| panic!("{}: {error:?}", hot.name));
        for plan in plans {
            let lines = growing(&catalog, &plan, &TABLES, hot.allowed);
            if !lines.is_empty() {
                breaches.push(format!("{}: {}\n{plan}", hot.name, lines.join("; ")));
            }
        }
    }
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n\n"));
    pool.close().await;
    catalog.close().await;
}

async fn many(pool: &AnyPool, repository: i64) -> Many {
    let rows = sqlx::query(
        "SELECT digest FROM manifest WHERE repository_id = $1 ORDER BY pushed_at LIMIT 256",
    )
    .bind(repository)
    .fetch_all(pool)
    .await
    .unwrap();
    let digests: Vec<String> = rows.iter().map(|row| row.get("digest")).collect();
    assert_eq!(digests.len(), 256);
    Many {
        places: digests
            .iter()
            .flat_map(|digest| values![repository, digest.as_str()])
            .collect(),
        digests: digests.into_iter().map(Value::Text).collect(),
        names: (0..256).map(|n| Value::Text(format!("v{n}"))).collect(),
        ids: (1..=256).map(Value::Int).collect(),
    }
}

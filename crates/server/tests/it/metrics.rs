//! Metrics: what is exported is documented and the other way round, and a request moves what it should.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::world::{Who, World, admin, image_with, write};

#[test]
fn the_reference_page_is_what_is_registered() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    let written = server::metrics_reference();
    if std::env::var_os("UPDATE").is_some() {
        write(&root, "metrics.md", written.as_bytes());
    }
    let kept = fs_err::read_to_string(root.join("metrics.md")).unwrap_or_default();
    assert!(
        kept == written,
        "docs/reference/metrics.md is stale: UPDATE=1 cargo test -p tidegate-server --test it metrics"
    );
}

/// A line of a scrape: the series' name, its labels, its value.
fn series(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.strip_suffix('}').unwrap();
    let labels = labels.split(',').filter(|label| !label.is_empty());
    let labels = labels.map(|label| {
        let (key, value) = label.split_once('=').unwrap();
        (key.to_owned(), value.trim_matches('"').to_owned())
    });
    (name.to_owned(), labels.collect(), value.parse().unwrap())
}

/// Every metric of a scrape with its kind, and each label with its words.
type Exported = BTreeMap<String, (String, BTreeMap<String, BTreeSet<String>>)>;

fn exported(scrape: &str) -> Exported {
    let mut kinds = BTreeMap::new();
    let mut exported = Exported::new();
    for line in scrape.lines() {
        if let Some(described) = line.strip_prefix("# TYPE ") {
            let (name, kind) = described.split_once(' ').unwrap();
            let suffix = if kind == "counter" { "_total" } else { "" };
            kinds.insert(format!("{name}{suffix}"), kind.to_owned());
        }
    }
    for line in scrape.lines().filter(|line| !line.starts_with('#')) {
        let (name, labels, _) = series(line);
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(&name);
        let kind = kinds.get(base).expect("a series with a type").clone();
        let metric = exported
            .entry(base.to_owned())
            .or_insert_with(|| (kind, BTreeMap::new()));
        for (label, word) in labels.into_iter().filter(|(label, _)| label != "le") {
            metric.1.entry(label).or_default().insert(word);
        }
    }
    exported
}

fn documented(page: &str) -> Exported {
    let rows = page.lines().filter(|line| line.starts_with("| `tidegate_"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split(" | ").collect();
        let labels = cells[2]
            .trim()
            .split("; ")
            .filter(|label| !label.is_empty());
        let labels = labels.map(|label| {
            let (name, words) = label.split_once(": ").unwrap();
            let words = words
                .split(", ")
                .map(|word| word.trim_matches('`').to_owned());
            (name.trim_matches('`').to_owned(), words.collect())
        });
        let name = cells[0].trim_start_matches("| ").trim_matches('`');
        (
            name.to_owned(),
            (cells[1].trim().to_owned(), labels.collect()),
        )
    })
    .collect()
}

/// From a server that has answered nothing yet, and again after every surface was used.
pub(crate) async fn what_is_exported_is_documented_and_the_other_way_round(world: &mut World) {
    let page = documented(&server::metrics_reference());
    assert!(page.len() > 20, "{page:?}");
    let fresh = world.get(&Who::Nobody, "/metrics").await;
    assert_eq!(exported(&fresh.text()), page);
    let image = image_with("zlib1g", "1");
    world.push_image("team/app", "1", &image).await;
    for path in [
        "/v2/team/app/manifests/1",
        "/token?scope=repository:team/app:pull",
        "/api/v1/me",
        "/",
    ] {
        world.get(&admin(), path).await;
    }
    let used = world.get(&Who::Nobody, "/metrics").await;
    assert_eq!(exported(&used.text()), page);
    assert!(!used.text().contains("team"), "no names in labels");
}

pub(crate) async fn every_kind_of_work_is_counted_where_it_happens(world: &mut World) {
    let before = world.get(&Who::Nobody, "/metrics").await.text();
    let image = image_with("zlib1g", "1");
    world.push_image("team/app", "1", &image).await;
    let layer = format!("/v2/team/app/blobs/{}", image.layers[0].digest());
    assert_eq!(world.get(&admin(), &layer).await.status, 200);
    assert_eq!(world.get(&admin(), "/api/v1/me").await.status, 200);
    assert_eq!(
        world
            .get(&admin(), "/v2/team/none/manifests/1")
            .await
            .status,
        404
    );
    assert_eq!(world.get(&Who::Nobody, "/").await.status, 303);
    let after = world.get(&Who::Nobody, "/metrics").await.text();
    let value = |scrape: &str, wanted: &str| {
        scrape
            .lines()
            .find_map(|line| {
                line.strip_prefix(wanted)?
                    .strip_prefix(' ')?
                    .parse::<f64>()
                    .ok()
            })
            .unwrap_or_else(|| panic!("no `{wanted}` in {scrape}"))
    };
    for (wanted, at_least) in [
        (
            r#"tidegate_requests_total{surface="registry",status="2xx"}"#,
            4.0,
        ),
        (
            r#"tidegate_requests_total{surface="registry",status="4xx"}"#,
            1.0,
        ),
        (
            r#"tidegate_requests_total{surface="api",status="2xx"}"#,
            1.0,
        ),
        (
            r#"tidegate_requests_total{surface="page",status="3xx"}"#,
            1.0,
        ),
        (
            r#"tidegate_request_seconds_count{surface="registry",status="2xx"}"#,
            4.0,
        ),
        ("tidegate_blob_received_bytes_total", 200.0),
        (
            "tidegate_blob_sent_bytes_total",
            image.layers[0].bytes.len() as f64,
        ),
        (r#"tidegate_password_checks_total{from="memory"}"#, 4.0),
        (r#"tidegate_store_seconds_count{operation="begin"}"#, 2.0),
        (r#"tidegate_store_seconds_count{operation="commit"}"#, 2.0),
        (r#"tidegate_store_seconds_count{operation="open"}"#, 1.0),
        (
            r#"tidegate_database_wait_seconds_count{access="read"}"#,
            5.0,
        ),
        (
            r#"tidegate_database_wait_seconds_count{access="write"}"#,
            5.0,
        ),
    ] {
        let moved = value(&after, wanted) - value(&before, wanted);
        assert!(moved >= at_least, "{wanted} moved by {moved}");
    }
    assert!(value(&after, r#"tidegate_password_checks_total{from="hash"}"#) >= 1.0);
    assert!(value(&after, "tidegate_uploads_in_flight").abs() < f64::EPSILON);
}

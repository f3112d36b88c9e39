//! The reference page of metrics, written from what is registered.

use std::fmt::Write as _;

use super::Metrics;

const HEAD: &str = "# Metrics

<!-- written from the registered metrics: UPDATE=1 cargo test -p tidegate-server --test it metrics -->

`GET /metrics` answers in the OpenMetrics text format, beside everything else or at `metrics_listen` alone
([configuration](configuration.md)). Every series is there from the start, with 0 where nothing was counted yet. No
label holds a name that a user chose, so the number of series does not grow.

A histogram has the three series `_bucket`, `_sum` and `_count`. Counters begin at 0 with the process.

| Metric | Type | Labels | What it is |
|---|---|---|---|
";

const QUESTIONS: &str = "
## Questions and their queries

| Question | PromQL |
|---|---|
| How many answers are faults of the server? | `sum(rate(tidegate_requests_total{status=\"5xx\"}[5m])) / sum(rate(tidegate_requests_total[5m]))` |
| How long does a pull of a manifest take, 99 of 100 times? | `histogram_quantile(0.99, sum by (le) (rate(tidegate_request_seconds_bucket{surface=\"registry\"}[5m])))` |
| Do writers queue before the database? | `histogram_quantile(0.99, rate(tidegate_database_wait_seconds_bucket{access=\"write\"}[5m]))` |
| Is the object store slow? | `histogram_quantile(0.9, rate(tidegate_store_seconds_bucket[5m]))` |
| Does work pile up? | `tidegate_job_age_seconds > 300` |
| How many cached pulls needed the upstream? | `1 - rate(tidegate_proxied_manifests_total{outcome=\"hit\"}[1h]) / ignoring(outcome) sum without (outcome) (rate(tidegate_proxied_manifests_total[1h]))` |
| How many passwords were verified from memory? | `rate(tidegate_password_checks_total{from=\"memory\"}[5m]) / ignoring(from) sum without (from) (rate(tidegate_password_checks_total[5m]))` |
";

/// Writes the reference page of the metrics in Markdown.
pub fn metrics_reference() -> String {
    let metrics = Metrics::new();
    let mut entries: Vec<_> = metrics.book.entries.iter().collect();
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    let mut page = HEAD.to_owned();
    for entry in entries {
        let labels: Vec<String> = entry
            .labels
            .iter()
            .map(|(label, words)| {
                let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                format!("`{label}`: {}", words.join(", "))
            })
            .collect();
        writeln!(
            page,
            "| `{}` | {} | {} | {}. |",
            entry.name,
            entry.kind,
            labels.join("; "),
            entry.help
        )
        .expect("writing to a text never fails");
    }
    page.push_str(QUESTIONS);
    page
}

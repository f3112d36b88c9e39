//! Requests, by the surface that answered and the class of the answer.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

use super::book::Book;

/// The surfaces of the server; a surface's place in this list is its number.
const SURFACES: [&str; 6] = ["registry", "token", "api", "page", "asset", "operations"];
/// Classes of status codes.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// A surface of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surface {
    /// The registry's protocol, with its extensions.
    Registry,
    /// Tokens for it.
    Token,
    /// `/api/v1`.
    Api,
    /// Pages.
    Page,
    /// What pages consist of: styles, scripts, pictures.
    Asset,
    /// Health and metrics.
    Operations,
}

impl Surface {
    /// Returns the surface that an address belongs to.
    pub(crate) fn of(path: &str) -> Self {
        match path.split('/').nth(1).unwrap_or_default() {
            "v2" | "extensions" | "lookaside" => Self::Registry,
            "token" => Self::Token,
            "api" => Self::Api,
            "assets" => Self::Asset,
            "healthz" | "readyz" | "metrics" => Self::Operations,
            _ => Self::Page,
        }
    }
}

/// Every series of the requests.
#[derive(Debug)]
pub(crate) struct Requests {
    answered: Vec<Vec<Counter>>,
    seconds: Vec<Vec<Histogram>>,
}

impl Requests {
    pub(super) fn register(book: &mut Book) -> Self {
        Self {
            answered: book.grid(
                ("requests", "Requests answered"),
                ("surface", &SURFACES),
                ("status", &CLASSES),
                Counter::default as fn() -> Counter,
            ),
            seconds: book.grid(
                (
                    "request_seconds",
                    "Time from a request's head to the answer's head; bodies are not in it",
                ),
                ("surface", &SURFACES),
                ("status", &CLASSES),
                // Half a millisecond to eight seconds.
                (|| Histogram::new(exponential_buckets(0.000_5, 2.0, 15))) as fn() -> Histogram,
            ),
        }
    }

    pub(crate) fn count(&self, surface: Surface, status: u16, took: Duration) {
        // Informational answers are not ours to give; should one appear, it is no error.
        let class = usize::from(status / 100).clamp(2, 5) - 2;
        self.answered[surface as usize][class].inc();
        self.seconds[surface as usize][class].observe(took.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_has_a_surface() {
        for (path, surface) in [
            ("/v2/", Surface::Registry),
            ("/v2", Surface::Registry),
            ("/extensions/v2/a/signatures/x", Surface::Registry),
            ("/lookaside/a@sha256=b/signature-1", Surface::Registry),
            ("/token", Surface::Token),
            ("/api/v1/audit", Surface::Api),
            ("/assets/x.css", Surface::Asset),
            ("/metrics", Surface::Operations),
            ("/", Surface::Page),
            ("/images/team/app", Surface::Page),
            ("*", Surface::Page),
        ] {
            assert_eq!(Surface::of(path), surface, "{path}");
        }
    }

    #[test]
    fn a_status_is_counted_in_its_class_and_an_odd_one_somewhere() {
        let mut book = Book::new();
        let requests = Requests::register(&mut book);
        for status in [0, 100, 200, 206, 304, 404, 429, 500, 507, 999] {
            requests.count(Surface::Operations, status, Duration::from_millis(1));
        }
        let counted: Vec<u64> = requests.answered[Surface::Operations as usize]
            .iter()
            .map(Counter::get)
            .collect();
        assert_eq!(counted, [4, 1, 2, 3]);
        assert_eq!(SURFACES[Surface::Operations as usize], "operations");
    }
}

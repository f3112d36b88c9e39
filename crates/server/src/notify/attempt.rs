//! One attempt to deliver, and what its answer means.

use std::time::{Duration, Instant};

use catalog::{Attempt, Delivery, DeliveryState, Endpoint};
use futures::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, Request};
use url::Url;

use super::{payload, signature};
use crate::app::App;
use crate::error::chain;
use crate::outbound::Answer;

/// How long an endpoint may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The pauses between attempts. Together they are about sixteen hours.
const PAUSES: [SignedDuration; 9] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_secs(30),
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(10),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(4),
    SignedDuration::from_hours(8),
];
/// An endpoint that nothing reached for so long is switched off.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24 * 3);
/// What is kept of a refusal's body, in characters.
const EXCERPT: usize = 200;
/// Above this it is not read on, in bytes; usually its first chunk is enough.
const EXCERPT_BYTES: u64 = 1 << 20;

/// What an endpoint answered.
enum Reply {
    Accepted(u16),
    /// It asks never to be told again.
    Gone,
    Refused {
        status: Option<u16>,
        excerpt: String,
    },
}

/// Sends one delivery and returns what came of it.
pub(crate) async fn make(app: &App, endpoint: &Endpoint, delivery: &Delivery) -> Attempt {
    let started = Instant::now();
    let reply = send(app, endpoint, delivery).await;
    let now = app.clock.now();
    let took = started.elapsed();
    let failed = |status, excerpt: String| {
        let pause = usize::try_from(delivery.attempts)
            .ok()
            .and_then(|index| PAUSES.get(index));
        let is_hopeless = endpoint
            .failing_since
            .is_some_and(|since| now.duration_since(since) > PATIENCE);
        Attempt {
            state: match pause {
                Some(_) => DeliveryState::Pending,
                None => DeliveryState::Dead,
            },
            due_at: later(now, pause.copied().unwrap_or_default()),
            status,
            excerpt: Some(excerpt),
            took,
            disable: is_hopeless.then(|| "nothing could be delivered for three days".to_owned()),
        }
    };
    match reply {
        Reply::Accepted(status) => Attempt {
            state: DeliveryState::Delivered,
            due_at: now,
            status: Some(status),
            excerpt: None,
            took,
            disable: None,
        },
        Reply::Gone => Attempt {
            state: DeliveryState::Dead,
            disable: Some("the endpoint answered 410 Gone".to_owned()),
            ..failed(Some(410), "410 Gone".to_owned())
        },
        Reply::Refused { status, excerpt } => failed(status, excerpt),
    }
}

fn later(now: Timestamp, pause: SignedDuration) -> Timestamp {
    now.saturating_add(pause).unwrap_or(now)
}

async fn send(app: &App, endpoint: &Endpoint, delivery: &Delivery) -> Reply {
    let Ok(url) = endpoint.settings.url.parse::<Url>() else {
        return Reply::Refused {
            status: None,
            excerpt: "the address cannot be read".into(),
        };
    };
    let written = payload::write(&delivery.event, endpoint.settings.format, &app.base_url());
    let id = payload::id(&delivery.event);
    let timestamp = app.clock.now().as_second();
    let signature = signature::sign(&endpoint.settings.secret, &id, timestamp, &written.body);
    let mut request = Request::new(Method::POST, url);
    *request.timeout_mut() = Some(TIMEOUT);
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(written.content_type));
    for (name, value) in [
        ("webhook-id", id),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signature),
    ] {
        let value = HeaderValue::try_from(value).expect("letters, digits and punctuation");
        headers.insert(HeaderName::from_static(name), value);
    }
    *request.body_mut() = Some(written.body.into());
    match app.outbound.send(request).await {
        Ok(answer) => read(answer).await,
        Err(error) => Reply::Refused {
            status: None,
            excerpt: plain(&chain(&error)),
        },
    }
}

/// An endpoint's words may be anything, and whoever reads them may not be whom they are meant for: a success's are not
/// read at all, of a refusal's a few are kept.
async fn read(answer: Answer) -> Reply {
    let status = answer.status();
    if status.is_success() {
        return Reply::Accepted(status.as_u16());
    }
    if status.as_u16() == 410 {
        return Reply::Gone;
    }
    let reason = status.canonical_reason().unwrap_or("unknown status");
    let mut excerpt = format!("{} {reason}", status.as_u16());
    if status.is_redirection() {
        excerpt.push_str(": redirects are not followed, change the endpoint's address");
    } else {
        let mut words = Vec::new();
        let mut chunks = std::pin::pin!(answer.stream(EXCERPT_BYTES));
        while let Ok(Some(chunk)) = chunks.try_next().await {
            words.extend_from_slice(&chunk[..chunk.len().min(4 * EXCERPT)]);
            if words.len() >= EXCERPT {
                break;
            }
        }
        let words = plain(&String::from_utf8_lossy(&words));
        if !words.is_empty() {
            excerpt.push_str(": ");
            excerpt.push_str(&words);
        }
    }
    Reply::Refused {
        status: Some(status.as_u16()),
        excerpt,
    }
}

/// One short line without control characters.
fn plain(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(EXCERPT)
        .collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_within_a_day() {
        assert!(PAUSES.is_sorted());
        let all: SignedDuration = PAUSES
            .iter()
            .fold(SignedDuration::ZERO, |sum, pause| sum + *pause);
        assert!(all > SignedDuration::from_hours(12) && all < SignedDuration::from_hours(24));
        assert!(all < PATIENCE);
    }

    #[test]
    fn foreign_words_are_one_short_line() {
        assert_eq!(plain("a\r\nb\u{1b}[31mc "), "a  b [31mc");
        assert_eq!(plain(&"x".repeat(5000)).len(), EXCERPT);
    }
}

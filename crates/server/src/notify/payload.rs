//! An event as the body of a request.
//!
//! # Source
//! CloudEvents 1.0, structured JSON mode, with the sequence extension. Slack's incoming webhooks: a `text` in which
//! `&`, `<` and `>` are escaped, so that nothing in it is a link or calls people.

use catalog::{EventFormat, EventKind, StoredEvent};
use serde_json::{Value, json};

/// What is sent.
pub(crate) struct Payload {
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

/// Writes an event down. `base` is the registry's address.
pub(crate) fn write(event: &StoredEvent, format: EventFormat, base: &str) -> Payload {
    match format {
        EventFormat::CloudEvents => Payload {
            content_type: "application/cloudevents+json; charset=utf-8",
            body: cloud_event(event, base).to_string().into_bytes(),
        },
        EventFormat::Slack => Payload {
            content_type: "application/json",
            body: json!({ "text": slack_text(event, base) })
                .to_string()
                .into_bytes(),
        },
    }
}

/// Returns the id that stays the same however often an event is sent.
pub(crate) fn id(event: &StoredEvent) -> String {
    format!("tidegate-{}", event.id)
}

fn cloud_event(event: &StoredEvent, base: &str) -> Value {
    let mut data = json!({
        "namespace": event.namespace,
        "repository": event.repository,
        "tag": event.tag,
        "digest": event.digest,
        "actor": event.actor,
        "url": page(event, base),
    });
    let more: Option<Value> = event
        .data
        .as_deref()
        .and_then(|more| serde_json::from_str(more).ok());
    if let (Some(Value::Object(more)), Some(data)) = (more, data.as_object_mut()) {
        for (name, value) in more {
            data.entry(name).or_insert(value);
        }
    }
    json!({
        "specversion": "1.0",
        "id": id(event),
        "source": base,
        "type": format!("tidegate.{}", event.kind.as_str()),
        "subject": subject(event),
        "time": event.at,
        // Zero-padded, because the extension compares texts.
        "sequence": format!("{:020}", event.id),
        "datacontenttype": "application/json",
        "data": data,
    })
}

/// `team/app:1`, `team/app@sha256:…`, `team/app`, or the namespace.
fn subject(event: &StoredEvent) -> String {
    let Some(repository) = &event.repository else {
        return event.namespace.clone().unwrap_or_default();
    };
    match (&event.tag, &event.digest) {
        (Some(tag), _) => format!("{repository}:{tag}"),
        (None, Some(digest)) => format!("{repository}@{digest}"),
        (None, None) => repository.clone(),
    }
}

fn page(event: &StoredEvent, base: &str) -> Option<String> {
    let repository = event.repository.as_deref()?.parse().ok()?;
    let tag: Option<oci::Tag> = event.tag.as_deref().and_then(|tag| tag.parse().ok());
    let is_there = !matches!(event.kind, EventKind::Delete | EventKind::Expiry);
    let route = match tag.filter(|_| is_there) {
        Some(tag) => web::routes::Route::ImageByTag(repository, tag),
        None => web::routes::Route::Tags(repository),
    };
    Some(format!("{base}{route}"))
}

fn slack_text(event: &StoredEvent, base: &str) -> String {
    let what = match event.kind {
        EventKind::Delete => "deleted",
        EventKind::Expiry => "ended by its rules",
        EventKind::Mirror => "mirrored",
        EventKind::Ping => "can reach this channel",
        EventKind::Pull => "pulled",
        EventKind::Push => "pushed",
        EventKind::Quota => "near its quota",
        EventKind::ScanFinished => "scanned",
        EventKind::TagMove => "moved to another image",
        EventKind::VerdictChanged => "judged differently",
    };
    let subject = match (event.kind, subject(event)) {
        (EventKind::Ping, _) => "Tidegate".to_owned(),
        (_, subject) => subject,
    };
    let mut text = format!("{} {what}", escaped(&subject));
    let more: Option<Value> = event
        .data
        .as_deref()
        .and_then(|more| serde_json::from_str(more).ok());
    let word = |name: &str| Some(more.as_ref()?.get(name)?.as_str()?.to_owned());
    if let Some(to) = word("to").filter(|_| event.kind == EventKind::VerdictChanged) {
        text.push_str(": ");
        text.push_str(&escaped(&to));
    }
    if event.actor != "system" {
        text.push_str(" by ");
        text.push_str(&escaped(&event.actor));
    }
    if let Some(page) = page(event, base) {
        text.push('\n');
        text.push_str(&escaped(&page));
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind) -> StoredEvent {
        StoredEvent {
            id: 7,
            kind,
            at: "2026-11-24T06:00:00Z".parse().unwrap(),
            namespace: Some("team".into()),
            repository_id: Some(1),
            repository: Some("team/app".into()),
            tag: Some("1".into()),
            digest: Some(format!("sha256:{}", "a".repeat(64))),
            actor: "dev".into(),
            data: Some(r#"{"actor":"forged","sizeBytes":3}"#.into()),
        }
    }

    fn body(event: &StoredEvent, format: EventFormat) -> Value {
        serde_json::from_slice(&write(event, format, "https://registry.example").body).unwrap()
    }

    #[test]
    fn a_cloud_event_has_its_attributes_and_nothing_overwrites_them() {
        let written = body(&event(EventKind::Push), EventFormat::CloudEvents);
        assert_eq!(written["specversion"], "1.0");
        assert_eq!(written["id"], "tidegate-7");
        assert_eq!(written["type"], "tidegate.push");
        assert_eq!(written["subject"], "team/app:1");
        assert_eq!(written["time"], "2026-11-24T06:00:00Z");
        assert_eq!(written["sequence"], "00000000000000000007");
        assert_eq!(written["data"]["actor"], "dev");
        assert_eq!(written["data"]["sizeBytes"], 3);
        let url = written["data"]["url"].as_str().unwrap();
        assert!(url.starts_with("https://registry.example/"), "{url}");
    }

    #[test]
    fn a_chat_sentence_calls_nobody() {
        let mut hostile = event(EventKind::Push);
        hostile.actor = "<!channel> & co\n*x*".into();
        let written = body(&hostile, EventFormat::Slack);
        let text = written["text"].as_str().unwrap();
        assert!(
            text.starts_with("team/app:1 pushed by &lt;!channel&gt; &amp; co *x*"),
            "{text}"
        );
        for kind in EventKind::ALL {
            assert!(body(&event(kind), EventFormat::Slack)["text"].is_string());
        }
    }
}

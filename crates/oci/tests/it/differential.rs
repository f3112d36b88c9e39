//! Manifests that we take are read alike by others: two parsers of other makers, and one that reads keys as Go does.
//!
//! Two programs that read one document differently can be played against each other: one checks the image, the other
//! runs it. So whatever [`oci::Manifest::parse`] accepts, the others must accept too, and find the same type, the same
//! digests and the same sizes in it. What it refuses may be anything.
//!
//! # Source
//! CVE-2021-41190; Go's `encoding/json`, where a key that differs only in case counts as the field.

use std::collections::HashMap;
use std::fmt::Write as _;

use oci::{Digest, Manifest};
use proptest::prelude::*;
use serde_json::Value;
use tinyjson::JsonValue;

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// What decides about a document, as somebody read it.
#[derive(Debug, PartialEq)]
struct Reading {
    media_type: Option<String>,
    /// Type, digest and size of the configuration, the layers, the children and the subject, in this order. Sizes are
    /// compared as far as every parser keeps them.
    descriptors: Vec<(String, String, f64)>,
}

/// A parsed document of whichever parser.
trait Document: Sized {
    fn field(&self, name: &str) -> Option<&Self>;
    fn elements(&self) -> Option<Vec<&Self>>;
    fn text(&self) -> Option<String>;
    fn number(&self) -> Option<f64>;
    fn is_null(&self) -> bool;
}

impl Document for Value {
    fn field(&self, name: &str) -> Option<&Self> {
        self.get(name)
    }
    fn elements(&self) -> Option<Vec<&Self>> {
        self.as_array().map(|elements| elements.iter().collect())
    }
    fn text(&self) -> Option<String> {
        self.as_str().map(str::to_owned)
    }
    fn number(&self) -> Option<f64> {
        self.as_f64()
    }
    fn is_null(&self) -> bool {
        self.is_null()
    }
}

impl Document for JsonValue {
    fn field(&self, name: &str) -> Option<&Self> {
        self.get::<HashMap<String, JsonValue>>()?.get(name)
    }
    fn elements(&self) -> Option<Vec<&Self>> {
        let elements = self.get::<Vec<JsonValue>>()?;
        Some(elements.iter().collect())
    }
    fn text(&self) -> Option<String> {
        self.get::<String>().cloned()
    }
    fn number(&self) -> Option<f64> {
        self.get::<f64>().copied()
    }
    fn is_null(&self) -> bool {
        self.is_null()
    }
}

/// Reads keys without regard to case, the last one first: what Go's parser makes of it.
struct AsGo(Value);

impl AsGo {
    fn of(document: &Value) -> Self {
        Self(match document {
            Value::Object(fields) => Value::Object(
                fields
                    .iter()
                    .map(|(key, value)| (fold(key), Self::of(value).0))
                    .collect(),
            ),
            Value::Array(elements) => {
                Value::Array(elements.iter().map(|one| Self::of(one).0).collect())
            }
            other => other.clone(),
        })
    }
}

/// Go folds letters as Unicode does: two of them are no letters of ASCII and mean one all the same.
fn fold(key: &str) -> String {
    key.replace('\u{17f}', "s")
        .replace('\u{212a}', "k")
        .to_lowercase()
}

fn read<D: Document>(document: &D, spell: fn(&str) -> String) -> Reading {
    let field = |of: &D, name: &str| -> Option<String> { of.field(&spell(name))?.text() };
    let descriptor = |of: &D| {
        let size = of.field(&spell("size")).and_then(Document::number);
        (
            field(of, "mediaType").unwrap_or_default(),
            field(of, "digest").unwrap_or_default(),
            size.unwrap_or(-1.0),
        )
    };
    let one = |name: &str| document.field(&spell(name)).filter(|of| !of.is_null());
    let many = |name: &str| one(name).and_then(Document::elements).unwrap_or_default();
    let mut descriptors: Vec<_> = one("config").map(descriptor).into_iter().collect();
    descriptors.extend(many("layers").into_iter().map(descriptor));
    descriptors.extend(many("manifests").into_iter().map(descriptor));
    descriptors.extend(one("subject").map(descriptor));
    Reading {
        media_type: field(document, "mediaType"),
        descriptors,
    }
}

fn ours(manifest: &Manifest) -> Reading {
    Reading {
        media_type: Some(manifest.media_type.clone()),
        descriptors: manifest
            .descriptors()
            .map(|one| {
                (
                    one.media_type.clone(),
                    one.digest.to_string(),
                    one.size as f64,
                )
            })
            .collect(),
    }
}

/// Returns whether the document was accepted, and panics if others read it otherwise.
#[track_caller]
fn check(bytes: &[u8], content_type: &str) -> bool {
    let Ok(manifest) = Manifest::parse(bytes, content_type) else {
        return false;
    };
    let text = std::str::from_utf8(bytes).expect("what was accepted is UTF-8");
    let mut expected = ours(&manifest);
    let first: Value = serde_json::from_str(text).expect("serde_json reads what was accepted");
    // A document may leave its type to the request.
    if first.get("mediaType").is_none_or(Value::is_null) {
        expected.media_type = None;
    }
    let second: JsonValue = text.parse().expect("tinyjson reads what was accepted");
    let same = str::to_owned as fn(&str) -> String;
    assert_eq!(read(&first, same), expected, "serde_json: {text}");
    assert_eq!(read(&second, same), expected, "tinyjson: {text}");
    let as_go = AsGo::of(&first).0;
    assert_eq!(read(&as_go, fold), expected, "as Go: {text}");
    true
}

fn descriptor(content: &str) -> String {
    let digest = Digest::sha256(content.as_bytes());
    let size = content.len();
    format!(
        r#"{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{digest}","size":{size}}}"#
    )
}

#[test]
fn documents_with_two_meanings_are_refused() {
    let (one, other) = (descriptor("one"), descriptor("other"));
    let image = |more: &str| {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{one},"layers":[{one}]{more}}}"#
        )
    };
    assert!(check(image("").as_bytes(), IMAGE));
    assert!(check(
        image(r#","annotations":{"a":"b"},"x":[1e3,null]"#).as_bytes(),
        IMAGE
    ));
    for more in [
        format!(r#","layers":[{other}]"#),
        format!(r#","Layers":[{other}]"#),
        format!(r#","\u006cayers":[{other}]"#),
        format!(r#","config":{other}"#),
        format!(r#","CONFIG":{other}"#),
        format!(r#","manifests":[{other}]"#),
        format!(",\"\u{17f}ubject\":{other}"),
        format!(",\"\\u017fubject\":{other}"),
        format!(r#","Manifests":[{other}]"#),
        format!(r#","mediatype":"{INDEX}""#),
        r#","schemaversion":1"#.to_owned(),
        format!(
            r#","subject":{{"mediaType":"{IMAGE}","digest":"{}","size":1,"Digest":"x"}}"#,
            Digest::sha256(b"x")
        ),
        r#","x":{"a":1,"a":2}"#.to_owned(),
        "}{".to_owned(),
    ] {
        assert!(!check(image(&more).as_bytes(), IMAGE), "{more}");
    }
    for outside in ["\u{feff}", " \u{0}"] {
        assert!(!check(format!("{outside}{}", image("")).as_bytes(), IMAGE));
        assert!(!check(format!("{}{outside}x", image("")).as_bytes(), IMAGE));
    }
    assert!(
        !check(image("").as_bytes(), INDEX),
        "the request says otherwise"
    );
}

/// Fields in every spelling, with values of every kind; most documents are wrong, some are accepted.
fn fields() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "schemaVersion",
        "schemaversion",
        "mediaType",
        "MediaType",
        r"m\u0065diaType",
        "config",
        "Config",
        "layers",
        "LAYERS",
        "manifests",
        "subject",
        "artifactType",
        "annotations",
        "x",
        "\u{17f}ubject",
    ]);
    let value = prop::sample::select(vec![
        "2".to_owned(),
        "2.0".to_owned(),
        "1".to_owned(),
        "null".to_owned(),
        format!("\"{IMAGE}\""),
        format!("\"{INDEX}\""),
        format!("\"{}\"", IMAGE.replace('/', r"\/")),
        descriptor("one"),
        descriptor("other").replace("\"size\":5", "\"size\":5,\"Size\":6"),
        descriptor("large").replace("\"size\":5", "\"size\":9007199254740993"),
        format!("[{}]", descriptor("one")),
        format!("[{},{}]", descriptor("one"), descriptor("two")),
        "[]".to_owned(),
        "{}".to_owned(),
        r#""\ud83d\ude00""#.to_owned(),
        r#""\ud83d""#.to_owned(),
    ]);
    prop::collection::vec((key, value), 0..6).prop_map(|fields| {
        let mut text = String::new();
        for (key, value) in fields {
            write!(text, ",\"{key}\":{value}").expect("writing to a text never fails");
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_accepted_is_read_alike_by_others(
        begin in prop::sample::select(vec![
            format!(r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{0},"layers":[{0}]"#, descriptor("one")),
            format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]"#, descriptor("one")),
            r#"{"schemaVersion":2"#.to_owned(),
        ]),
        more in fields(),
        content_type in prop::sample::select(vec![IMAGE, INDEX, ""]),
    ) {
        check(format!("{begin}{more}}}").as_bytes(), content_type);
    }

    #[test]
    fn damage_is_refused_or_read_alike(
        position in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        how in 0..3_u8,
    ) {
        let image = format!(
            r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{0},"layers":[{0}],"subject":{0}}}"#,
            descriptor("one")
        );
        let mut bytes = image.into_bytes();
        let at = position.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => {
                bytes.remove(at);
            }
        }
        check(&bytes, IMAGE);
    }
}

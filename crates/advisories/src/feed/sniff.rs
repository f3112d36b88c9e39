//! Which feed is this? Decided by content; a name proves nothing.
//!
//! JSON is streamed key by key until a key decides, so recognition needs no more memory than the parser's own.

use std::cell::RefCell;
use std::fmt;
use std::io::BufRead;
use std::path::Path;
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::source::Source;
use crate::import::{ImportError, Limits};
use crate::osv::Encoding;

/// Keys that, beside an `id`, make an OSV record.
const OSV_KEYS: [&str; 5] = ["affected", "aliases", "details", "modified", "summary"];

/// A recognised shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    DebianTracker,
    DebianAdvisories,
    Osv(Encoding),
    OsvZip,
    Kev,
    Epss,
}

/// Recognises a file.
///
/// # Errors
/// [`ImportError::UnknownFeed`] with what was found, or a read error.
pub(crate) fn sniff(path: &Path, limits: &Limits) -> Result<Shape, ImportError> {
    let unknown = |found: String| ImportError::UnknownFeed {
        path: path.to_owned(),
        found,
    };
    let mut source = Source::open(path, limits)?;
    let meter = source.meter();
    let head = source
        .reader
        .fill_buf()
        .map_err(|error| Source::read_error(path, &meter, error))?;
    let head = &head[..head.len().min(4096)];
    if head.is_empty() {
        return Err(unknown("an empty file".to_owned()));
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Ok(Shape::OsvZip);
    }
    let text = String::from_utf8_lossy(head).into_owned();
    let start = text.trim_start();
    if start.starts_with("#model_version") || start.starts_with("cve,epss,percentile") {
        return Ok(Shape::Epss);
    }
    if is_advisory_list(start) {
        return Ok(Shape::DebianAdvisories);
    }
    if start.starts_with('{') {
        return json_shape(path, source).and_then(|shape| shape.map_err(unknown));
    }
    if is_osv_yaml(start) {
        return Ok(Shape::Osv(Encoding::Yaml));
    }
    Err(unknown(describe(start)))
}

/// `[03 Oct 2023] DSA-5514-1 glibc - security update`
fn is_advisory_list(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    first
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
        .is_some_and(|(_, title)| {
            ["DSA-", "DLA-", "DTSA-"]
                .iter()
                .any(|prefix| title.starts_with(prefix))
        })
}

fn is_osv_yaml(text: &str) -> bool {
    let keys: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with([' ', '\t', '-', '#']))
        .filter_map(|line| line.split_once(':').map(|(key, _)| key))
        .collect();
    keys.contains(&"id")
        && (keys.contains(&"schema_version") || OSV_KEYS.iter().any(|key| keys.contains(key)))
}

fn describe(text: &str) -> String {
    let line: String = text
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(60)
        .collect();
    let printable = line
        .chars()
        .all(|c| !c.is_control() && c != char::REPLACEMENT_CHARACTER);
    match text.chars().next() {
        Some('[') if printable => format!("a JSON array or a list that begins `{line}`"),
        Some('<') if printable => format!("markup that begins `{line}`"),
        _ if printable => format!("text that begins `{line}`"),
        _ => "binary data".to_owned(),
    }
}

/// What the keys of a JSON object say so far.
#[derive(Debug, Default)]
struct Keys {
    seen: Vec<String>,
    shape: Option<Shape>,
}

fn json_shape(path: &Path, source: Source) -> Result<Result<Shape, String>, ImportError> {
    let meter = source.meter();
    let keys = Rc::new(RefCell::new(Keys::default()));
    let mut json = serde_json::Deserializer::from_reader(source.reader);
    let outcome = json.deserialize_map(TopLevel(Rc::clone(&keys)));
    let keys = keys.take();
    if let Some(shape) = keys.shape {
        return Ok(Ok(shape));
    }
    match outcome {
        // Only the keys are looked at; a syntax error before one decides is told as what it is.
        Err(error) if error.is_io() => Err(Source::json_error(path, &meter, "JSON", error)),
        Err(error) if keys.seen.is_empty() => Ok(Err(format!("broken JSON ({error})"))),
        _ => Ok(Err(format!(
            "a JSON object with the keys {}",
            keys.seen
                .iter()
                .map(|key| format!("`{key}`"))
                .collect::<Vec<_>>()
                .join(", ")
        ))),
    }
}

struct TopLevel(Rc<RefCell<Keys>>);

impl<'de> Visitor<'de> for TopLevel {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_id = false;
        // A tracker file has thousands of keys, but its first value decides.
        while let Some(key) = map.next_key::<String>()? {
            let key: String = key.chars().take(60).collect();
            let shape = match key.as_str() {
                "catalogVersion" | "dateReleased" => Some(Shape::Kev),
                "schema_version" => Some(Shape::Osv(Encoding::Json)),
                "id" => {
                    has_id = true;
                    None
                }
                key if has_id && OSV_KEYS.contains(&key) => Some(Shape::Osv(Encoding::Json)),
                _ => None,
            };
            let mut keys = self.0.borrow_mut();
            if keys.seen.len() < 8 {
                keys.seen.push(key);
            }
            if shape.is_some() {
                keys.shape = shape;
                // The shape is known; the error only ends the walk.
                return Err(A::Error::custom("decided"));
            }
            drop(keys);
            if map.next_value_seed(FirstKey)? {
                self.0.borrow_mut().shape = Some(Shape::DebianTracker);
                return Err(A::Error::custom("decided"));
            }
        }
        let mut keys = self.0.borrow_mut();
        if has_id && keys.seen.iter().any(|key| OSV_KEYS.contains(&key.as_str())) {
            keys.shape = Some(Shape::Osv(Encoding::Json));
        }
        Ok(())
    }
}

/// Skips a value and says whether it is a tracker's source package: an object whose first key is a vulnerability id
/// with an object behind it.
struct FirstKey;

impl<'de> DeserializeSeed<'de> for FirstKey {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Scalars and lists decide nothing.
macro_rules! undecided {
    ($($method:ident: $type:ty),+) => {
        $(fn $method<E>(self, _: $type) -> Result<bool, E> {
            Ok(false)
        })+
    };
}

impl<'de> Visitor<'de> for FirstKey {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    undecided!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut is_tracker = false;
        let mut is_first = true;
        while let Some(key) = map.next_key::<String>()? {
            if is_first && (key.starts_with("CVE-") || key.starts_with("TEMP-")) {
                is_tracker = true;
            }
            is_first = false;
            map.next_value::<IgnoredAny>()?;
        }
        Ok(is_tracker)
    }
}

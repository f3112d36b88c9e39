//! The text as a tree with positions: the YAML subset of policies, and JSON, which is inside it.
//!
//! Parsed from events, because a policy needs the place of every key and must refuse what a value tree hides: a key
//! written twice, anchors, aliases, tags, merge keys. Plain scalars become values by the YAML 1.2 core schema, so
//! `on` and `yes` are text. Nothing here knows what a policy contains; [`super::fields`] does.

use std::collections::HashMap;
use std::fmt::Write;

use serde_saphyr::granit_parser::{Event, Marker, Options, Parser, ScalarStyle, ScanError};

use super::error::{PolicyError, Position, Problem};

/// Nesting allowed in a policy. The deepest honest one uses seven levels.
const MAX_DEPTH: usize = 32;

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) position: Position,
    pub(crate) value: NodeValue,
}

#[derive(Clone, Debug)]
pub(crate) enum NodeValue {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    /// Text; a plain scalar that is nothing else is text too.
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_position: Position,
    pub(crate) value: Node,
}

impl Node {
    /// Describes the value for an error message.
    pub(crate) fn describe(&self) -> String {
        const SHOWN: usize = 40;
        match &self.value {
            NodeValue::Null => "nothing".into(),
            NodeValue::Bool(flag) => format!("`{flag}`"),
            NodeValue::Integer(number) => format!("`{number}`"),
            NodeValue::Float(number) => format!("`{number}`"),
            NodeValue::Text(text) => {
                let mut shown: String = text.chars().take(SHOWN).collect();
                if shown.len() < text.len() {
                    shown.push_str("...");
                }
                format!("`{}`", shown.escape_debug())
            }
            NodeValue::List(_) => "a list".into(),
            NodeValue::Map(_) => "a mapping".into(),
        }
    }

    /// Returns the value as JSON, the base of the canonical form: comments, order and spelling are gone.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            NodeValue::Null => serde_json::Value::Null,
            NodeValue::Bool(flag) => (*flag).into(),
            NodeValue::Integer(number) => (*number).into(),
            NodeValue::Float(number) => (*number).into(),
            NodeValue::Text(text) => text.as_str().into(),
            NodeValue::List(items) => items.iter().map(Self::to_json).collect(),
            NodeValue::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect(),
        }
    }
}

/// Reads one document.
pub(crate) fn parse(text: &str) -> Result<Node, PolicyError> {
    let mut options = Options::default();
    options.emit_comments = false;
    options.emit_unresolved_aliases = true;
    options.disallow_directives = true;
    let mut open: Vec<Container> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| syntax(&error))?;
        let position = position_of(&span.start);
        let (anchor, is_tagged) = match &event {
            Event::Scalar(_, _, anchor, tag)
            | Event::SequenceStart(_, anchor, tag)
            | Event::MappingStart(_, anchor, tag) => (*anchor, tag.is_some()),
            _ => (0, false),
        };
        if anchor != 0 {
            return refuse(
                &open,
                position,
                Problem::Feature {
                    feature: "anchors (`&`)",
                },
            );
        }
        if is_tagged {
            return refuse(
                &open,
                position,
                Problem::Feature {
                    feature: "tags (`!`)",
                },
            );
        }
        let node = match event {
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                return refuse(
                    &open,
                    position,
                    Problem::Feature {
                        feature: "aliases (`*`; quote text that starts with one)",
                    },
                );
            }
            Event::DocumentStart(..) if root.is_some() => {
                return refuse(&open, position, Problem::SecondDocument);
            }
            Event::Scalar(text, style, ..) => {
                if matches!(open.last(), Some(Container::Map { key: None, .. })) {
                    if text == "<<" && style == ScalarStyle::Plain {
                        return refuse(
                            &open,
                            position,
                            Problem::Feature {
                                feature: "merge keys (`<<`)",
                            },
                        );
                    }
                    if let Some(first_line) = line_of_key(&open, &text) {
                        return refuse(
                            &open,
                            position,
                            Problem::DuplicateKey {
                                key: text.into_owned(),
                                first_line,
                            },
                        );
                    }
                    if let Some(Container::Map { key, lines, .. }) = open.last_mut() {
                        lines.insert(text.to_string(), position.line);
                        *key = Some((text.into_owned(), position));
                    }
                    continue;
                }
                Node {
                    position,
                    value: scalar(text.into_owned(), style),
                }
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if matches!(open.last(), Some(Container::Map { key: None, .. })) {
                    return refuse(&open, position, Problem::KeyNotText);
                }
                if open.len() >= MAX_DEPTH {
                    return refuse(&open, position, Problem::TooDeep { limit: MAX_DEPTH });
                }
                open.push(if matches!(event, Event::SequenceStart(..)) {
                    Container::List {
                        position,
                        items: Vec::new(),
                    }
                } else {
                    Container::Map {
                        position,
                        entries: Vec::new(),
                        lines: HashMap::new(),
                        key: None,
                    }
                });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Container::List { position, items }) => Node {
                    position,
                    value: NodeValue::List(items),
                },
                Some(Container::Map {
                    position, entries, ..
                }) => Node {
                    position,
                    value: NodeValue::Map(entries),
                },
                None => continue,
            },
            _ => continue,
        };
        match open.last_mut() {
            None => root = Some(node),
            Some(Container::List { items, .. }) => items.push(node),
            Some(Container::Map { entries, key, .. }) => {
                // The parser delivers keys and values in turn; a value without its key cannot arrive.
                let Some((key, key_position)) = key.take() else {
                    continue;
                };
                entries.push(Entry {
                    key,
                    key_position,
                    value: node,
                });
            }
        }
    }
    root.ok_or(PolicyError {
        position: None,
        path: String::new(),
        problem: Problem::Empty,
    })
}

/// A list or mapping whose end has not been read yet.
enum Container {
    List {
        position: Position,
        items: Vec<Node>,
    },
    Map {
        position: Position,
        entries: Vec<Entry>,
        /// The line of each key so far.
        lines: HashMap<String, usize>,
        /// The key whose value comes next.
        key: Option<(String, Position)>,
    },
}

fn refuse<T>(open: &[Container], position: Position, problem: Problem) -> Result<T, PolicyError> {
    Err(PolicyError {
        position: Some(position),
        path: path_of(open),
        problem,
    })
}

/// Returns where the innermost open mapping has `key` already.
fn line_of_key(open: &[Container], key: &str) -> Option<usize> {
    match open.last() {
        Some(Container::Map { lines, .. }) => lines.get(key).copied(),
        _ => None,
    }
}

fn path_of(open: &[Container]) -> String {
    let mut path = String::new();
    for (depth, container) in open.iter().enumerate() {
        match container {
            Container::List { items, .. } => {
                let _ = write!(path, "[{}]", items.len());
            }
            Container::Map { key, .. } => {
                if let Some((key, _)) = key {
                    if depth > 0 && !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
            }
        }
    }
    path
}

fn position_of(marker: &Marker) -> Position {
    Position {
        line: marker.line(),
        column: marker.col() + 1,
    }
}

fn syntax(error: &ScanError) -> PolicyError {
    PolicyError {
        position: Some(position_of(error.marker())),
        path: String::new(),
        problem: Problem::Syntax(error.info().clone()),
    }
}

/// Resolves a scalar.
///
/// # Source
/// YAML 1.2.2, section 10.3.2, "Tag resolution" of the core schema; binary and non-finite numbers stay text.
fn scalar(text: String, style: ScalarStyle) -> NodeValue {
    if style != ScalarStyle::Plain {
        return NodeValue::Text(text);
    }
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => return NodeValue::Null,
        "true" | "True" | "TRUE" => return NodeValue::Bool(true),
        "false" | "False" | "FALSE" => return NodeValue::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        // An integer beyond 64 bits is nothing a policy can mean; as text it fails the type check with its spelling.
        return text
            .parse()
            .map_or(NodeValue::Text(text), NodeValue::Integer);
    }
    let starts_like_a_number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let only_number_signs = digits
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    if starts_like_a_number
        && only_number_signs
        && let Ok(number) = text.parse::<f64>()
        && number.is_finite()
    {
        return NodeValue::Float(number);
    }
    NodeValue::Text(text)
}

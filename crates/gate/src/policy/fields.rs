//! Typed reading of the tree: every mapping states its keys, every value its type, and each refusal names the place.

use evidence::{Grade, Severity};
use jiff::civil::Date;

use super::document::{Node, NodeValue};
use super::duration::Span;
use super::error::{PolicyError, Problem};

/// A value together with its path, for messages.
#[derive(Clone, Debug)]
pub(crate) struct Value<'a> {
    pub(crate) node: &'a Node,
    pub(crate) path: String,
}

/// A mapping whose keys are all known.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    mapping: Value<'a>,
    /// False where the mapping was left out and `mapping` is only the place to name.
    is_written: bool,
}

impl<'a> Fields<'a> {
    /// Returns the value of `key`; a key without a value counts as absent.
    pub(crate) fn optional(&self, key: &str) -> Option<Value<'a>> {
        let NodeValue::Map(entries) = &self.mapping.node.value else {
            return None;
        };
        if !self.is_written {
            return None;
        }
        let entry = entries.iter().find(|entry| entry.key == key)?;
        if matches!(entry.value.value, NodeValue::Null) {
            return None;
        }
        Some(Value {
            node: &entry.value,
            path: join(&self.mapping.path, key),
        })
    }

    /// Returns the value of `key`.
    pub(crate) fn required(&self, key: &str) -> Result<Value<'a>, PolicyError> {
        self.optional(key).ok_or_else(|| {
            self.error(Problem::MissingKey {
                key: key.to_owned(),
            })
        })
    }

    /// Refuses the whole mapping.
    pub(crate) fn error(&self, problem: Problem) -> PolicyError {
        self.mapping.error(problem)
    }

    /// Returns the fields of a mapping that was left out of `place`.
    pub(crate) fn left_out(place: &Value<'a>) -> Self {
        Self {
            mapping: place.clone(),
            is_written: false,
        }
    }
}

impl<'a> Value<'a> {
    pub(crate) fn root(node: &'a Node) -> Self {
        Self {
            node,
            path: String::new(),
        }
    }

    pub(crate) fn error(&self, problem: Problem) -> PolicyError {
        PolicyError {
            position: Some(self.node.position),
            path: self.path.clone(),
            problem,
        }
    }

    pub(crate) fn unexpected(&self, expected: impl Into<String>) -> PolicyError {
        self.error(Problem::Unexpected {
            expected: expected.into(),
            found: self.node.describe(),
        })
    }

    /// Reads a mapping with the given keys. `later` are keys of the language that this version cannot judge: ignoring
    /// them would be a silent pass, so they are refused with their name.
    pub(crate) fn fields(
        &self,
        allowed: &[&'static str],
        later: &[&str],
    ) -> Result<Fields<'a>, PolicyError> {
        for (key, value) in self.entries()? {
            if allowed.contains(&key) {
                continue;
            }
            let key = key.to_owned();
            let problem = if later.contains(&key.as_str()) {
                Problem::NotInThisVersion {
                    key,
                    known: allowed.to_vec(),
                }
            } else {
                Problem::UnknownKey {
                    key,
                    allowed: allowed.to_vec(),
                }
            };
            return Err(PolicyError {
                position: Some(value.key_position),
                path: value.value.path,
                problem,
            });
        }
        Ok(Fields {
            mapping: self.clone(),
            is_written: true,
        })
    }

    /// Reads a mapping with free keys.
    pub(crate) fn entries(&self) -> Result<Vec<(&'a str, KeyedValue<'a>)>, PolicyError> {
        let NodeValue::Map(entries) = &self.node.value else {
            return Err(self.unexpected("a mapping"));
        };
        Ok(entries
            .iter()
            .map(|entry| {
                let value = KeyedValue {
                    key_position: entry.key_position,
                    value: Value {
                        node: &entry.value,
                        path: join(&self.path, &entry.key),
                    },
                };
                (entry.key.as_str(), value)
            })
            .collect())
    }

    /// Reads a list.
    pub(crate) fn list(&self) -> Result<Vec<Value<'a>>, PolicyError> {
        let NodeValue::List(items) = &self.node.value else {
            return Err(self.unexpected("a list"));
        };
        Ok(items
            .iter()
            .enumerate()
            .map(|(position, node)| Value {
                node,
                path: format!("{}[{position}]", self.path),
            })
            .collect())
    }

    /// Reads a list with at least one item.
    pub(crate) fn filled_list(&self) -> Result<Vec<Value<'a>>, PolicyError> {
        let items = self.list()?;
        if items.is_empty() {
            return Err(self.unexpected("a list with at least one item"));
        }
        Ok(items)
    }

    /// Reads a list of non-empty texts.
    pub(crate) fn texts(&self) -> Result<Vec<String>, PolicyError> {
        self.filled_list()?
            .iter()
            .map(|item| item.text().map(str::to_owned))
            .collect()
    }

    /// Reads text that is not empty and has no control characters.
    pub(crate) fn text(&self) -> Result<&'a str, PolicyError> {
        match &self.node.value {
            NodeValue::Text(text) if !text.is_empty() && !text.contains(char::is_control) => {
                Ok(text)
            }
            _ => Err(self.unexpected("text on one line (quote it if it looks like a number)")),
        }
    }

    /// Reads prose, which may have several lines.
    pub(crate) fn prose(&self) -> Result<&'a str, PolicyError> {
        match &self.node.value {
            NodeValue::Text(text) => Ok(text),
            _ => Err(self.unexpected("text")),
        }
    }

    pub(crate) fn boolean(&self) -> Result<bool, PolicyError> {
        match self.node.value {
            NodeValue::Bool(flag) => Ok(flag),
            _ => Err(self.unexpected("true or false")),
        }
    }

    /// Reads a whole number from 0 to `max`.
    pub(crate) fn count(&self, max: u32) -> Result<u32, PolicyError> {
        if let NodeValue::Integer(number) = self.node.value
            && let Ok(number) = u32::try_from(number)
            && number <= max
        {
            return Ok(number);
        }
        Err(self.unexpected(if max == u32::MAX {
            "a whole number, 0 or more".to_owned()
        } else {
            format!("a whole number from 0 to {max}")
        }))
    }

    /// Reads a number from 0 to `max`.
    pub(crate) fn number(&self, max: f64) -> Result<f64, PolicyError> {
        let number = match self.node.value {
            NodeValue::Integer(number) => number as f64,
            NodeValue::Float(number) => number,
            _ => f64::NAN,
        };
        if (0.0..=max).contains(&number) {
            return Ok(number);
        }
        Err(self.unexpected(format!("a number from 0 to {max}")))
    }

    pub(crate) fn span(&self) -> Result<Span, PolicyError> {
        if let NodeValue::Text(text) = &self.node.value
            && let Some(span) = Span::parse(text)
        {
            return Ok(span);
        }
        Err(self.unexpected("a time span such as 90s, 30m, 24h, 7d or 2w"))
    }

    pub(crate) fn date(&self) -> Result<Date, PolicyError> {
        if let NodeValue::Text(text) = &self.node.value
            && text.len() == 10
            && let Ok(date) = text.parse()
        {
            return Ok(date);
        }
        Err(self.unexpected("a day such as 2026-12-01"))
    }

    pub(crate) fn grade(&self) -> Result<Grade, PolicyError> {
        if let NodeValue::Text(text) = &self.node.value
            && text.len() == 1
            && text.starts_with(|c: char| c.is_ascii_uppercase())
            && let Ok(grade) = text.parse()
        {
            return Ok(grade);
        }
        Err(self.unexpected("a grade: A, B, C, D, E or F"))
    }

    pub(crate) fn digest(&self) -> Result<oci::Digest, PolicyError> {
        if let NodeValue::Text(text) = &self.node.value
            && let Ok(digest) = text.parse()
        {
            return Ok(digest);
        }
        Err(self.unexpected("a digest such as `sha256:` and 64 hexadecimal digits"))
    }

    /// Reads one of the given words.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, PolicyError> {
        let found = match &self.node.value {
            NodeValue::Text(text) => text.as_str(),
            NodeValue::Bool(true) => "true",
            NodeValue::Bool(false) => "false",
            _ => "",
        };
        choices
            .iter()
            .find(|(word, _)| *word == found)
            .map(|(_, value)| *value)
            .ok_or_else(|| {
                let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
                self.unexpected(match words.as_slice() {
                    [only] => format!("`{only}`"),
                    several => format!("one of {}", several.join(", ")),
                })
            })
    }
}

/// The value of a mapping entry with the place of its key.
#[derive(Clone, Debug)]
pub(crate) struct KeyedValue<'a> {
    pub(crate) key_position: super::error::Position,
    pub(crate) value: Value<'a>,
}

/// The policy's word for each severity.
pub(crate) const SEVERITIES: [(&str, Severity); 6] = [
    ("critical", Severity::Critical),
    ("high", Severity::High),
    ("medium", Severity::Medium),
    ("low", Severity::Low),
    ("negligible", Severity::Negligible),
    ("unknown", Severity::Unknown),
];

/// Returns the policy's word for a severity.
pub(crate) fn severity_word(severity: Severity) -> &'static str {
    SEVERITIES
        .iter()
        .find(|(_, candidate)| *candidate == severity)
        .map_or("unknown", |(word, _)| word)
}

impl Value<'_> {
    /// Reads spans by severity: `{critical: 7d, high: 30d}`.
    pub(crate) fn spans_by_severity(&self) -> Result<Vec<(Severity, Span)>, PolicyError> {
        let words = SEVERITIES.map(|(word, _)| word);
        let fields = self.fields(&words, &[])?;
        let mut spans = Vec::new();
        for (word, severity) in SEVERITIES {
            if let Some(value) = fields.optional(word) {
                spans.push((severity, value.span()?));
            }
        }
        if spans.is_empty() {
            return Err(self.unexpected("a time span for at least one severity"));
        }
        Ok(spans)
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

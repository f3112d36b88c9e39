//! One rule: a condition with its level, its own words and what follows when it cannot be judged.

use std::collections::BTreeMap;

use super::error::{PolicyError, Problem};
use super::fields::Value;
use super::identifier;
use crate::Level;
use crate::condition::{self, Condition, ConditionInfo};

/// More rules than any reader could follow.
const MAX_RULES: usize = 200;

const RULE_KEYS: [&str; 9] = [
    "id",
    "when",
    "with",
    "level",
    "on_missing",
    "platforms",
    "title",
    "remediation",
    "link",
];

/// What follows when a rule's evidence is missing, stale, failed or unsupported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnMissing {
    Pending,
    Deny,
    Warn,
    Skip,
}

/// One rule of a policy.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) info: &'static ConditionInfo,
    pub(crate) condition: Box<dyn Condition>,
    pub(crate) level: Level,
    pub(crate) on_missing: Option<OnMissing>,
    pub(crate) platforms: Vec<String>,
    pub(crate) title: Option<String>,
    pub(crate) remediation: Option<String>,
    pub(crate) link: Option<String>,
}

pub(crate) fn read_rules(value: &Value<'_>) -> Result<Vec<Rule>, PolicyError> {
    let items = value.filled_list()?;
    if items.len() > MAX_RULES {
        return Err(value.unexpected(format!("at most {MAX_RULES} rules")));
    }
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    let mut rules = Vec::with_capacity(items.len());
    for item in items {
        let rule = read_rule(&item)?;
        if let Some(&first_line) = lines.get(&rule.id) {
            return Err(item.error(Problem::DuplicateRule {
                id: rule.id,
                first_line,
            }));
        }
        lines.insert(rule.id.clone(), item.node.position.line);
        rules.push(rule);
    }
    Ok(rules)
}

fn read_rule(value: &Value<'_>) -> Result<Rule, PolicyError> {
    let fields = value.fields(&RULE_KEYS, &[])?;
    let id = identifier(&fields.required("id")?)?;
    let when = fields.required("when")?;
    let name = when.text()?;
    let info = condition::find(name).ok_or_else(|| {
        when.error(Problem::UnknownCondition {
            name: name.to_owned(),
            known: condition::conditions()
                .iter()
                .map(|info| info.name)
                .collect(),
        })
    })?;
    let own_words = |key: &str| match fields.optional(key) {
        Some(words) => words.text().map(|text| Some(text.to_owned())),
        None => Ok(None),
    };
    Ok(Rule {
        id,
        info,
        condition: condition::read(info, value, fields.optional("with"))?,
        level: match fields.optional("level") {
            Some(level) => level.choice(&[("deny", Level::Deny), ("warn", Level::Warn)])?,
            None => Level::Deny,
        },
        on_missing: match fields.optional("on_missing") {
            Some(word) => Some(word.choice(&[
                ("pending", OnMissing::Pending),
                ("deny", OnMissing::Deny),
                ("warn", OnMissing::Warn),
                ("skip", OnMissing::Skip),
            ])?),
            None => None,
        },
        platforms: match fields.optional("platforms") {
            Some(platforms) => platforms.texts()?,
            None => Vec::new(),
        },
        title: own_words("title")?,
        remediation: own_words("remediation")?,
        link: match fields.optional("link") {
            Some(link) => Some(read_link(&link)?),
            None => None,
        },
    })
}

/// Reads a link. Pages show it, so nothing but the web's own schemes is let in.
fn read_link(value: &Value<'_>) -> Result<String, PolicyError> {
    let expected = "an address that starts with `https://` or `http://`";
    let text = value.text().map_err(|_| value.unexpected(expected))?;
    if text.starts_with("https://") || text.starts_with("http://") {
        return Ok(text.to_owned());
    }
    Err(value.unexpected(expected))
}

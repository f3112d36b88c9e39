//! Licence texts as packages write them, and whether they are SPDX expressions.

use spdx::{AdditionItem, Expression, LicenseItem, ParseMode};

/// The longest text read as an expression, in bytes. Real expressions are far shorter; longer texts are licence prose.
const MAX_EXPRESSION: usize = 4096;

/// SPDX syntax to the letter, with the identifiers that were once on the list and still name a licence (`GPL-2.0`).
const MODE: ParseMode = ParseMode {
    allow_deprecated: true,
    ..ParseMode::STRICT
};

/// What a licence text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Licence {
    /// One licence of the SPDX list.
    Listed(String),
    /// A valid expression over licences of the list.
    Expression(String),
    /// Anything else, as written.
    Named(String),
}

impl Licence {
    /// Reads one licence text. References that need a definition of their own (`LicenseRef-…`) count as names, because
    /// an inventory does not carry the text they refer to.
    pub(super) fn read(text: &str) -> Self {
        let text = text.trim();
        if text.len() > MAX_EXPRESSION {
            return Self::Named(text.to_owned());
        }
        let Ok(expression) = Expression::parse_mode(text, MODE) else {
            return Self::Named(text.to_owned());
        };
        let is_defined = expression.requirements().all(|item| {
            matches!(item.req.license, LicenseItem::Spdx { .. })
                && !matches!(item.req.addition, Some(AdditionItem::Other(_)))
        });
        if !is_defined {
            return Self::Named(text.to_owned());
        }
        match spdx::license_id(text) {
            Some(id) => Self::Listed(id.name.to_owned()),
            None => Self::Expression(expression.to_string()),
        }
    }

    /// Returns the text as an SPDX expression, if it is one.
    pub(super) fn expression(&self) -> Option<&str> {
        match self {
            Self::Listed(text) | Self::Expression(text) => Some(text),
            Self::Named(_) => None,
        }
    }
}

/// Joins several licence texts into the one expression that holds all of them, or `None` where one is no expression.
pub(super) fn all_of(licences: &[Licence]) -> Option<String> {
    let parts: Vec<&str> = licences
        .iter()
        .map(Licence::expression)
        .collect::<Option<_>>()?;
    match parts.as_slice() {
        [] => None,
        [one] => Some((*one).to_owned()),
        several => Some(
            several
                .iter()
                .map(|part| {
                    if part.contains(' ') {
                        format!("({part})")
                    } else {
                        (*part).to_owned()
                    }
                })
                .collect::<Vec<_>>()
                .join(" AND "),
        ),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("MIT", Licence::Listed("MIT".into()))]
    #[case(" Apache-2.0 ", Licence::Listed("Apache-2.0".into()))]
    #[case("MIT OR Apache-2.0", Licence::Expression("MIT OR Apache-2.0".into()))]
    #[case("GPL-2.0-only WITH Classpath-exception-2.0", Licence::Expression("GPL-2.0-only WITH Classpath-exception-2.0".into()))]
    #[case("GPL-2.0", Licence::Listed("GPL-2.0".into()))]
    #[case("GPLv2+", Licence::Named("GPLv2+".into()))]
    #[case("BSD License", Licence::Named("BSD License".into()))]
    #[case("LicenseRef-own", Licence::Named("LicenseRef-own".into()))]
    #[case("MIT AND", Licence::Named("MIT AND".into()))]
    #[case("", Licence::Named(String::new()))]
    #[case("MIT\u{1b}[31m", Licence::Named("MIT\u{1b}[31m".into()))]
    fn a_text_is_a_listed_licence_an_expression_or_a_name(
        #[case] text: &str,
        #[case] expected: Licence,
    ) {
        assert_eq!(Licence::read(text), expected);
    }

    #[rstest]
    #[case(&["MIT"], Some("MIT"))]
    #[case(&["MIT", "ISC"], Some("MIT AND ISC"))]
    #[case(&["MIT OR ISC", "Zlib"], Some("(MIT OR ISC) AND Zlib"))]
    #[case(&["MIT", "own words"], None)]
    #[case(&[], None)]
    fn several_texts_join_only_when_each_is_an_expression(
        #[case] texts: &[&str],
        #[case] expected: Option<&str>,
    ) {
        let licences: Vec<Licence> = texts.iter().map(|text| Licence::read(text)).collect();
        assert_eq!(all_of(&licences).as_deref(), expected);
    }
}

//! Every dependency has a licence that `deny.toml` allows. `cargo deny` asks the same in CI; here everyone asks it.

use spdx::{Expression, Licensee, ParseMode};

use crate::none;

#[test]
fn every_package_has_an_allowed_licence() {
    let allowed = allowed();
    let metadata = xtask::metadata().expect("cargo resolves the workspace");
    let breaches: Vec<String> = metadata
        .packages
        .iter()
        .filter(|package| !is_allowed(package.license.as_deref(), &allowed))
        .map(|package| {
            format!(
                "{} {}: {}",
                package.name,
                package.version,
                package.license.as_deref().unwrap_or("none")
            )
        })
        .collect();
    none("every package has an allowed licence", &breaches);
}

#[test]
fn expressions_are_judged_part_by_part() {
    let allowed = [
        Licensee::parse("MIT").expect("a licence"),
        Licensee::parse("Apache-2.0").expect("a licence"),
    ];
    for (expression, expected) in [
        (Some("MIT"), true),
        (Some("MIT OR GPL-3.0-only"), true),
        (Some("GPL-3.0-only/MIT"), true),
        (Some("Apache-2.0 / MIT"), true),
        (Some("MIT AND GPL-3.0-only"), false),
        (Some("(MIT OR GPL-3.0-only) AND Apache-2.0"), true),
        (Some("Apache-2.0 WITH LLVM-exception"), false),
        (Some("LicenseRef-own"), false),
        (Some("not a licence"), false),
        (None, false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression:?}");
    }
}

/// The list of `deny.toml`.
fn allowed() -> Vec<Licensee> {
    let text =
        fs_err::read_to_string(xtask::root().join("deny.toml")).expect("deny.toml is readable");
    let document: toml::Table = text.parse().expect("deny.toml is TOML");
    let list = document["licenses"]["allow"]
        .as_array()
        .expect("`licenses.allow` is a list");
    assert!(!list.is_empty(), "an empty list allows nothing");
    list.iter()
        .map(|licence| {
            Licensee::parse(licence.as_str().expect("a licence is a string"))
                .expect("a licence of SPDX")
        })
        .collect()
}

/// Reads `OR`, `AND`, `WITH`, parentheses and the old slash form.
fn is_allowed(expression: Option<&str>, allowed: &[Licensee]) -> bool {
    expression
        .and_then(|expression| Expression::parse_mode(expression, ParseMode::LAX).ok())
        .is_some_and(|expression| {
            expression.evaluate(|wanted| allowed.iter().any(|licence| licence.satisfies(wanted)))
        })
}

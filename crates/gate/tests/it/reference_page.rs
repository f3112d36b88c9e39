//! The reference page is written from the catalogue; `UPDATE=1` rewrites it.

use std::fmt::Write;
use std::path::PathBuf;

use gate::{ConditionInfo, Policy, conditions};

use super::support::policy_text;

const START: &str =
    "<!-- written from the catalogue: UPDATE=1 cargo test -p tidegate-gate reference_page -->\n";
const END: &str = "<!-- end of the catalogue -->\n";

#[test]
fn the_page_agrees_with_the_catalogue() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/policy.md");
    let page = std::fs::read_to_string(&path).expect("the reference page exists");
    let (head, rest) = page
        .split_once(START)
        .expect("the page has the catalogue's start");
    let (_, tail) = rest
        .split_once(END)
        .expect("the page has the catalogue's end");
    let expected = format!("{head}{START}\n{}{END}{tail}", catalogue());
    if std::env::var_os("UPDATE").is_some() {
        write(&path, &expected);
        return;
    }
    assert!(
        page == expected,
        "docs/reference/policy.md is stale: UPDATE=1 cargo test -p tidegate-gate reference_page"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "a developer asked for a new text of a file under version control"
)]
fn write(path: &std::path::Path, text: &str) {
    std::fs::write(path, text).expect("the reference page is writable");
}

fn catalogue() -> String {
    let mut text = String::new();
    for info in conditions() {
        write_condition(&mut text, info).expect("text grows");
    }
    text
}

fn write_condition(text: &mut String, info: &ConditionInfo) -> std::fmt::Result {
    writeln!(text, "### `{}`\n\n{}\n", info.name, info.summary)?;
    writeln!(
        text,
        "| parameter | value | default | meaning |\n|---|---|---|---|"
    )?;
    for parameter in info.parameters {
        let default = match (parameter.default, parameter.is_required) {
            (Some(default), _) => default,
            (None, true) => "required",
            (None, false) => "none",
        };
        let (name, form, summary) = (parameter.name, parameter.form, parameter.summary);
        writeln!(text, "| `{name}` | {form} | {default} | {summary} |")?;
    }
    if !info.notes.is_empty() {
        writeln!(text, "\n{}", info.notes)?;
    }
    writeln!(text, "\n```yaml\n- {}\n```\n", info.example)
}

#[test]
fn every_example_is_a_rule_of_its_condition() {
    for info in conditions() {
        let text = policy_text("test", "mode: enforce", &[info.example]);
        Policy::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", info.name));
        let when = format!("when: {}", info.name);
        assert!(info.example.contains(&when), "{}", info.name);
    }
}

#[test]
fn the_examples_of_the_page_are_policies() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/policy.md");
    let page = std::fs::read_to_string(&path).expect("the reference page exists");
    let policies: Vec<_> = page
        .split("```yaml\n")
        .skip(1)
        .filter_map(|block| block.split("```").next())
        .filter(|block| block.starts_with("apiVersion:"))
        .collect();
    assert!(!policies.is_empty(), "the page shows a whole policy");
    for text in policies {
        Policy::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    }
}

#[test]
fn the_catalogue_is_ordered_and_its_names_are_unique() {
    let names: Vec<_> = conditions().iter().map(|info| info.name).collect();
    assert!(names.is_sorted());
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn every_parameter_of_the_catalogue_is_read() {
    // A key that the reader ignored would accept any value; a mapping with a strange key fits none.
    for info in conditions() {
        for parameter in info.parameters {
            let rule = format!(
                "{{id: rule, when: {}, with: {{{}: {{'?': 1}}}}}}",
                info.name, parameter.name
            );
            assert!(
                Policy::parse(&policy_text("test", "mode: audit", &[&rule])).is_err(),
                "{} ignores {}",
                info.name,
                parameter.name
            );
        }
    }
}

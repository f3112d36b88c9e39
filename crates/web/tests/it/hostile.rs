//! Names chosen by an attacker, in every free text of every page.

use crate::html::{Token, elements, read};
use crate::samples::Samples;

#[track_caller]
fn check(hostile: &str) {
    let plain = Samples::default().render();
    let samples = Samples {
        hostile: Some(hostile.to_owned()),
        ..Samples::default()
    };
    for ((name, expected), (_, html)) in plain.iter().zip(samples.render()) {
        // The reader panics on a raw `<` in a text and on a quote that ends an attribute.
        let tokens = read(&html);
        let names: Vec<&str> = elements(&tokens).iter().map(|e| e.name.as_str()).collect();
        for forbidden in ["script", "img"] {
            assert!(!names.contains(&forbidden), "{name}: {forbidden}");
        }
        for element in elements(&tokens) {
            for attribute in element.attributes.keys() {
                assert!(!attribute.starts_with("on"), "{name}: {attribute}");
            }
        }
        // The content changes which filters are in use, never which kinds of element there are.
        let plain_tokens = read(expected);
        let known: Vec<&str> = elements(&plain_tokens)
            .iter()
            .map(|e| e.name.as_str())
            .collect();
        for element in names.iter().filter(|n| !["bdi", "a", "p", "b"].contains(n)) {
            assert!(known.contains(element), "{name}: new element {element}");
        }
    }
}

#[test]
fn markup_stays_text() {
    check("<script>alert(1)</script>");
    check("</title></table><img src=x onerror=alert(1)>");
    check("<!-- --><![CDATA[ ]]>");
}

#[test]
fn quotes_do_not_end_attributes() {
    check("\" onmouseover=\"alert(1)");
    check("' onfocus='alert(1)' autofocus '");
    check("` & &lt;script&gt; &#60;script&#62;");
}

#[test]
fn direction_marks_and_controls_are_text() {
    check("\u{202e}gnp.exe\u{2066}\u{200b}\u{feff}\u{0}\u{1b}[31m");
}

#[test]
fn very_long_names_are_text() {
    check(&"w".repeat(255));
    check(&"🦀".repeat(255));
}

#[test]
fn addresses_made_from_texts_stay_on_this_site() {
    let samples = Samples {
        hostile: Some("javascript:alert(1)//\\evil.example/../?a=b#c".to_owned()),
        ..Samples::default()
    };
    for (name, html) in samples.render() {
        for token in read(&html) {
            let Token::Open(element) = token else {
                continue;
            };
            for attribute in ["href", "src", "action"] {
                if let Some(value) = element.attribute(attribute) {
                    let local = value.starts_with('#')
                        || (value.starts_with('/') && !value.starts_with("//"));
                    assert!(local, "{name}: {attribute}={value}");
                }
            }
        }
    }
}

//! The contrast of the colours, computed from the style sheet that is sent.
//!
//! # Source
//! WCAG 2.2, "relative luminance" and "contrast ratio"; 1.4.3 asks 4.5 for text, 1.4.11 asks 3 for controls and marks.

use std::collections::BTreeMap;

/// Light and dark value of each token.
fn tokens() -> BTreeMap<String, [f64; 2]> {
    let css = include_str!("../../assets/css/tokens.css");
    let mut tokens = BTreeMap::new();
    for line in css.lines() {
        let Some((name, value)) = line.trim().split_once(": light-dark(") else {
            continue;
        };
        let value = value.trim_end_matches(");");
        let (light, dark) = value.split_once(", ").unwrap();
        let name = name.strip_prefix("--").unwrap().to_owned();
        tokens.insert(name, [luminance(light), luminance(dark)]);
    }
    tokens
}

fn luminance(hex: &str) -> f64 {
    let hex = hex.strip_prefix('#').unwrap();
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

fn ratio(a: f64, b: f64) -> f64 {
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[track_caller]
fn check(least: f64, front: &str, back: &str) {
    let tokens = tokens();
    for (theme, place) in [("light", 0), ("dark", 1)] {
        let ratio = ratio(tokens[front][place], tokens[back][place]);
        assert!(ratio >= least, "{front} on {back}, {theme}: {ratio:.2}");
    }
}

#[test]
fn texts_reach_4_5_on_every_background() {
    for text in [
        "text", "muted", "link", "ok", "warn", "bad", "grade-b", "h-text", "u-text", "c-text",
    ] {
        for back in ["bg", "surface", "sunken"] {
            check(4.5, text, back);
        }
    }
    check(4.5, "on-link", "link");
}

#[test]
fn severities_reach_4_5_on_their_tint() {
    for letter in ["c", "h", "m", "l", "n", "u"] {
        check(4.5, &format!("{letter}-text"), &format!("{letter}-tint"));
    }
}

#[test]
fn controls_and_marks_reach_3() {
    check(3.0, "border-strong", "bg");
    for letter in ["c", "h", "m", "l", "n"] {
        check(3.0, &format!("{letter}-mark"), "bg");
    }
}

#[test]
fn worse_marks_stand_out_more_in_both_themes() {
    let tokens = tokens();
    for place in [0, 1] {
        let of = |letter: &str| {
            ratio(
                tokens[&format!("{letter}-mark")][place],
                tokens["bg"][place],
            )
        };
        assert!(of("c") > of("h") && of("h") > of("m") && of("l") > of("n"));
    }
}

#[test]
fn colours_are_defined_in_the_tokens_only() {
    let address = web::assets::styles_address();
    let name = address.strip_prefix("/assets/").unwrap();
    let css = std::str::from_utf8(web::assets::asset(name).unwrap().bytes).unwrap();
    let in_tokens = include_str!("../../assets/css/tokens.css")
        .matches("light-dark(")
        .count();
    assert_eq!(css.matches("light-dark(").count(), in_tokens);
}

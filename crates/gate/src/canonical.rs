//! Canonical JSON: equal values give equal bytes, so hashes can be compared.
//!
//! # Source
//! RFC 8785 (JSON Canonicalization Scheme): no white space, keys in the order of their UTF-16 code units, numbers as
//! ECMAScript prints them.

use std::fmt::Write;

use serde_json::{Number, Value};

/// Returns the canonical text of `value`.
pub(crate) fn canonical_json(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value);
    out
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_text(out, text),
        Value::Array(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (position, (key, item)) in entries.into_iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_text(out, key);
                out.push(':');
                write_value(out, item);
            }
            out.push('}');
        }
    }
}

/// serde_json escapes exactly what the RFC asks for: the two-letter forms, `\u00xx` for other controls, nothing else.
fn write_text(out: &mut String, text: &str) {
    out.push_str(&Value::from(text).to_string());
}

fn write_number(out: &mut String, number: &Number) {
    if number.is_i64() || number.is_u64() {
        out.push_str(&number.to_string());
        return;
    }
    let float = number.as_f64().unwrap_or_default();
    let magnitude = float.abs();
    if float == 0.0 {
        out.push('0');
    } else if (1e-6..1e21).contains(&magnitude) {
        // Rust prints the shortest digits that read back, as ECMAScript does, and `7.0` as `7`.
        let _ = write!(out, "{float}");
    } else {
        let text = format!("{float:e}");
        match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => {
                let _ = write!(out, "{digits}e+{exponent}");
            }
            _ => out.push_str(&text),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(value: &Value, expected: &str) {
        assert_eq!(canonical_json(value), expected);
    }

    #[test]
    fn keys_are_sorted_and_white_space_is_gone() {
        check(
            &json!({"b": [1, true, null], "a": {"d": 1, "c": "x"}}),
            r#"{"a":{"c":"x","d":1},"b":[1,true,null]}"#,
        );
    }

    #[test]
    fn keys_are_ordered_by_utf16_code_units() {
        // RFC 8785, section 3.2.3: U+1F600 is a surrogate pair that sorts before U+FB33.
        check(
            &json!({"\u{fb33}": 1, "\u{1f600}": 2, "\u{20ac}": 3}),
            "{\"\u{20ac}\":3,\"\u{1f600}\":2,\"\u{fb33}\":1}",
        );
    }

    #[test]
    fn numbers_print_as_ecmascript_does() {
        // RFC 8785, appendix B.
        check(&json!(0.5), "0.5");
        check(&json!(7.0), "7");
        check(&json!(-0.0), "0");
        check(&json!(1e21), "1e+21");
        check(&json!(1e-7), "1e-7");
        check(&json!(0.000_001), "0.000001");
        check(&json!(333_333_333.333_333_3_f64), "333333333.3333333");
    }

    #[test]
    fn text_is_escaped_only_where_it_must_be() {
        check(
            &json!("\u{20ac}$\u{f}\nA'B\"\\/"),
            "\"\u{20ac}$\\u000f\\nA'B\\\"\\\\/\"",
        );
    }
}

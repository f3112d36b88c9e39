//! The order of tags.

use std::cmp::Ordering;

/// Compares tags as people read versions: runs of digits by value, everything else by character.
///
/// `v1.9` comes before `v1.10`, `1.2` before `1.2-rc1`. The order is total: texts that differ only in leading zeros
/// are ordered by their bytes. It knows nothing of pre-releases, because a tag is a free text and not a version.
pub fn natural_cmp(left: &str, right: &str) -> Ordering {
    let (mut a, mut b) = (left.as_bytes(), right.as_bytes());
    loop {
        match (a.first(), b.first()) {
            (None, None) => return left.cmp(right),
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (run_a, rest_a) = split_digits(a);
                let (run_b, rest_b) = split_digits(b);
                // Without leading zeros the longer run is the greater number, whatever its length.
                let order = run_a.len().cmp(&run_b.len()).then_with(|| run_a.cmp(run_b));
                if order != Ordering::Equal {
                    return order;
                }
                (a, b) = (rest_a, rest_b);
            }
            (Some(x), Some(y)) => {
                if x != y {
                    return x.cmp(y);
                }
                (a, b) = (&a[1..], &b[1..]);
            }
        }
    }
}

/// Splits the leading digits off, without their leading zeros.
fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let zeros = text[..end].iter().take_while(|byte| **byte == b'0').count();
    (&text[zeros..end], &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(order: &[&str]) {
        for (i, left) in order.iter().enumerate() {
            for (j, right) in order.iter().enumerate() {
                assert_eq!(natural_cmp(left, right), i.cmp(&j), "{left} and {right}");
            }
        }
    }

    #[test]
    fn numbers_compare_by_value() {
        check(&["v1.2", "v1.9", "v1.10", "v2", "v10"]);
    }

    #[test]
    fn a_longer_tag_follows_its_beginning() {
        check(&["2.3.7", "2.3.7-debug", "2.4", "latest", "nightly"]);
    }

    #[test]
    fn numbers_longer_than_any_integer_compare() {
        check(&[
            "99999999999999999999999999999999999998",
            "99999999999999999999999999999999999999",
            "100000000000000000000000000000000000000",
        ]);
    }

    #[test]
    fn leading_zeros_are_ordered_and_not_equal() {
        check(&["1.0", "1.00", "1.01", "1.1"]);
    }
}

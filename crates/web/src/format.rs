//! Numbers, sizes and times as pages write them.
//!
//! Templates pass fields by reference and results of calls by value: [`Number`] takes both.

use jiff::Timestamp;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// A number of things or bytes, or a reference to one.
pub trait Number {
    /// Returns it.
    fn value(&self) -> u64;
}

impl Number for u64 {
    fn value(&self) -> u64 {
        *self
    }
}

impl Number for u32 {
    fn value(&self) -> u64 {
        u64::from(*self)
    }
}

impl Number for usize {
    fn value(&self) -> u64 {
        *self as u64
    }
}

impl<T: Number> Number for &T {
    fn value(&self) -> u64 {
        T::value(self)
    }
}

/// Writes a size with a decimal unit: `84.2 MB`. Registries and disks are sold and billed in these.
pub fn size(bytes: impl Number) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    let bytes = bytes.value();
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    // 999.95 would be printed as `1000.0`.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// Writes a count with thin groups of three digits: `12 450`.
pub fn count(number: impl Number) -> String {
    let digits = number.value().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 * 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Writes the count with its noun: `1 package`, `312 packages`.
pub fn counted(number: impl Number, noun: &str) -> String {
    let number = number.value();
    let number_text = count(number);
    match noun.strip_suffix('y') {
        _ if number == 1 => format!("{number_text} {noun}"),
        Some(stem) => format!("{number_text} {stem}ies"),
        None => format!("{number_text} {noun}s"),
    }
}

/// Writes how far `at` lies from `now`: `12 min ago`, `in 45 d`, `now`.
pub fn ago(at: &Timestamp, now: &Timestamp) -> String {
    let seconds = now.as_second() - at.as_second();
    match seconds {
        0 => "now".to_owned(),
        1.. => format!("{} ago", span(seconds)),
        _ => format!("in {}", span(seconds.saturating_neg())),
    }
}

/// Writes the age of `at`: `45 d`. Instants to come have the age `0 s`.
pub fn age(at: &Timestamp, now: &Timestamp) -> String {
    span((now.as_second() - at.as_second()).max(0))
}

fn span(seconds: i64) -> String {
    match seconds {
        ..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..DAY => format!("{} h", seconds / HOUR),
        DAY..YEAR => format!("{} d", seconds / DAY),
        _ => format!("{:.1} y", seconds as f64 / YEAR as f64),
    }
}

/// Writes the instant in full: `2026-11-24 06:10 UTC`.
pub fn absolute(at: &Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Writes the day: `2026-11-24`.
pub fn day(at: &Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// Writes the instant for machines, to the second.
pub fn machine(at: &Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Writes a probability as a percentage with two significant digits: `93 %`, `4.1 %`, `0.08 %`.
pub fn percent(probability: f64) -> String {
    let percent = probability * 100.0;
    if percent >= 10.0 {
        format!("{percent:.0} %")
    } else if percent >= 1.0 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.2} %")
    }
}

/// Shortens the instruction of a layer to one line of at most 120 characters.
///
/// Build tools wrap shell commands (`/bin/sh -c`), mark metadata (`#(nop)`) and themselves (`# buildkit`), and name added
/// files by their whole hash; in a table all of that is noise.
pub fn instruction(created_by: &str) -> String {
    const MAX_CHARS: usize = 120;
    let text = created_by.trim().trim_end_matches("# buildkit");
    let words = match text.strip_prefix("/bin/sh -c ") {
        Some(rest) => match rest.trim_start().strip_prefix("#(nop)") {
            Some(metadata) => metadata.to_owned(),
            None => format!("RUN {rest}"),
        },
        None => text.replacen("RUN /bin/sh -c ", "RUN ", 1),
    };
    let words: Vec<String> = words.split_whitespace().map(without_hash).collect();
    let text = words.join(" ");
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Shortens a word that ends in a SHA-256 in hexadecimal, such as `file:4b1b…`.
fn without_hash(word: &str) -> String {
    const HASH: usize = 64;
    const KEPT: usize = 12;
    match word.len().checked_sub(HASH) {
        Some(start) if word.is_char_boundary(start) => {
            let (head, hash) = word.split_at(start);
            if hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return format!("{head}{}…", &hash[..KEPT]);
            }
            word.to_owned()
        }
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(0, "0 B")]
    #[case(999, "999 B")]
    #[case(1000, "1.0 kB")]
    #[case(84_200_000, "84.2 MB")]
    #[case(999_960, "1.0 MB")]
    #[case(u64::MAX, "18446.7 PB")]
    fn sizes_have_one_decimal_and_a_unit(#[case] bytes: u64, #[case] text: &str) {
        assert_eq!(size(bytes), text);
    }

    #[rstest]
    #[case(0, "now")]
    #[case(8, "8 s ago")]
    #[case(12 * 60 + 59, "12 min ago")]
    #[case(3 * 3600, "3 h ago")]
    #[case(64 * 86400, "64 d ago")]
    #[case(584 * 86400, "1.6 y ago")]
    #[case(-45 * 86400, "in 45 d")]
    fn relative_times_use_one_unit(#[case] seconds: i64, #[case] text: &str) {
        let now = Timestamp::from_second(1_795_500_000).unwrap();
        let at = Timestamp::from_second(1_795_500_000 - seconds).unwrap();
        assert_eq!(ago(&at, &now), text);
    }

    #[rstest]
    #[case(1, "tag", "1 tag")]
    #[case(0, "tag", "0 tags")]
    #[case(12_450, "repository", "12\u{202f}450 repositories")]
    #[case(1, "vulnerability", "1 vulnerability")]
    fn counts_agree_with_their_noun(#[case] n: u64, #[case] noun: &str, #[case] text: &str) {
        assert_eq!(counted(n, noun), text);
    }

    #[rstest]
    #[case("/bin/sh -c #(nop)  CMD [\"bash\"]", "CMD [\"bash\"]")]
    #[case(
        "/bin/sh -c apt-get update &&   apt-get install",
        "RUN apt-get update && apt-get install"
    )]
    #[case("COPY a b # buildkit", "COPY a b")]
    #[case("RUN /bin/sh -c make # buildkit", "RUN make")]
    #[case(
        "/bin/sh -c #(nop) ADD file:4b1be1de1a1e5aa608c688cad2824587262081866180d7368feb79d33ca05953 in / ",
        "ADD file:4b1be1de1a1e… in /"
    )]
    fn instructions_lose_their_wrapping(#[case] created_by: &str, #[case] text: &str) {
        assert_eq!(instruction(created_by), text);
    }

    #[test]
    fn a_long_instruction_is_cut_between_characters() {
        assert_eq!(instruction(&"ü".repeat(300)).chars().count(), 121);
    }

    #[rstest]
    #[case(0.934, "93 %")]
    #[case(0.0412, "4.1 %")]
    #[case(0.0008, "0.08 %")]
    fn probabilities_are_percentages(#[case] p: f64, #[case] text: &str) {
        assert_eq!(percent(p), text);
    }
}

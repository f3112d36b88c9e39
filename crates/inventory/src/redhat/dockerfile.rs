//! The `LABEL` instructions of a Dockerfile. Variables are kept as written: Red Hat's build system resolved them.

/// Returns the labels in the order they are written.
pub(super) fn labels(text: &str) -> Vec<(String, String)> {
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    joined
        .lines()
        .filter_map(|line| {
            let (word, rest) = line.trim_start().split_once(char::is_whitespace)?;
            word.eq_ignore_ascii_case("label").then_some(rest)
        })
        .flat_map(pairs)
        .collect()
}

/// Reads `key=value` pairs, each part with or without quotes.
fn pairs(line: &str) -> Vec<(String, String)> {
    words(line)
        .into_iter()
        .filter_map(|word| {
            let (key, value) = word.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        })
        .collect()
}

/// Splits at white space outside quotes, as a shell does, and takes the quotes away.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if quote != Some('\'') => word.extend(letters.next()),
            _ if Some(letter) == quote => quote = None,
            '"' | '\'' if quote.is_none() => quote = Some(letter),
            _ if letter.is_whitespace() && quote.is_none() => {
                words.push(std::mem::take(&mut word));
            }
            _ => word.push(letter),
        }
    }
    words.push(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_continued_lines_are_read() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            labels(
                "RUN LABEL a=b\nLABEL a=\"b c\" 'd'=e \\\n f='g \"h\"' i=\"j\\\"k\" broken\nLABEL\nLABEL l=m=n"
            ),
            [
                pair("a", "b c"),
                pair("d", "e"),
                pair("f", "g \"h\""),
                pair("i", "j\"k"),
                pair("l", "m=n"),
            ]
        );
    }
}

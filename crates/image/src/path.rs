//! Paths as bytes: normalised on the way in, escaped on the way to people.

use std::fmt::Write as _;

/// A path with a `..` component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Escape;

/// Writes the normal form of `raw` into `out` and returns its number of components: leading and doubled `/`, `.`
/// components and a trailing `/` are dropped. The root becomes the empty path.
///
/// A `..` is refused even where it would stay inside: what it means depends on symbolic links of other layers.
pub(crate) fn normalise(raw: &[u8], out: &mut Vec<u8>) -> Result<usize, Escape> {
    out.clear();
    let mut components = 0;
    for component in raw.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => return Err(Escape),
            name => {
                if components > 0 {
                    out.push(b'/');
                }
                out.extend_from_slice(name);
                components += 1;
            }
        }
    }
    Ok(components)
}

/// Shows a path to people: control characters and bytes that are not UTF-8 are escaped, and a path longer than a line
/// is cut in its middle.
pub(crate) fn show(path: &[u8]) -> String {
    const MAX: usize = 300;
    if path.len() > MAX {
        let (head, tail) = (&path[..MAX / 2], &path[path.len() - MAX / 2..]);
        return format!("{}…{}", escape(head), escape(tail));
    }
    escape(path)
}

fn escape(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || c == '\\' {
                text.extend(c.escape_default());
            } else {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(b"etc/passwd", Ok(b"etc/passwd".as_slice()))]
    #[case(b"/etc//passwd", Ok(b"etc/passwd".as_slice()))]
    #[case(b"./etc/./x/", Ok(b"etc/x".as_slice()))]
    #[case(b"./", Ok(b"".as_slice()))]
    #[case(b"", Ok(b"".as_slice()))]
    #[case(b"...", Ok(b"...".as_slice()))]
    #[case(b"a\0b\xff", Ok(b"a\0b\xff".as_slice()))]
    #[case(b"..", Err(Escape))]
    #[case(b"/../etc", Err(Escape))]
    #[case(b"a/../b", Err(Escape))]
    #[case(b"a/..", Err(Escape))]
    fn a_path_has_one_normal_form(#[case] raw: &[u8], #[case] expected: Result<&[u8], Escape>) {
        let mut out = b"old".to_vec();
        let components = normalise(raw, &mut out);
        assert_eq!(components.map(|_| out.as_slice()), expected);
    }

    #[test]
    fn people_see_odd_bytes_escaped_and_long_paths_cut() {
        assert_eq!(show(b"a\0\n\\\xff/\xc3\xa4"), "a\\u{0}\\n\\\\\\xff/ä");
        assert!(show(&[b'a'; 5_000]).len() < 310);
    }
}

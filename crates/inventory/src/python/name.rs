//! Names of Python distributions, and those of their files.

/// Returns the name as PEP 503 compares it: lower case, runs of `-`, `_` and `.` as one `-`.
pub(super) fn normalise(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            _ => normal.push(letter.to_ascii_lowercase()),
        }
    }
    normal
}

/// Reads `name-version(-build)?-python-abi-platform.whl`.
///
/// # Source
/// "Binary distribution format", "File name convention".
pub(super) fn of_wheel(file: &str) -> Option<(&str, &str)> {
    let parts: Vec<&str> = file.strip_suffix(".whl")?.split('-').collect();
    matches!(parts.len(), 5 | 6).then(|| (parts[0], parts[1]))
}

/// Reads `name-version(-pyX.Y(-platform)?)?.egg`, in which a `-` of the name or the version is written `_`.
///
/// # Source
/// Setuptools, "The Internal Structure of Python Eggs": the loader itself takes both from the file's name.
pub(super) fn of_egg(file: &str) -> Option<(String, String)> {
    let mut parts = file.strip_suffix(".egg")?.split('-');
    let (name, version) = (parts.next()?, parts.next()?);
    Some((name.replace('_', "-"), version.replace('_', "-")))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("pip-24.0-py3-none-any.whl", Some(("pip", "24.0")))]
    #[case("numpy-1.26.4-2-cp312-cp312-manylinux_2_17_x86_64.whl", Some(("numpy", "1.26.4")))]
    #[case("pip.whl", None)]
    #[case("a-b-c.whl", None)]
    fn a_wheel_is_named_by_its_file(#[case] file: &str, #[case] expected: Option<(&str, &str)>) {
        assert_eq!(of_wheel(file), expected);
    }

    #[rstest]
    #[case("PyYAML-6.0_post1-py3.11-linux-x86_64.egg", Some(("PyYAML", "6.0-post1")))]
    #[case("zope_interface-5.1.egg", Some(("zope-interface", "5.1")))]
    #[case("unversioned.egg", None)]
    fn an_egg_is_named_by_its_file(#[case] file: &str, #[case] expected: Option<(&str, &str)>) {
        let found = of_egg(file);
        let found = found
            .as_ref()
            .map(|(name, version)| (name.as_str(), version.as_str()));
        assert_eq!(found, expected);
    }
}

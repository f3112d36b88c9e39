//! How each ecosystem orders versions.

/// The version orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ecosystem {
    /// dpkg.
    Deb,
    /// rpm.
    Rpm,
    /// apk.
    Apk,
    /// Python, PEP 440.
    Pep440,
    /// Semantic versions, as npm and OSV read them.
    Semver,
}

//! How each ecosystem orders versions.
//!
//! Pure ordering: text in, [`Ordering`] out. The crate knows nothing about ranges, advisories or packages, and makes no
//! guess about which order a package follows.
//!
//! Every order turns its text into a key once, at [`Version::parse`], and the key derives [`Ord`]: what upstream writes
//! as a comparison loop is written here as a sequence of tokens whose *declaration order* is the rule. A lexicographic
//! order over totally ordered tokens is total by construction, and no comparison allocates. Numbers are digit strings
//! (`number`), so no length of digits overflows. Work and memory are linear in the length of the text.
//!
//! # Adding an order
//!
//! One file with a `Key: Ord + Clone + Debug` and `fn parse(&str) -> Option<Key>`, one line in `orders!` below, one
//! row in the corpus suite. `parse` receives text that is trimmed, not empty, and free of white space and control
//! characters.

mod apk;
mod deb;
mod number;
mod pep440;
pub mod rpm;
mod semver;

use std::cmp::Ordering;

/// Declares the orders: the public enum, the private key of each, and the two places that go through them.
macro_rules! orders {
    ($($(#[$doc:meta])* $order:ident => $module:ident,)+) => {
        /// The version orders.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Ecosystem {
            $($(#[$doc])* $order,)+
        }

        #[derive(Clone, Debug)]
        enum Key {
            $($order($module::Key),)+
        }

        impl Key {
            fn parse(ecosystem: Ecosystem, text: &str) -> Option<Self> {
                match ecosystem {
                    $(Ecosystem::$order => $module::parse(text).map(Self::$order),)+
                }
            }

            /// `None` when the keys belong to different orders.
            fn compare(&self, other: &Self) -> Option<Ordering> {
                match (self, other) {
                    $((Self::$order(left), Self::$order(right)) => Some(left.cmp(right)),)+
                    _ => None,
                }
            }

            fn ecosystem(&self) -> Ecosystem {
                match self {
                    $(Self::$order(_) => Ecosystem::$order,)+
                }
            }
        }
    };
}

orders! {
    /// dpkg.
    Deb => deb,
    /// rpm.
    Rpm => rpm,
    /// apk.
    Apk => apk,
    /// Python, PEP 440.
    Pep440 => pep440,
    /// Semantic versions, as npm and OSV read them.
    Semver => semver,
}

/// A version that its ecosystem can order, parsed once.
///
/// It has neither `Ord` nor `Eq` on purpose: versions of two ecosystems have no order, and two spellings may be one
/// version (`1.0` and `1.0.0` in Python). [`Version::compare`] is the only comparison.
#[derive(Clone, Debug)]
pub struct Version {
    text: Box<str>,
    key: Key,
}

impl Version {
    /// Reads a version as `ecosystem` writes it. White space around it is ignored.
    ///
    /// # Errors
    /// [`InvalidVersion`] when the ecosystem could not order the text. Such a version must never be matched as if it
    /// were old or new.
    pub fn parse(ecosystem: Ecosystem, text: &str) -> Result<Self, InvalidVersion> {
        let trimmed = text.trim();
        let readable =
            !trimmed.is_empty() && !trimmed.contains(|c: char| c.is_whitespace() || c.is_control());
        let key = readable.then(|| Key::parse(ecosystem, trimmed)).flatten();
        match key {
            Some(key) => Ok(Self {
                text: trimmed.into(),
                key,
            }),
            None => Err(InvalidVersion {
                ecosystem,
                version: text.into(),
            }),
        }
    }

    /// Orders two versions of one ecosystem. Total: any two parsed versions compare, and the relation is transitive.
    ///
    /// # Panics
    /// When the versions belong to different ecosystems. That is a mistake of the calling code, which chooses the
    /// ecosystem, never of the text; any answer would be silently wrong.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        self.key.compare(&other.key).unwrap_or_else(|| {
            panic!(
                "{:?} and {:?} versions have no common order",
                self.ecosystem(),
                other.ecosystem()
            )
        })
    }

    /// The text as it was read, without the white space around it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The ecosystem whose order this version follows.
    pub fn ecosystem(&self) -> Ecosystem {
        self.key.ecosystem()
    }
}

/// Orders two texts of one ecosystem. To compare one version with many, parse it once as a [`Version`].
///
/// # Errors
/// [`InvalidVersion`] naming the first text that the ecosystem cannot order.
///
/// ```
/// use std::cmp::Ordering;
/// use versions::{Ecosystem, compare};
///
/// assert_eq!(compare(Ecosystem::Deb, "1.0~rc1-1", "1.0-1")?, Ordering::Less);
/// assert_eq!(compare(Ecosystem::Pep440, "1.0", "1.0.0")?, Ordering::Equal);
/// # Ok::<(), versions::InvalidVersion>(())
/// ```
pub fn compare(ecosystem: Ecosystem, left: &str, right: &str) -> Result<Ordering, InvalidVersion> {
    Ok(Version::parse(ecosystem, left)?.compare(&Version::parse(ecosystem, right)?))
}

/// A text that is not a version of its ecosystem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{version}` is not a {ecosystem:?} version")]
pub struct InvalidVersion {
    /// The order that was asked for.
    pub ecosystem: Ecosystem,
    /// The text as it was given.
    pub version: Box<str>,
}

#[cfg(test)]
#[track_caller]
fn check(ecosystem: Ecosystem, row: &str) {
    let [left, sign, right] = row.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("`{row}` is not `a < b`");
    };
    let expected = match sign {
        "<" => Ordering::Less,
        "=" => Ordering::Equal,
        ">" => Ordering::Greater,
        other => panic!("`{other}` is not a sign"),
    };
    assert_eq!(compare(ecosystem, left, right), Ok(expected), "{row}");
    assert_eq!(
        compare(ecosystem, right, left),
        Ok(expected.reverse()),
        "{row}, turned around"
    );
}

#[cfg(test)]
#[track_caller]
fn check_invalid(ecosystem: Ecosystem, text: &str) {
    let error = Version::parse(ecosystem, text).expect_err("the text must be refused");
    assert_eq!((error.ecosystem, &*error.version), (ecosystem, text));
}

//! What is read from a directory's entries.

use std::fmt::Write as _;

use ldap3::{SearchEntry, ldap_escape};

use super::DirectoryError;
use crate::sign_in::{LdapSettings, Person};

/// Values of these are bytes. They are always written in hexadecimal, also where they happen to be text.
const BYTES: [&str; 2] = ["objectGUID", "objectSid"];
/// Marks a subject that is written in hexadecimal.
const HEX: &str = "hex:";

/// Reads a person, whose groups come later.
pub(super) fn person(
    settings: &LdapSettings,
    issuer: &str,
    entry: &SearchEntry,
) -> Result<Person, DirectoryError> {
    let missing = |attribute: &str| DirectoryError::Incomplete {
        dn: entry.dn.clone(),
        attribute: attribute.to_owned(),
    };
    let subject = subject(&settings.subject_attribute, entry)
        .ok_or_else(|| missing(&settings.subject_attribute))?;
    let username = first(entry, &settings.username_attribute)
        .ok_or_else(|| missing(&settings.username_attribute))?;
    Ok(Person {
        issuer: issuer.to_owned(),
        subject,
        username: username.to_owned(),
        email: first(entry, &settings.email_attribute).map(str::to_owned),
        groups: Vec::new(),
    })
}

/// Returns the names of groups, sorted.
pub(super) fn group_names(settings: &LdapSettings, entries: &[SearchEntry]) -> Vec<String> {
    let mut names: Vec<String> = entries
        .iter()
        .filter_map(|entry| first(entry, &settings.group_attribute))
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Writes a stored subject as the value of a filter.
pub(super) fn subject_in_filter(subject: &str) -> String {
    let Some(hex) = subject.strip_prefix(HEX) else {
        return ldap_escape(subject).into_owned();
    };
    let digits: Vec<char> = hex.chars().filter(char::is_ascii_hexdigit).collect();
    let mut escaped = String::with_capacity(hex.len() + hex.len() / 2);
    for byte in digits.chunks(2) {
        escaped.push('\\');
        escaped.extend(byte);
    }
    escaped
}

fn subject(attribute: &str, entry: &SearchEntry) -> Option<String> {
    let is_bytes = BYTES
        .iter()
        .any(|name| name.eq_ignore_ascii_case(attribute));
    if !is_bytes {
        return first(entry, attribute).map(str::to_owned);
    }
    let of_bytes = values(&entry.bin_attrs, attribute).map(Vec::as_slice);
    let of_text = values(&entry.attrs, attribute).map(String::as_bytes);
    let bytes = of_bytes.or(of_text).filter(|bytes| !bytes.is_empty())?;
    let mut text = HEX.to_owned();
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a text never fails");
    }
    Some(text)
}

fn first<'a>(entry: &'a SearchEntry, attribute: &str) -> Option<&'a str> {
    values(&entry.attrs, attribute)
        .map(String::as_str)
        .filter(|value| !value.is_empty())
}

/// Directories answer with the attribute's own spelling.
fn values<'a, V>(
    attributes: &'a std::collections::HashMap<String, Vec<V>>,
    name: &str,
) -> Option<&'a V> {
    let (_, values) = attributes
        .iter()
        .find(|(other, _)| other.eq_ignore_ascii_case(name))?;
    values.first()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_hexadecimal_also_when_they_look_like_text() {
        let entry = |texts: &[(&str, &str)], bytes: &[(&str, &[u8])]| {
            let text = |(name, value): &(&str, &str)| ((*name).into(), vec![(*value).into()]);
            let byte = |(name, value): &(&str, &[u8])| ((*name).into(), vec![value.to_vec()]);
            SearchEntry {
                dn: "cn=a".into(),
                attrs: texts.iter().map(text).collect(),
                bin_attrs: bytes.iter().map(byte).collect(),
            }
        };
        let read = subject("objectGUID", &entry(&[("objectguid", "AB")], &[]));
        assert_eq!(read.as_deref(), Some("hex:4142"));
        let read = subject("objectGUID", &entry(&[], &[("objectGUID", &[0xff, 0x0a])]));
        assert_eq!(read.as_deref(), Some("hex:ff0a"));
        assert_eq!(subject_in_filter("hex:ff0a"), "\\ff\\0a");
        let read = subject("entryUUID", &entry(&[("entryUUID", "1-2")], &[]));
        assert_eq!(read.as_deref(), Some("1-2"));
        assert_eq!(subject_in_filter("1*2"), "1\\2a2");
        assert_eq!(
            subject("entryUUID", &entry(&[("entryUUID", "")], &[])),
            None
        );
    }
}

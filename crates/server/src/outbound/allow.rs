//! The setting `outbound_allow`: private networks and names that the server may connect to all the same.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::addresses::carried;

/// Networks (`10.0.0.0/8`, `fd00::/8`, `127.0.0.1`) and host names (`registry.internal`, `*.internal`), parted by
/// commas or spaces. Empty by default: nothing private is reachable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Network {
        base: IpAddr,
        prefix: u32,
    },
    Host(String),
    /// A name and everything below it, with the dot.
    Below(String),
}

/// An entry is neither a network nor a host name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a network (`10.0.0.0/8`), an address nor a host name")]
pub struct BadEntry(String);

impl AllowList {
    pub(super) fn has_address(&self, address: IpAddr) -> bool {
        self.entries.iter().any(|entry| match entry {
            Entry::Network { base, prefix } => {
                is_within(address, *base, *prefix) || is_within(carried(address), *base, *prefix)
            }
            Entry::Host(_) | Entry::Below(_) => false,
        })
    }

    pub(super) fn has_host(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.entries.iter().any(|entry| match entry {
            Entry::Host(name) => *name == host,
            Entry::Below(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_str()),
            Entry::Network { .. } => false,
        })
    }
}

fn is_within(address: IpAddr, base: IpAddr, prefix: u32) -> bool {
    match (address, base) {
        (IpAddr::V4(address), IpAddr::V4(base)) => {
            (address.to_bits() ^ base.to_bits()).leading_zeros() >= prefix
        }
        (IpAddr::V6(address), IpAddr::V6(base)) => {
            (address.to_bits() ^ base.to_bits()).leading_zeros() >= prefix
        }
        _ => false,
    }
}

impl FromStr for AllowList {
    type Err = BadEntry;

    fn from_str(text: &str) -> Result<Self, BadEntry> {
        let entries = text
            .split([',', ' ', '\t', '\n'])
            .filter(|entry| !entry.is_empty())
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }
}

impl fmt::Display for AllowList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.entries.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            match entry {
                Entry::Network { base, prefix } => write!(f, "{base}/{prefix}")?,
                Entry::Host(name) => f.write_str(name)?,
                Entry::Below(suffix) => write!(f, "*{suffix}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Entry {
    type Err = BadEntry;

    fn from_str(text: &str) -> Result<Self, BadEntry> {
        let bad = || BadEntry(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        if let Ok(base) = address.parse::<IpAddr>() {
            let longest = match base {
                IpAddr::V4(_) => Ipv4Addr::BITS,
                IpAddr::V6(_) => Ipv6Addr::BITS,
            };
            let prefix = match prefix {
                Some(prefix) => prefix.parse().ok().filter(|prefix| *prefix <= longest),
                None => Some(longest),
            };
            return Ok(Self::Network {
                base,
                prefix: prefix.ok_or_else(bad)?,
            });
        }
        let name = text.to_ascii_lowercase();
        let (is_below, name) = match name.strip_prefix('*') {
            Some(rest) => (true, rest.strip_prefix('.').ok_or_else(bad)?),
            None => (false, name.as_str()),
        };
        let is_label = |label: &str| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        // A last label of digits would be read as an address by every client.
        let is_numeric = name
            .rsplit('.')
            .next()
            .is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        if is_numeric || !name.split('.').all(is_label) {
            return Err(bad());
        }
        Ok(if is_below {
            Self::Below(format!(".{name}"))
        } else {
            Self::Host(name.to_owned())
        })
    }
}

//! Networks, as the setting `trusted_proxies` lists them, and what is believed of a request that came through one.
//!
//! `X-Forwarded-*` and `Forwarded` are anybody's words. A request that does not come from a listed proxy loses them at
//! the door ([`vouch`]), so that nothing behind it can mistake them for facts; one that does keeps them, and the
//! client's address is the last one in `X-Forwarded-For` that no listed proxy has.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName};

pub(crate) const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub(crate) const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED: HeaderName = HeaderName::from_static("forwarded");

/// Networks (`10.0.0.0/8`, `fd00::/8`) and addresses (`127.0.0.1`), parted by commas or spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    base: IpAddr,
    prefix: u32,
}

/// An entry is neither a network nor an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a network (`10.0.0.0/8`) nor an address")]
pub struct BadNetwork(String);

impl Networks {
    /// Returns whether one of them holds the address; an IPv4 address written as IPv6 is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(address))
    }
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        match (address, self.base) {
            (IpAddr::V4(address), IpAddr::V4(base)) => {
                (address.to_bits() ^ base.to_bits()).leading_zeros() >= self.prefix
            }
            (IpAddr::V6(address), IpAddr::V6(base)) => {
                (address.to_bits() ^ base.to_bits()).leading_zeros() >= self.prefix
            }
            _ => false,
        }
    }
}

impl FromStr for Networks {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let entries = text
            .split([',', ' '])
            .filter(|entry| !entry.is_empty())
            .map(str::parse);
        entries.collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let bad = || BadNetwork(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = address.parse().map_err(|_| bad())?;
        let longest = match base {
            IpAddr::V4(_) => Ipv4Addr::BITS,
            IpAddr::V6(_) => Ipv6Addr::BITS,
        };
        let prefix = match prefix {
            None => longest,
            Some(prefix) => prefix
                .parse()
                .ok()
                .filter(|prefix| *prefix <= longest)
                .ok_or_else(bad)?,
        };
        Ok(Self { base, prefix })
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Network { base, prefix }) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            write!(f, "{base}/{prefix}")?;
        }
        Ok(())
    }
}

/// Removes what nobody vouches for from a request's headers and returns the client's address.
pub(crate) fn vouch(headers: &mut HeaderMap, peer: IpAddr, trusted: &Networks) -> IpAddr {
    headers.remove(FORWARDED);
    if !trusted.contains(peer) {
        for name in [FORWARDED_HOST, FORWARDED_PROTO, FORWARDED_FOR] {
            headers.remove(name);
        }
        return peer;
    }
    let mut client = peer;
    let lines: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .collect();
    // Each proxy appends whom it saw, so the list is read from its end, as far as those who wrote it are believed.
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let Ok(address) = hop.trim().parse::<IpAddr>() else {
            break;
        };
        client = address.to_canonical();
        if !trusted.contains(client) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("10.0.0.0/8", "10.255.0.1", true)]
    #[case("10.0.0.0/8", "11.0.0.1", false)]
    #[case("10.0.0.0/8", "::ffff:10.0.0.1", true)]
    #[case("127.0.0.1", "127.0.0.2", false)]
    #[case("fd00::/8, 192.168.1.0/24", "192.168.1.77", true)]
    #[case("fd00::/8", "fd12::1", true)]
    #[case("0.0.0.0/0", "::1", false)]
    #[case("", "10.0.0.1", false)]
    fn an_address_is_in_a_network_or_not(
        #[case] networks: &str,
        #[case] address: &str,
        #[case] expected: bool,
    ) {
        let networks: Networks = networks.parse().unwrap();
        assert_eq!(networks.contains(address.parse().unwrap()), expected);
        assert_eq!(networks.to_string().parse(), Ok(networks));
    }

    #[rstest]
    #[case("10.0.0.0/33")]
    #[case("10.0.0.0/")]
    #[case("proxy.internal")]
    #[case("10.0.0/8")]
    fn what_is_no_network_is_refused(#[case] text: &str) {
        assert!(text.parse::<Networks>().is_err());
    }

    #[rstest]
    #[case("203.0.113.9", "198.51.100.1", "203.0.113.9", false)]
    #[case("10.0.0.1", "198.51.100.1", "198.51.100.1", true)]
    #[case("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2", "198.51.100.1", true)]
    #[case("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1", true)]
    #[case("10.0.0.1", "", "10.0.0.1", true)]
    fn only_a_listed_proxy_speaks_for_a_client(
        #[case] peer: &str,
        #[case] forwarded_for: &str,
        #[case] client: &str,
        #[case] keeps: bool,
    ) {
        let trusted: Networks = "10.0.0.0/8".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED_FOR, HeaderValue::from_str(forwarded_for).unwrap());
        headers.insert(FORWARDED_HOST, HeaderValue::from_static("a.example"));
        headers.insert(FORWARDED, HeaderValue::from_static("for=1.2.3.4"));
        let seen = vouch(&mut headers, peer.parse().unwrap(), &trusted);
        assert_eq!(seen, client.parse::<IpAddr>().unwrap());
        assert_eq!(headers.contains_key(FORWARDED_HOST), keeps);
        assert!(!headers.contains_key(FORWARDED));
    }
}

//! Which addresses are somebody's private business.
//!
//! The tables are the special-purpose registries of IANA, and the few public addresses at which cloud providers answer
//! to their own machines only. An address that carries another (mapped, compatible, 6to4, NAT64) is judged by the one
//! it carries: that is where the connection ends.
//!
//! Adding a block: a row in [`V4`] or [`V6`].
//!
//! # Source
//! IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and updates); RFC 6052 (NAT64), RFC 3056 (6to4).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Blocks of IPv4, each with its prefix length and what it is.
const V4: &[([u8; 4], u32, &str)] = &[
    ([0, 0, 0, 0], 8, "an address of this host"),
    ([10, 0, 0, 0], 8, "a private address"),
    ([100, 64, 0, 0], 10, "a carrier's internal address"),
    ([127, 0, 0, 0], 8, "a loopback address"),
    ([168, 63, 129, 16], 32, "a cloud metadata address"),
    (
        [169, 254, 0, 0],
        16,
        "a link-local or cloud metadata address",
    ),
    ([172, 16, 0, 0], 12, "a private address"),
    ([192, 0, 0, 0], 24, "an address of protocol assignments"),
    ([192, 0, 2, 0], 24, "a documentation address"),
    ([192, 88, 99, 0], 24, "an address of 6to4 relays"),
    ([192, 168, 0, 0], 16, "a private address"),
    ([198, 18, 0, 0], 15, "a benchmarking address"),
    ([198, 51, 100, 0], 24, "a documentation address"),
    ([203, 0, 113, 0], 24, "a documentation address"),
    ([224, 0, 0, 0], 4, "a multicast address"),
    ([240, 0, 0, 0], 4, "a reserved address"),
];

/// Blocks of IPv6 inside 2000::/3; what lies outside of it is not public.
const V6: &[([u16; 8], u32, &str)] = &[
    (
        [0x2001, 0, 0, 0, 0, 0, 0, 0],
        23,
        "an address of protocol assignments",
    ),
    (
        [0x2001, 0xdb8, 0, 0, 0, 0, 0, 0],
        32,
        "a documentation address",
    ),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "a documentation address"),
];

/// Says why an address is not public; `None` if it is.
pub(super) fn why_not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

/// Whether even a listed name may not lead here: a name's owner decides where it points, and these are never servers
/// of a registry. Only a listed address opens them.
pub(super) fn is_never_by_name(address: IpAddr) -> bool {
    match carried(address) {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || v4.is_multicast()
                || v4.octets()[0] == 0
                || v4.octets()[0] >= 240
                || v4.octets() == [168, 63, 129, 16]
                || v4.octets() == [100, 100, 100, 200]
        }
        IpAddr::V6(v6) => {
            v6.is_unspecified()
                || v6.is_multicast()
                || v6.segments()[0] & 0xffc0 == 0xfe80
                || v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
        }
    }
}

/// Returns the IPv4 address that an IPv6 address carries, or the address itself.
pub(super) fn carried(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return IpAddr::V4(v4);
    }
    let [prefix @ .., high, low] = v6.segments();
    let joined = |high: u16, low: u16| {
        IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
    };
    match prefix {
        // The unspecified and the loopback address belong to this block and are no IPv4 addresses.
        [0, 0, 0, 0, 0, 0] if u32::from(high) << 16 | u32::from(low) > 1 => joined(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0] => joined(high, low),
        [0x2002, high, low, ..] => joined(high, low),
        _ => address,
    }
}

fn v4(address: Ipv4Addr) -> Option<&'static str> {
    let bits = address.to_bits();
    V4.iter()
        .find(|(base, prefix, _)| {
            let difference = bits ^ Ipv4Addr::from(*base).to_bits();
            difference.leading_zeros() >= *prefix
        })
        .map(|(_, _, what)| *what)
}

fn v6(address: Ipv6Addr) -> Option<&'static str> {
    if let IpAddr::V4(carried) = carried(IpAddr::V6(address)) {
        return v4(carried);
    }
    if address.is_loopback() {
        return Some("a loopback address");
    }
    let first = address.segments()[0];
    match first {
        0 => return Some("an address of this host"),
        _ if first & 0xfe00 == 0xfc00 => return Some("a private address"),
        _ if first & 0xffc0 == 0xfe80 => return Some("a link-local address"),
        _ if first & 0xff00 == 0xff00 => return Some("a multicast address"),
        _ if first & 0xe000 != 0x2000 => return Some("a reserved address"),
        _ => {}
    }
    let bits = address.to_bits();
    V6.iter()
        .find(|(base, prefix, _)| {
            let difference = bits ^ Ipv6Addr::from(*base).to_bits();
            difference.leading_zeros() >= *prefix
        })
        .map(|(_, _, what)| *what)
}

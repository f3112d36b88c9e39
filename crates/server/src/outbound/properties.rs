//! What must hold for whatever address somebody wants the server to connect to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use url::{Host, Url};

use super::addresses::{carried, why_not_public};
use super::allow::AllowList;
use super::guard::{Guard, Lookup};

/// Reads a text as the address of a webhook or an upstream.
///
/// # Panics
/// If it passes although it is private, or names more than a server.
pub fn check_url(text: &str) {
    let Ok(url) = text.parse::<Url>() else { return };
    let nobody = Arc::new(|_| -> Lookup { Box::pin(async { Ok(Vec::new()) }) });
    let guard = Guard::new(AllowList::default(), nobody, None);
    if guard.check(&url).is_err() {
        return;
    }
    assert!(matches!(url.scheme(), "http" | "https"), "{text:?}");
    assert!(url.username().is_empty() && url.password().is_none());
    let address = match url.host().expect("a host") {
        Host::Ipv4(address) => IpAddr::V4(address),
        Host::Ipv6(address) => IpAddr::V6(address),
        Host::Domain(name) => {
            assert!(name.parse::<IpAddr>().is_err(), "{text:?}");
            let name = name.trim_end_matches('.');
            let last = name.rsplit('.').next().unwrap_or(name);
            assert!(!last.eq_ignore_ascii_case("localhost"), "{text:?}");
            return;
        }
    };
    assert_eq!(why_not_public(address), None, "{text:?}");
}

/// Judges an address, and every other that leads to the same machine.
///
/// # Panics
/// If one of them is public and another is not.
pub fn check_address(bits: u128) {
    let v6 = Ipv6Addr::from_bits(bits);
    let judged = why_not_public(IpAddr::V6(v6));
    if let IpAddr::V4(inner) = carried(IpAddr::V6(v6)) {
        assert_eq!(judged, why_not_public(IpAddr::V4(inner)), "{v6}");
    }
    let [.., a, b, c, d] = bits.to_be_bytes();
    let v4 = Ipv4Addr::new(a, b, c, d);
    let judged = why_not_public(IpAddr::V4(v4));
    if v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() {
        assert!(judged.is_some(), "{v4}");
    }
    let low = u128::from(v4.to_bits());
    let six_to_four = 0x2002_u128 << 112 | low << 80;
    let nat64 = 0x64_u128 << 112 | 0xff9b_u128 << 96 | low;
    for carrying in [v4.to_ipv6_mapped().to_bits(), six_to_four, nat64] {
        let carrying = Ipv6Addr::from_bits(carrying);
        assert_eq!(why_not_public(IpAddr::V6(carrying)), judged, "{carrying}");
    }
    check_url(&format!("http://{v4}/"));
    check_url(&format!("http://{low:#x}/"));
    check_url(&format!("http://{low}/"));
    check_url(&format!("http://[{v6}]/"));
}

/// Reads a list of what may be connected to.
///
/// # Panics
/// If it reads otherwise when it is written again, or opens what it does not name.
pub fn check_list(text: &str) {
    let Ok(list) = text.parse::<AllowList>() else {
        return;
    };
    let again: AllowList = list.to_string().parse().expect("what was read");
    assert_eq!(again, list, "{text:?}");
    if !text.contains(['*', '.']) {
        assert!(!list.has_host("a.b.c.example"), "{text:?}");
    }
}

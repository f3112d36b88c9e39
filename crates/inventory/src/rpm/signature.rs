//! Which key signed a package: the issuer inside the OpenPGP signature of a header.
//!
//! Nothing is verified here. The id says who claims to have built a package, which tells a distribution's packages from
//! those of others; whether the claim holds is a question of trust, not of inventory.
//!
//! # Source
//! RFC 4880, sections 4.2, 5.2.2 and 5.2.3; RFC 9580, section 5.2.3 for version 6.

const SIGNATURE: u8 = 2;
const ISSUER: u8 = 16;
const ISSUER_FINGERPRINT: u8 = 33;

/// Returns the id of the key that made a signature, 16 hexadecimal digits in lower case.
pub(super) fn key_id(packet: &[u8]) -> Option<String> {
    let body = body(packet)?;
    let id = match body.first()? {
        // version, 5, type, four bytes of time, key
        2 | 3 => body.get(7..15)?,
        4 => issuer(body.get(4..)?, 2)?,
        6 => issuer(body.get(4..)?, 4)?,
        _ => return None,
    };
    Some(
        id.iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}")),
    )
}

/// Returns the content of a signature packet, in the old or the new framing.
fn body(packet: &[u8]) -> Option<&[u8]> {
    let (tag, rest) = packet.split_first()?;
    let (kind, content) = match tag {
        0xc0.. => (tag & 0x3f, new_length(rest)?.1),
        0x80.. => {
            let bytes = match tag & 3 {
                0 => 1,
                1 => 2,
                2 => 4,
                _ => 0,
            };
            (tag >> 2 & 0x0f, rest.get(bytes..)?)
        }
        _ => return None,
    };
    (kind == SIGNATURE).then_some(content)
}

/// Reads the length of a packet or a subpacket; partial lengths do not occur in signatures.
fn new_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [first @ 0..192, rest @ ..] => Some((usize::from(*first), rest)),
        [first @ 192..=254, second, rest @ ..] => {
            let length = ((usize::from(*first) - 192) << 8) + usize::from(*second) + 192;
            Some((length, rest))
        }
        [255, a, b, c, d, rest @ ..] => Some((u32::from_be_bytes([*a, *b, *c, *d]) as usize, rest)),
        _ => None,
    }
}

/// Looks for the issuer in the hashed and then in the unhashed subpackets, whose lengths have `width` bytes.
fn issuer(mut bytes: &[u8], width: usize) -> Option<&[u8]> {
    for _ in 0..2 {
        let (length, rest) = bytes.split_at_checked(width)?;
        let length = length
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let (subpackets, rest) = rest.split_at_checked(length)?;
        if let Some(id) = issuer_of(subpackets) {
            return Some(id);
        }
        bytes = rest;
    }
    None
}

fn issuer_of(mut subpackets: &[u8]) -> Option<&[u8]> {
    while let Some((length, rest)) = new_length(subpackets) {
        let (subpacket, rest) = rest.split_at_checked(length)?;
        // The highest bit says that a reader must understand the subpacket.
        match subpacket
            .split_first()
            .map(|(kind, body)| (kind & 0x7f, body))
        {
            Some((ISSUER, id)) => return id.get(..8),
            Some((ISSUER_FINGERPRINT, [4, fingerprint @ ..])) => return fingerprint.get(12..20),
            Some((ISSUER_FINGERPRINT, [6, fingerprint @ ..])) => return fingerprint.get(..8),
            _ => {}
        }
        subpackets = rest;
    }
    None
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn v4(hashed: &[u8], unhashed: &[u8]) -> Vec<u8> {
        let mut body = vec![4, 0, 1, 8, 0, u8::try_from(hashed.len()).expect("short")];
        body.extend(hashed);
        body.extend([0, u8::try_from(unhashed.len()).expect("short")]);
        body.extend(unhashed);
        body.extend([0xab, 0xcd]);
        body
    }

    fn old(body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).expect("short").to_be_bytes();
        [&[0x89, length[0], length[1]], body].concat()
    }

    fn new(body: &[u8]) -> Vec<u8> {
        [&[0xc2, u8::try_from(body.len()).expect("short")], body].concat()
    }

    const TIME: [u8; 6] = [5, 2, 1, 2, 3, 4];
    const ID: [u8; 10] = [9, 16, 0x19, 0x9e, 0x2f, 0x91, 0xfd, 0x43, 0x1d, 0x51];

    fn fingerprint() -> Vec<u8> {
        let mut subpacket = vec![22, 33, 4];
        subpacket.extend([7; 12]);
        subpacket.extend([0x19, 0x9e, 0x2f, 0x91, 0xfd, 0x43, 0x1d, 0x51]);
        subpacket
    }

    #[rstest]
    #[case::version_3(old(&[3, 5, 0, 1, 2, 3, 4, 0x19, 0x9e, 0x2f, 0x91, 0xfd, 0x43, 0x1d, 0x51, 1, 8]))]
    #[case::unhashed(old(&v4(&TIME, &ID)))]
    #[case::hashed(new(&v4(&[&TIME[..], &ID].concat(), &[])))]
    #[case::by_fingerprint(new(&v4(&[&TIME[..], &fingerprint()].concat(), &[])))]
    fn a_signature_names_its_key(#[case] packet: Vec<u8>) {
        assert_eq!(key_id(&packet).as_deref(), Some("199e2f91fd431d51"));
        for end in 0..packet.len() {
            key_id(&packet[..end]);
        }
    }

    #[rstest]
    #[case::empty(&[])]
    #[case::another_packet(&[0x99, 0, 1, 4])]
    #[case::no_packet(b"Version: 3")]
    #[case::no_issuer(&[0xc2, 14, 4, 0, 1, 8, 0, 6, 5, 2, 1, 2, 3, 4, 0, 0])]
    #[case::endless_subpacket(&[0xc2, 9, 4, 0, 1, 8, 0, 2, 200, 200, 0, 0])]
    fn what_names_no_key_is_none(#[case] packet: &[u8]) {
        assert_eq!(key_id(packet), None);
    }
}

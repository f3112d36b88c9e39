//! What strangers write, in every form: the rules of [`server::testkit`] on made-up input. Fuzz targets ask the same.

use proptest::prelude::*;
use server::testkit::{
    TokenProbe, check_address, check_outbound_address, check_outbound_list, check_ranges,
    check_scopes, check_url,
};

/// Texts near an address below `/v2/`.
fn address() -> impl Strategy<Value = String> {
    let component = prop_oneof![
        Just("team".to_owned()),
        Just("..".to_owned()),
        Just(".".to_owned()),
        Just(String::new()),
        Just("blobs".to_owned()),
        Just("uploads".to_owned()),
        Just("manifests".to_owned()),
        Just("tags".to_owned()),
        Just("list".to_owned()),
        Just("referrers".to_owned()),
        Just("_catalog".to_owned()),
        Just("%2e%2e".to_owned()),
        Just("sha256:0".to_owned()),
        "[a-z0-9._%;/-]{0,8}",
        any::<String>(),
    ];
    prop::collection::vec(component, 0..8).prop_map(|parts| parts.join("/"))
}

/// Texts near a range.
fn range() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        any::<u64>().prop_map(|number| number.to_string()),
        (0..20_u64).prop_map(|number| number.to_string()),
        "[0-9+ -]{0,22}",
    ];
    ("(bytes=|bytes |)", number.clone(), number)
        .prop_map(|(unit, first, last)| format!("{unit}{first}-{last}"))
}

/// Claims near those of a token.
fn claims() -> impl Strategy<Value = String> {
    let second = prop_oneof![
        Just(1_795_000_000_i64),
        1_794_999_000..1_795_001_000_i64,
        any::<i64>(),
    ];
    (
        prop_oneof![Just("tidegate"), Just("other")],
        prop_oneof![
            Just(r#""tidegate-registry""#),
            Just(r#"["tidegate-registry","x"]"#),
            Just("null"),
        ],
        second.clone(),
        second.clone(),
        second,
    )
        .prop_map(|(issuer, audience, exp, nbf, iat)| {
            format!(
                r#"{{"iss":"{issuer}","aud":{audience},"sub":"a:1","exp":{exp},"nbf":{nbf},"iat":{iat},"jti":"00000000-0000-4000-8000-000000000000","epoch":1,"access":[]}}"#
            )
        })
}

/// Hosts in every spelling.
fn url() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        any::<u32>().prop_map(|bits| bits.to_string()),
        any::<u32>().prop_map(|bits| format!("{bits:#x}")),
        any::<[u8; 4]>().prop_map(|[a, b, c, d]| format!("0{a:o}.{b}.{c:#x}.{d}")),
        any::<u128>().prop_map(|bits| format!("[{}]", std::net::Ipv6Addr::from_bits(bits))),
        Just("127.1".to_owned()),
        Just("[::ffff:169.254.169.254]".to_owned()),
        Just("LOCALHOST.".to_owned()),
        Just("a.localhost".to_owned()),
        Just("registry.example".to_owned()),
        "[a-z0-9.:@%\\[\\]-]{0,20}",
    ];
    (
        "(https?|ftp|file|HTTP)",
        "(|u@|u:p@)",
        host,
        "(|:80|:0|/x|[?]a#b)",
    )
        .prop_map(|(scheme, user, host, rest)| format!("{scheme}://{user}{host}{rest}"))
}

proptest! {
    #[test]
    fn an_address_is_split_into_what_it_says(rest in address()) {
        check_address(&rest);
    }

    #[test]
    fn a_range_stays_inside_what_it_is_a_range_of(header in range(), size in any::<u64>()) {
        check_ranges(&header, size);
        check_ranges(&header, size % 20);
    }

    #[test]
    fn scopes_cover_what_one_of_them_names(
        scopes in prop::collection::vec("(repository|registry|x):(team/\\*|\\*\\*|catalog|team/app|a\\*b):(pull|push,delete|\\*|fly)", 0..4),
        name in "(team/app|team/app/x|ab|aab|b)",
    ) {
        check_scopes(&scopes.join("\n"), &name);
    }

    #[test]
    fn an_address_that_passes_is_public(text in url(), bits in any::<u128>()) {
        check_url(&text);
        check_outbound_address(bits);
        check_outbound_address(bits >> 64);
        check_outbound_address(u128::from(u32::MAX) & bits);
    }

    #[test]
    fn a_list_of_addresses_reads_the_same_when_it_is_written_again(
        text in "((10\\.0\\.0\\.0/8|fd00::/8|\\*\\.internal|a\\.example|[a-z0-9.:/*-]{0,12})[, ]{0,2}){0,5}",
    ) {
        check_outbound_list(&text);
    }
}

#[test]
fn no_token_opens_anything_but_ours() {
    let probe = TokenProbe::new();
    let mut runner = proptest::test_runner::TestRunner::default();
    let inputs = (any::<String>(), claims());
    runner
        .run(&inputs, |(text, claims)| {
            probe.check_foreign(&text);
            probe.check_signed(&text, &claims);
            probe.check_signed(r#"{"alg":"none","kid":"$KID"}"#, &claims);
            probe.check_signed(r#"{"alg":"HS256","kid":"$KID"}"#, &claims);
            probe.check_signed(r#"{"alg":"EdDSA","kid":"$KID","jwk":{}}"#, &claims);
            Ok(())
        })
        .expect("every token is judged rightly");
}

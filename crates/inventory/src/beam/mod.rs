//! Erlang and Elixir: the application resource of each compiled application, and the lock files of Mix and Rebar.
//!
//! `ebin/NAME.app` is what the virtual machine itself reads to load an application, in a system's installation and in a
//! release alike. The applications that come with Erlang/OTP and Elixir are of the type `otp`, all others come from Hex
//! or would. No term is evaluated: see [`terms`].
//!
//! # Source
//! Erlang/OTP, "app", the application resource file; Hex, "Lock file".

mod lock;
mod terms;

pub(crate) use lock::LOCK;

use evidence::{Evidence, PackageType};

use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::Rows;
use terms::Token;

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "beam",
    version: 1,
    literals: &["ebin/"],
    accepts: |path| path.ends_with(b".app") && path::basename(path::parent(path)) == b"ebin",
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

/// The applications of Erlang/OTP 27 and Elixir 1.17.
const OTP: [&str; 48] = [
    "asn1",
    "common_test",
    "compiler",
    "crypto",
    "debugger",
    "dialyzer",
    "diameter",
    "edoc",
    "eex",
    "eldap",
    "elixir",
    "erl_docgen",
    "erl_interface",
    "erts",
    "et",
    "eunit",
    "ex_unit",
    "ftp",
    "iex",
    "inets",
    "jinterface",
    "kernel",
    "logger",
    "megaco",
    "mix",
    "mnesia",
    "observer",
    "odbc",
    "os_mon",
    "otp_mibs",
    "parsetools",
    "public_key",
    "reltool",
    "runtime_tools",
    "sasl",
    "snmp",
    "ssh",
    "ssl",
    "stdlib",
    "syntax_tools",
    "tftp",
    "tools",
    "wx",
    "xmerl",
    "percept",
    "typer",
    "webtool",
    "gs",
];

/// `{application, NAME, [… {vsn, "VERSION"} …]}.`
fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    let tokens = terms::tokens(file.content);
    let name = tokens.windows(3).find_map(|window| match window {
        [Token::Atom(key), Token::Comma, Token::Atom(name)] if key == "application" => {
            Some(name.as_str())
        }
        _ => None,
    });
    let version = tokens.windows(4).find_map(|window| match window {
        [
            Token::OpenTuple,
            Token::Atom(key),
            Token::Comma,
            Token::Text(version),
        ] if key == "vsn" => Some(version.as_str()),
        _ => None,
    });
    let name = name.unwrap_or_default();
    if name.is_empty() || version.is_none() {
        notes.info(
            "beam.bad_app",
            "the application resource states no name and version",
        );
    }
    listing.add(name, version.unwrap_or_default(), notes);
    let kind = if OTP.contains(&name) {
        PackageType::Otp
    } else {
        PackageType::Hex
    };
    listing.rows(kind, Evidence::InstalledMetadata)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::listing::reading;

    #[rstest]
    #[case(
        "{application,jason,\n [{optional_applications,[]},\n  {description,\"A {vsn,\\\"9\\\"} parser\"},\n  {vsn,\"1.4.1\"}]}.\n",
        PackageType::Hex,
        &["jason 1.4.1"]
    )]
    #[case("%% {vsn, \"9\"}\n{application, 'kernel', [{vsn, \"9.2\"}]}.", PackageType::Otp, &["kernel 9.2"])]
    #[case("{application, x, [{vsn, git}]}.", PackageType::Hex, &[])]
    #[case("", PackageType::Hex, &[])]
    fn an_application_names_itself(
        #[case] content: &str,
        #[case] kind: PackageType,
        #[case] expected: &[&str],
    ) {
        let found = reading::read(&EXTRACTOR, "app/lib/jason-1.4.1/ebin/jason.app", content);
        assert_eq!(
            (found.kind, found.evidence),
            (kind, Evidence::InstalledMetadata)
        );
        assert_eq!(found.rows, expected);
        assert_eq!(found.codes.len(), usize::from(expected.is_empty()));
    }
}

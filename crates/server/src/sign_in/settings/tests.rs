//! Every way to misspell the file of sign-in settings.

use std::io::Write as _;

use rstest::rstest;

use super::*;

const OIDC: &str = "[[oidc]]\nid = \"sso\"\nname = \"SSO\"\nissuer = \"https://id.example.com/realms/a\"\nclient_id = \"tidegate\"\n";
const LDAP: &str = "[ldap]\nname = \"Directory\"\nurl = \"ldaps://ldap.example.com\"\nuser_base = \"ou=people,dc=example,dc=com\"\n";

fn load(text: &str) -> Result<SignInSettings, SignInSettingsError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("sign-in.toml", text),
        ("secret", "s3cret\n"),
        ("empty", "\n"),
    ] {
        let mut file = tempfile::NamedTempFile::new_in(&folder).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.persist(folder.path().join(name)).unwrap();
    }
    SignInSettings::load(&folder.path().join("sign-in.toml"))
}

#[test]
fn a_short_file_is_enough() {
    use secrecy::ExposeSecret as _;
    let settings = load(&format!("{OIDC}client_secret_file = \"secret\"\n{LDAP}")).unwrap();
    let provider = &settings.oidc[0];
    assert_eq!(provider.scopes, ["profile", "email"]);
    assert_eq!(
        provider.client_secret.as_ref().unwrap().expose_secret(),
        "s3cret"
    );
    assert!(provider.admission().create_accounts);
    let ldap = settings.ldap.as_ref().unwrap();
    assert_eq!(ldap.user_filter, "(uid={username})");
    assert_eq!(ldap.recheck_minutes, 5);
    assert!(!format!("{settings:?}").contains("s3cret"));
    assert!(load("").unwrap().oidc.is_empty());
}

#[rstest]
#[case::unknown_key("", "x = 1", "unknown field `x`")]
#[case::unknown_oidc_key(OIDC, "secret = \"x\"", "unknown field `secret`")]
#[case::no_file(OIDC, "client_secret_file = \"none\"", "cannot read")]
#[case::empty_secret(OIDC, "client_secret_file = \"empty\"", "is empty")]
#[case::a_second_provider_of_the_same_id(OIDC, OIDC, "used twice")]
#[case::scope(OIDC, "scopes = [\"a b\"]", "`scopes` of `oidc sso`")]
#[case::unknown_ldap_key(LDAP, "uri = \"x\"", "unknown field `uri`")]
#[case::tls_twice(LDAP, "start_tls = true", "`start_tls` of `ldap`")]
#[case::a_searcher_without_password(LDAP, "bind_dn = \"cn=a\"", "`bind_dn` of `ldap`")]
#[case::a_filter_without_name(LDAP, "user_filter = \"(uid=x)\"", "`user_filter` of `ldap`")]
#[case::no_filter(LDAP, "user_filter = \"(uid={username}\"", "`user_filter` of `ldap`")]
#[case::no_group_filter(LDAP, "group_filter = \"(member=x)\"", "`group_filter` of `ldap`")]
#[case::no_attribute(
    LDAP,
    "username_attribute = \"uid)\"",
    "`username_attribute` of `ldap`"
)]
#[case::groups_without_base(LDAP, "allowed_groups = [\"a\"]", "`allowed_groups` of `ldap`")]
#[case::admins_without_base(LDAP, "admin_group = \"a\"", "`admin_group` of `ldap`")]
#[case::never_rechecked(LDAP, "recheck_minutes = 0", "`recheck_minutes` of `ldap`")]
#[case::no_certificates(LDAP, "ca_file = \"none.pem\"", "cannot read")]
fn a_mistake_is_named(#[case] valid: &str, #[case] mistake: &str, #[case] expected: &str) {
    let error = load(&format!("{valid}{mistake}\n"))
        .unwrap_err()
        .to_string();
    assert!(error.contains(expected), "{error}");
}

#[rstest]
#[case("issuer", "ftp://id.example.com")]
#[case("issuer", "https://user:pw@id.example.com")]
#[case("issuer", "https://id.example.com/?a=b")]
#[case("id", "Not An Id")]
#[case("id", "")]
#[case("name", " ")]
#[case("client_id", "")]
fn a_wrong_value_of_a_provider_is_named(#[case] key: &str, #[case] value: &str) {
    let lines = OIDC.lines().map(|line| {
        if line.starts_with(&format!("{key} ")) {
            format!("{key} = \"{value}\"\n")
        } else {
            format!("{line}\n")
        }
    });
    let error = load(&lines.collect::<String>()).unwrap_err().to_string();
    assert!(error.starts_with(&format!("`{key}` of `oidc")), "{error}");
}

#[rstest]
#[case("ldap://ldap.example.com", "passwords would travel in the clear")]
#[case("http://ldap.example.com", "it begins with")]
#[case("ldaps://", "names no host")]
#[case("ldaps://a:b@ldap.example.com", "the searcher is named by")]
fn a_wrong_address_of_a_directory_is_named(#[case] url: &str, #[case] expected: &str) {
    let text = LDAP.replace("ldaps://ldap.example.com", url);
    let error = load(&text).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
    if url.starts_with("ldap:") {
        load(&format!("{text}start_tls = true\n")).unwrap();
        load(&format!("{text}allow_plaintext = true\n")).unwrap();
    }
}

//! Settings as they may be shown: an address of a database may hold a password in two places, and a misspelt one too.

/// Returns a setting's value without the password in it.
pub(crate) fn concealed(name: &str, value: &str) -> String {
    if name != "database" {
        return value.to_owned();
    }
    let (address, query) = match value.split_once('?') {
        Some((address, query)) => (address, Some(query)),
        None => (value, None),
    };
    let mut shown = without_login_password(address);
    if let Some(query) = query {
        let pairs: Vec<String> = query.split('&').map(without_value).collect();
        shown = format!("{shown}?{}", pairs.join("&"));
    }
    shown
}

/// `SCHEME://USER:PASSWORD@PLACE`, also where the scheme is none that is known.
fn without_login_password(address: &str) -> String {
    let parts = address.split_once("://").and_then(|(scheme, rest)| {
        let (login, place) = rest.rsplit_once('@')?;
        let (user, _) = login.split_once(':')?;
        Some(format!("{scheme}://{user}:****@{place}"))
    });
    parts.unwrap_or_else(|| address.to_owned())
}

fn without_value(pair: &str) -> String {
    match pair.split_once('=') {
        Some((key, _)) if key.eq_ignore_ascii_case("password") => format!("{key}=****"),
        _ => pair.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("postgres://app:s3cr3t@db/tidegate", "postgres://app:****@db/tidegate")]
    #[case("postgres://app:p@ss@db/tidegate", "postgres://app:****@db/tidegate")]
    #[case(
        "postgress://app:s3cr3t@db/tidegate",
        "postgress://app:****@db/tidegate"
    )]
    #[case(
        "postgres:///tidegate?host=/run&password=s3cr3t&user=app",
        "postgres:///tidegate?host=/run&password=****&user=app"
    )]
    #[case(
        "postgres://app@db/x?PASSWORD=s3cr3t",
        "postgres://app@db/x?PASSWORD=****"
    )]
    #[case("postgres://app@db/x", "postgres://app@db/x")]
    #[case("sqlite:/srv/a.db", "sqlite:/srv/a.db")]
    fn a_password_in_an_address_is_not_shown(#[case] value: &str, #[case] expected: &str) {
        assert_eq!(concealed("database", value), expected);
    }

    #[test]
    fn other_settings_are_shown_as_they_are() {
        let url = "https://r.example.com";
        assert_eq!(concealed("external_url", url), url);
    }
}

//! How administrators write an upstream's address, and what Docker's own registry needs.

use url::Url;

/// Where docker.io really is.
const DOCKER_HUB: &str = "registry-1.docker.io";
/// Who gives tokens for it.
const DOCKER_REALM: &str = "https://auth.docker.io";
/// Other names for it.
const DOCKER_ALIASES: [&str; 3] = ["docker.io", "index.docker.io", "hub.docker.com"];

/// The text is no address of a registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address of a registry, write `https://registry.example.com`")]
pub(crate) struct BadAddress(String);

/// Reads an address: a host alone means https, `docker.io` means where docker.io really is.
pub(crate) fn base(text: &str) -> Result<Url, BadAddress> {
    let bad = || BadAddress(text.chars().take(200).collect());
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let mut url: Url = with_scheme.parse().map_err(|_| bad())?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !is_plain {
        return Err(bad());
    }
    if url
        .host_str()
        .is_some_and(|host| DOCKER_ALIASES.contains(&host))
    {
        url.set_host(Some(DOCKER_HUB)).map_err(|_| bad())?;
    }
    Ok(url)
}

/// Returns the origin as it is stored and compared.
pub(crate) fn written(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Returns the realms that an upstream needs and that everybody knows.
pub(crate) fn known_realms(url: &Url) -> Vec<String> {
    if url.host_str() == Some(DOCKER_HUB) {
        vec![DOCKER_REALM.to_owned()]
    } else {
        Vec::new()
    }
}

/// Returns the name on the upstream: behind the prefix, and with `library/` where Docker Hub's own images are meant.
pub(crate) fn source(url: &Url, prefix: &str, name: &str) -> String {
    let name = if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}/{name}")
    };
    if url.host_str() == Some(DOCKER_HUB) && !name.contains('/') {
        format!("library/{name}")
    } else {
        name
    }
}

/// Whether a client's `ns` means this upstream.
pub(crate) fn is_named(url: &Url, ns: &str) -> bool {
    let host = url.host_str().unwrap_or_default();
    let with_port = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let is_docker = host == DOCKER_HUB && DOCKER_ALIASES.contains(&ns);
    is_docker || ns == host || ns == with_port
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("docker.io", "https://registry-1.docker.io")]
    #[case("https://index.docker.io/", "https://registry-1.docker.io")]
    #[case("quay.io", "https://quay.io")]
    #[case("http://127.0.0.1:5000", "http://127.0.0.1:5000")]
    #[case("https://R.Example:443", "https://r.example")]
    fn an_address_is_an_origin(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(written(&base(text).expect("an address")), expected);
    }

    #[rstest]
    #[case("")]
    #[case("ftp://r.example")]
    #[case("https://r.example/v2/")]
    #[case("https://user:secret@r.example")]
    #[case("https://r.example?x=1")]
    #[case("https://r.example#x")]
    fn anything_else_is_none(#[case] text: &str) {
        assert!(base(text).is_err());
    }

    #[rstest]
    #[case("docker.io", "", "alpine", "library/alpine")]
    #[case("docker.io", "", "grafana/grafana", "grafana/grafana")]
    #[case("docker.io", "library", "alpine", "library/alpine")]
    #[case("quay.io", "", "alpine", "alpine")]
    #[case("quay.io", "team", "a/b", "team/a/b")]
    fn a_name_leads_to_a_name(
        #[case] url: &str,
        #[case] prefix: &str,
        #[case] name: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(
            source(&base(url).expect("an address"), prefix, name),
            expected
        );
    }

    #[test]
    fn a_namespace_of_containerd_names_its_upstream() {
        let hub = base("docker.io").expect("an address");
        assert!(is_named(&hub, "docker.io"));
        assert!(!is_named(&hub, "quay.io"));
        let own = base("http://127.0.0.1:5000").expect("an address");
        assert!(is_named(&own, "127.0.0.1:5000"));
    }
}

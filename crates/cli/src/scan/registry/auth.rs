//! Registry credentials, from where container tools keep them.
//!
//! # Source
//! `containers-auth.json(5)`: the order of the files, the keys (`host/namespace/repository`, longest first), and
//! credential helpers (`credHelpers`, `credsStore`), which are asked as `docker-credential-NAME get`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oci_client::Reference;
use oci_client::secrets::RegistryAuth;
use serde::Deserialize;

use crate::exit::Failure;

/// The name under which the docker tools keep credentials for their own registry.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// Returns the credentials for an image's repository; without any, the registry is asked anonymously.
pub(super) fn find(reference: &Reference, named: Option<&Path>) -> Result<RegistryAuth, Failure> {
    let files = match named {
        // A file that was named is the only one, and must be there.
        Some(path) => vec![
            read(path)
                .with_context(|| format!("cannot use the credentials file `{}`", path.display()))?,
        ],
        None => default_files(&|name| std::env::var_os(name))
            .iter()
            .filter_map(|path| match read(path) {
                Err(error) if is_absent(&error) => None,
                result => Some(result.with_context(|| {
                    format!("cannot use the credentials file `{}`", path.display())
                })),
            })
            .collect::<Result<_, _>>()?,
    };
    for file in &files {
        if let Some(auth) = in_file(file, reference)? {
            return Ok(auth);
        }
    }
    Ok(RegistryAuth::Anonymous)
}

/// One credentials file. Unknown keys belong to other tools.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AuthFile {
    auths: BTreeMap<String, Entry>,
    #[serde(rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(rename = "credsStore")]
    store: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    #[serde(rename = "identitytoken")]
    identity_token: String,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("****")
    }
}

fn read(path: &Path) -> anyhow::Result<AuthFile> {
    let bytes = fs_err::read(path)?;
    let is_legacy = path.file_name().is_some_and(|name| name == ".dockercfg");
    if is_legacy {
        // The oldest form is the table itself.
        let auths = serde_json::from_slice(&bytes)?;
        return Ok(AuthFile {
            auths,
            ..AuthFile::default()
        });
    }
    Ok(serde_json::from_slice(&bytes)?)
}

fn is_absent(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| {
        matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        )
    })
}

fn default_files(variable: &dyn Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let folder = |name: &str| {
        variable(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let home = folder("HOME");
    let in_home = |path: &str| home.as_ref().map(|home| home.join(path));
    let docker = folder("DOCKER_CONFIG").or_else(|| in_home(".docker"));
    [
        folder("XDG_RUNTIME_DIR").map(|path| path.join("containers/auth.json")),
        folder("XDG_CONFIG_HOME")
            .or_else(|| in_home(".config"))
            .map(|path| path.join("containers/auth.json")),
        docker.map(|path| path.join("config.json")),
        in_home(".dockercfg"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn in_file(file: &AuthFile, reference: &Reference) -> Result<Option<RegistryAuth>, Failure> {
    let host = normal(reference.registry());
    if let Some((_, helper)) = file.helpers.iter().find(|(key, _)| normal(key) == host)
        && let Some(auth) = ask(helper, &host)?
    {
        return Ok(Some(auth));
    }
    let keys = keys(&host, reference.repository());
    for key in &keys {
        let entry = file.auths.iter().find(|(name, _)| normal(name) == *key);
        if let Some((_, entry)) = entry
            && let Some(auth) = decode(entry)
                .with_context(|| format!("the credentials for `{key}` are not usable"))?
        {
            return Ok(Some(auth));
        }
    }
    if file.store.is_empty() {
        return Ok(None);
    }
    ask(&file.store, &host).map_err(Failure::from)
}

/// The keys that may hold a repository's credentials: itself, then its namespaces, then the host.
fn keys(host: &str, repository: &str) -> Vec<String> {
    let mut key = format!("{host}/{repository}");
    let mut keys = vec![key.clone()];
    while let Some(end) = key.rfind('/') {
        key.truncate(end);
        keys.push(key.clone());
    }
    keys
}

/// Brings a key to the form `host[:port][/path]`: old files write whole addresses, and Docker's registry has three names.
fn normal(key: &str) -> String {
    let key = key
        .trim_start_matches("https://")
        .trim_start_matches("http://")
        .trim_end_matches('/');
    let key = key
        .strip_suffix("/v1")
        .or_else(|| key.strip_suffix("/v2"))
        .unwrap_or(key);
    let (host, path) = match key.split_once('/') {
        Some((host, path)) => (host, Some(path)),
        None => (key, None),
    };
    let host = match host {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    };
    match path {
        Some(path) => format!("{host}/{path}"),
        None => host.to_owned(),
    }
}

fn decode(entry: &Entry) -> anyhow::Result<Option<RegistryAuth>> {
    if !entry.identity_token.is_empty() {
        bail!("identity tokens are not supported, log in with a user and a password or token");
    }
    if entry.auth.is_empty() {
        // A credential store leaves empty entries behind to say that it has the secret.
        return Ok(None);
    }
    // Neither error may show what was decoded.
    let bytes = STANDARD
        .decode(entry.auth.trim())
        .map_err(|_| anyhow!("`auth` is not valid base64"))?;
    let text = String::from_utf8(bytes).map_err(|_| anyhow!("`auth` is not valid text"))?;
    let (user, password) = text
        .split_once(':')
        .ok_or_else(|| anyhow!("`auth` is not `user:password`"))?;
    // Some tools pad the decoded text with zero bytes.
    Ok(Some(RegistryAuth::Basic(
        user.to_owned(),
        password.trim_end_matches('\0').to_owned(),
    )))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    username: String,
    secret: String,
}

/// Asks a credential helper. It runs with our rights: its name must be a plain word, found on the path.
fn ask(helper: &str, host: &str) -> anyhow::Result<Option<RegistryAuth>> {
    let is_word = !helper.is_empty()
        && helper
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if !is_word {
        bail!("`{helper}` is not the name of a credential helper");
    }
    let program = format!("docker-credential-{helper}");
    let key = if host == "docker.io" {
        DOCKER_HUB_KEY
    } else {
        host
    };
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot run the credential helper `{program}`"))?;
    if let Some(mut input) = child.stdin.take() {
        input
            .write_all(key.as_bytes())
            .with_context(|| format!("cannot ask the credential helper `{program}`"))?;
    }
    let output = child
        .wait_with_output()
        .with_context(|| format!("cannot hear the credential helper `{program}`"))?;
    if !output.status.success() {
        // The protocol has one answer for "I do not know this host", on standard output.
        let is_unknown = String::from_utf8_lossy(&output.stdout).contains("credentials not found");
        if is_unknown {
            return Ok(None);
        }
        bail!(
            "the credential helper `{program}` failed: {}",
            output.status
        );
    }
    let answer: HelperAnswer = serde_json::from_slice(&output.stdout).map_err(|_| {
        anyhow!("the credential helper `{program}` answered something else than credentials")
    })?;
    if answer.username == "<token>" {
        bail!("the credential helper `{program}` holds an identity token, which is not supported");
    }
    Ok(Some(RegistryAuth::Basic(answer.username, answer.secret)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn file(text: &str) -> AuthFile {
        serde_json::from_str(text).expect("a credentials file")
    }

    /// Which user a file names for an image.
    #[track_caller]
    fn check(text: &str, image: &str, expected: Option<&str>) {
        let reference: Reference = image.parse().expect("an image");
        let auth = in_file(&file(text), &reference)
            .unwrap_or_else(|failure| panic!("{:#}", failure.error));
        let user = auth.map(|auth| match auth {
            RegistryAuth::Basic(user, _) => user,
            other => panic!("{other:?}"),
        });
        assert_eq!(user.as_deref(), expected);
    }

    #[rstest]
    #[case("r.example.com/team/app", Some("app"))]
    #[case("r.example.com/team/other", Some("team"))]
    #[case("r.example.com/elsewhere", Some("host"))]
    #[case("r.example.com:5000/elsewhere", None)]
    #[case("s.example.com/a", None)]
    fn the_longest_key_wins(#[case] image: &str, #[case] expected: Option<&str>) {
        let text = format!(
            r#"{{"auths":{{"r.example.com":{{"auth":"{}"}},"r.example.com/team":{{"auth":"{}"}},
                "r.example.com/team/app":{{"auth":"{}"}}}}}}"#,
            STANDARD.encode("host:p"),
            STANDARD.encode("team:p"),
            STANDARD.encode("app:p:q"),
        );
        check(&text, image, expected);
    }

    #[rstest]
    #[case("https://index.docker.io/v1/")]
    #[case("docker.io")]
    #[case("index.docker.io")]
    fn docker_hub_is_known_by_its_old_names(#[case] key: &str) {
        let text = format!(
            r#"{{"auths":{{"{key}":{{"auth":"{}"}}}}}}"#,
            STANDARD.encode("me:p")
        );
        check(&text, "debian:12", Some("me"));
    }

    #[test]
    fn an_empty_entry_is_none_and_unknown_keys_are_other_tools_business() {
        check(
            r#"{"auths":{"r.example.com":{}},"currentContext":"x"}"#,
            "r.example.com/a",
            None,
        );
    }

    #[rstest]
    #[case(r#"{"auth":"%%%"}"#, "not valid base64")]
    #[case(r#"{"auth":"YWJj"}"#, "not `user:password`")]
    #[case(r#"{"identitytoken":"secret"}"#, "identity tokens")]
    fn unusable_credentials_are_an_error_that_does_not_show_them(
        #[case] entry: &str,
        #[case] expected: &str,
    ) {
        let text = format!(r#"{{"auths":{{"r.example.com":{entry}}}}}"#);
        let reference: Reference = "r.example.com/a".parse().expect("an image");
        let failure = in_file(&file(&text), &reference).expect_err("unusable");
        let message = format!("{:#}", failure.error);
        assert!(message.contains(expected), "{message}");
        assert!(
            !message.contains("secret") && !message.contains("abc"),
            "{message}"
        );
        assert!(!format!("{:?}", file(&text)).contains("secret"));
    }

    #[test]
    fn the_files_are_tried_in_the_order_of_the_manual_page() {
        let variables = BTreeMap::from([
            ("HOME", "/home/me"),
            ("XDG_RUNTIME_DIR", "/run/user/1"),
            ("DOCKER_CONFIG", "/etc/docker-config"),
        ]);
        let files = default_files(&|name| variables.get(name).map(OsString::from));
        assert_eq!(
            files,
            [
                "/run/user/1/containers/auth.json",
                "/home/me/.config/containers/auth.json",
                "/etc/docker-config/config.json",
                "/home/me/.dockercfg",
            ]
            .map(PathBuf::from)
        );
    }

    #[rstest]
    #[case("../evil")]
    #[case("a b")]
    #[case("")]
    fn a_helper_is_named_by_a_plain_word(#[case] helper: &str) {
        assert!(ask(helper, "r.example.com").is_err());
    }
}

//! What the file of the setting `sign_in` says: identity providers and a directory.
//!
//! The file is TOML. Secrets do not stand in it: it names files that hold one each, and certificates likewise; a
//! relative path is meant from the file's own folder. Everything that can be wrong without asking the network is found
//! here, so that `tidegate config check` finds it too.
//!
//! Adding a key: a field with its default, its check in `check`, its row in `docs/guides/sign-in.md`.

use std::io;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

/// Files above this are something else.
const MAX_FILE: u64 = 1 << 20;
/// How often a source may be asked whether somebody is still there.
const RECHECK_MINUTES: std::ops::RangeInclusive<u32> = 1..=1_440;

/// The ways to sign in beside passwords kept here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInSettings {
    /// Identity providers, in the order of their buttons.
    #[serde(default)]
    pub oidc: Vec<OidcSettings>,
    /// A directory that knows names and passwords.
    pub ldap: Option<LdapSettings>,
}

/// Whom a provider or directory may send.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Only members of one of these groups come in; empty lets everybody in whom the provider knows.
    pub allowed_groups: Vec<String>,
    /// Members of this group are superusers, and nobody else who signs in this way.
    pub admin_group: Option<String>,
    /// Whether somebody without an account gets one.
    pub create_accounts: bool,
}

/// One identity provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcSettings {
    /// The word in addresses and in `sync_source` of teams.
    pub id: String,
    /// The label of its button.
    pub name: String,
    /// The issuer's address, exactly as its tokens write it.
    pub issuer: String,
    /// The id under which this server is registered there.
    pub client_id: String,
    /// The file with the client's secret; a public client has none.
    #[serde(default)]
    client_secret_file: Option<PathBuf>,
    /// The client's secret.
    #[serde(skip)]
    pub client_secret: Option<SecretString>,
    /// What is asked for beside `openid`.
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    /// The claim that names the account.
    #[serde(default = "default_username_claim")]
    pub username_claim: String,
    /// The claim that lists groups.
    #[serde(default = "default_groups_claim")]
    pub groups_claim: String,
    #[serde(default)]
    allowed_groups: Vec<String>,
    #[serde(default)]
    admin_group: Option<String>,
    #[serde(default = "yes")]
    create_accounts: bool,
    /// How long what the provider said counts before it is asked again, in minutes.
    #[serde(default = "default_oidc_recheck_minutes")]
    pub recheck_minutes: u32,
}

/// A directory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LdapSettings {
    /// The word in `sync_source` of teams.
    #[serde(default = "default_ldap_id")]
    pub id: String,
    /// What the sign-in page calls it.
    pub name: String,
    /// `ldaps://HOST` or `ldap://HOST`, with a port where it is another.
    pub url: Url,
    /// Whether a plain connection becomes an encrypted one before anything is said.
    #[serde(default)]
    pub start_tls: bool,
    /// Whether names and passwords may travel in the clear.
    #[serde(default)]
    allow_plaintext: bool,
    /// Certificates (PEM) trusted instead of the machine's own.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Who searches; absent: nobody in particular.
    #[serde(default)]
    pub bind_dn: Option<String>,
    #[serde(default)]
    bind_password_file: Option<PathBuf>,
    /// The searcher's password.
    #[serde(skip)]
    pub bind_password: Option<SecretString>,
    /// Where people are.
    pub user_base: String,
    /// Which entry is the one that signs in; `{username}` is the name as it was typed.
    #[serde(default = "default_user_filter")]
    pub user_filter: String,
    /// The attribute that names the account.
    #[serde(default = "default_username_attribute")]
    pub username_attribute: String,
    /// The attribute that never changes and is never given to somebody else.
    #[serde(default = "default_subject_attribute")]
    pub subject_attribute: String,
    /// The attribute with the person's address.
    #[serde(default = "default_email_attribute")]
    pub email_attribute: String,
    /// Where groups are; absent: there are none.
    #[serde(default)]
    pub group_base: Option<String>,
    /// Which groups a person is in; `{dn}` is their entry's name, `{username}` their account's.
    #[serde(default = "default_group_filter")]
    pub group_filter: String,
    /// The attribute that names a group.
    #[serde(default = "default_group_attribute")]
    pub group_attribute: String,
    #[serde(default)]
    allowed_groups: Vec<String>,
    #[serde(default)]
    admin_group: Option<String>,
    #[serde(default = "yes")]
    create_accounts: bool,
    /// How often the directory is asked whether somebody is still there, in minutes.
    #[serde(default = "default_recheck_minutes")]
    pub recheck_minutes: u32,
}

fn default_scopes() -> Vec<String> {
    ["profile", "email"].map(str::to_owned).to_vec()
}

fn default_username_claim() -> String {
    "preferred_username".to_owned()
}

fn default_groups_claim() -> String {
    "groups".to_owned()
}

fn default_ldap_id() -> String {
    "ldap".to_owned()
}

fn default_user_filter() -> String {
    "(uid={username})".to_owned()
}

fn default_username_attribute() -> String {
    "uid".to_owned()
}

fn default_subject_attribute() -> String {
    "entryUUID".to_owned()
}

fn default_email_attribute() -> String {
    "mail".to_owned()
}

fn default_group_filter() -> String {
    "(member={dn})".to_owned()
}

fn default_group_attribute() -> String {
    "cn".to_owned()
}

fn default_oidc_recheck_minutes() -> u32 {
    60
}

fn default_recheck_minutes() -> u32 {
    5
}

fn yes() -> bool {
    true
}

/// Why the file is refused.
#[derive(Debug, thiserror::Error)]
pub enum SignInSettingsError {
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is too large to be what it should be.
    #[error("`{}` is larger than 1 MiB", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A secret's file is empty.
    #[error("`{}` is empty", path.display())]
    EmptySecret {
        /// The file.
        path: PathBuf,
    },
    /// The file is no TOML, or has a key that is not known.
    #[error("`{}`: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What the parser says, with the line.
        reason: String,
    },
    /// A value does not mean anything.
    #[error("`{key}` of `{section}`: {problem}")]
    Value {
        /// `oidc` with the provider's id, or `ldap`.
        section: String,
        /// The key.
        key: &'static str,
        /// What is wrong.
        problem: String,
    },
}

impl SignInSettings {
    /// Returns whether a source gives identities of this issuer.
    pub fn has_issuer(&self, issuer: &str) -> bool {
        let is_directory =
            |ldap: &LdapSettings| issuer.strip_prefix("ldap:") == Some(ldap.id.as_str());
        self.oidc.iter().any(|oidc| oidc.issuer == issuer)
            || self.ldap.as_ref().is_some_and(is_directory)
    }

    /// Reads the file, and the files of secrets that it names.
    ///
    /// # Errors
    /// See [`SignInSettingsError`]. No text of a secret is in it.
    pub fn load(path: &Path) -> Result<Self, SignInSettingsError> {
        let text = read(path)?;
        let syntax = |error: toml::de::Error| SignInSettingsError::Syntax {
            path: path.to_owned(),
            reason: error.to_string().trim_end().to_owned(),
        };
        let mut settings: Self = toml::from_str(&text).map_err(syntax)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        for provider in &mut settings.oidc {
            provider.client_secret = secret(folder, provider.client_secret_file.as_deref())?;
        }
        if let Some(ldap) = &mut settings.ldap {
            ldap.bind_password = secret(folder, ldap.bind_password_file.as_deref())?;
            if let Some(ca_file) = &mut ldap.ca_file {
                *ca_file = folder.join(&*ca_file);
                read(ca_file)?;
            }
        }
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SignInSettingsError> {
        let mut ids: Vec<&str> = Vec::new();
        for provider in &self.oidc {
            provider.check()?;
            ids.push(&provider.id);
        }
        if let Some(ldap) = &self.ldap {
            ldap.check()?;
            ids.push(&ldap.id);
        }
        ids.sort_unstable();
        if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(value(twice[0], "id", "it is used twice".to_owned()));
        }
        let mut issuers: Vec<&str> = self.oidc.iter().map(|oidc| oidc.issuer.as_str()).collect();
        issuers.sort_unstable();
        if let Some(twice) = issuers.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(value(twice[0], "issuer", "it is used twice".to_owned()));
        }
        Ok(())
    }
}

impl OidcSettings {
    /// Returns whether the provider is asked for what outlives the person's visit.
    pub(crate) fn asks_for_renewal(&self) -> bool {
        self.scopes.iter().any(|scope| scope == "offline_access")
    }

    /// Returns whom this provider may send.
    pub fn admission(&self) -> Admission {
        Admission {
            allowed_groups: self.allowed_groups.clone(),
            admin_group: self.admin_group.clone(),
            create_accounts: self.create_accounts,
        }
    }

    fn check(&self) -> Result<(), SignInSettingsError> {
        let section = format!("oidc {}", self.id);
        let wrong = |key, problem: &str| Err(value(&section, key, problem.to_owned()));
        if !is_id(&self.id) {
            return wrong("id", "use 1 to 32 lower-case letters, digits and `-`");
        }
        if self.name.trim().is_empty() {
            return wrong("name", "the button needs a label");
        }
        // Issuers are compared letter by letter, so the text is kept and only looked at as an address.
        let address = match Url::parse(&self.issuer) {
            Ok(url) if matches!(url.scheme(), "https" | "http") => url,
            _ => return wrong("issuer", "an `https://` address is needed"),
        };
        if !address.username().is_empty() || address.password().is_some() {
            return wrong("issuer", "an address with a password is not an issuer");
        }
        if address.query().is_some() || address.fragment().is_some() {
            return wrong("issuer", "an issuer has no query and no fragment");
        }
        if self.client_id.is_empty() {
            return wrong("client_id", "it is empty");
        }
        if self.username_claim.is_empty() {
            return wrong("username_claim", "it is empty");
        }
        let is_scope = |scope: &String| !scope.is_empty() && !scope.contains([' ', '"', '\\']);
        if !self.scopes.iter().all(is_scope) {
            return wrong("scopes", "a scope is one word");
        }
        if !RECHECK_MINUTES.contains(&self.recheck_minutes) {
            return wrong("recheck_minutes", "1 to 1440 minutes are possible");
        }
        Ok(())
    }
}

impl LdapSettings {
    /// Returns whom this directory may send.
    pub fn admission(&self) -> Admission {
        Admission {
            allowed_groups: self.allowed_groups.clone(),
            admin_group: self.admin_group.clone(),
            create_accounts: self.create_accounts,
        }
    }

    fn check(&self) -> Result<(), SignInSettingsError> {
        let wrong = |key, problem: &str| Err(value("ldap", key, problem.to_owned()));
        if !is_id(&self.id) {
            return wrong("id", "use 1 to 32 lower-case letters, digits and `-`");
        }
        let is_encrypted = match self.url.scheme() {
            "ldaps" => true,
            "ldap" => self.start_tls,
            _ => return wrong("url", "it begins with `ldaps://` or `ldap://`"),
        };
        if self.url.host_str().is_none_or(str::is_empty) {
            return wrong("url", "it names no host");
        }
        if !self.url.username().is_empty() || self.url.password().is_some() {
            return wrong("url", "the searcher is named by `bind_dn`");
        }
        if self.url.scheme() == "ldaps" && self.start_tls {
            return wrong("start_tls", "`ldaps://` is encrypted from the beginning");
        }
        if !is_encrypted && !self.allow_plaintext {
            return wrong(
                "url",
                "passwords would travel in the clear: use `ldaps://`, or `start_tls = true`, or say `allow_plaintext = true`",
            );
        }
        if self.bind_dn.is_some() != self.bind_password.is_some() {
            return wrong("bind_dn", "it goes together with `bind_password_file`");
        }
        if self.bind_dn.as_deref() == Some("") {
            return wrong("bind_dn", "it is empty");
        }
        if !self.user_filter.contains("{username}") {
            return wrong("user_filter", "`{username}` does not occur in it");
        }
        if !is_filter(&self.user_filter) {
            return wrong("user_filter", "it is no LDAP filter in parentheses");
        }
        if !self.group_filter.contains("{dn}") && !self.group_filter.contains("{username}") {
            return wrong(
                "group_filter",
                "neither `{dn}` nor `{username}` occurs in it",
            );
        }
        if !is_filter(&self.group_filter) {
            return wrong("group_filter", "it is no LDAP filter in parentheses");
        }
        for (key, attribute) in [
            ("username_attribute", &self.username_attribute),
            ("subject_attribute", &self.subject_attribute),
            ("email_attribute", &self.email_attribute),
            ("group_attribute", &self.group_attribute),
        ] {
            let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b';');
            if attribute.is_empty() || !attribute.bytes().all(is_name) {
                return wrong(key, "it is no attribute's name");
            }
        }
        if self.group_base.is_none() {
            if !self.allowed_groups.is_empty() {
                return wrong("allowed_groups", "groups need a `group_base`");
            }
            if self.admin_group.is_some() {
                return wrong("admin_group", "groups need a `group_base`");
            }
        }
        if !RECHECK_MINUTES.contains(&self.recheck_minutes) {
            return wrong("recheck_minutes", "1 to 1440 minutes are possible");
        }
        Ok(())
    }
}

fn is_id(id: &str) -> bool {
    (1..=32).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_filter(template: &str) -> bool {
    let filled = template.replace("{username}", "x").replace("{dn}", "x");
    filled.starts_with('(') && ldap3::parse_filter(&filled).is_ok()
}

fn value(section: &str, key: &'static str, problem: String) -> SignInSettingsError {
    SignInSettingsError::Value {
        section: section.to_owned(),
        key,
        problem,
    }
}

fn secret(folder: &Path, path: Option<&Path>) -> Result<Option<SecretString>, SignInSettingsError> {
    let Some(path) = path.map(|path| folder.join(path)) else {
        return Ok(None);
    };
    let text = read(&path)?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(SignInSettingsError::EmptySecret { path });
    }
    Ok(Some(SecretString::from(text.to_owned())))
}

fn read(path: &Path) -> Result<String, SignInSettingsError> {
    let unreadable = |source| SignInSettingsError::Read {
        path: path.to_owned(),
        source,
    };
    if fs_err::metadata(path).map_err(unreadable)?.len() > MAX_FILE {
        return Err(SignInSettingsError::TooLarge {
            path: path.to_owned(),
        });
    }
    fs_err::read_to_string(path).map_err(unreadable)
}

#[cfg(test)]
mod tests;

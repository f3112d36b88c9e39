//! The configuration of the service: flag, then environment, then one TOML file, then default.
//!
//! Every setting is one row of [`SETTINGS`]; flags, the environment, the file, `config show`, the error for a misspelt
//! key and the reference page all read that table. Nothing is guessed: an unknown key, or an unknown variable that
//! begins with `TIDEGATE_`, is an error that names it and the nearest known one.
//!
//! Secrets do not stand in the file: they come from the environment or from a file of their own.
//!
//! Adding a setting: a row in [`SETTINGS`], a field in [`ServeConfig`] and its line in [`ServeConfig::read`], an option
//! in [`Flags`].

mod conceal;
mod error;
mod file;
mod rules;
mod settings;
mod storage;
mod values;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use server::{
    AllowList, AuditRules, Networks, OutboundSettings, RegistryRules, SignInSettings, Storage,
    VerifyRules,
};

pub(crate) use self::conceal::concealed;
pub(crate) use self::error::ConfigError;
pub(crate) use self::settings::{SETTINGS, Setting};
use self::values::{Database, LogLevel, Switch, WebAddress};
use crate::command::advisories::SNAPSHOT_FILE;

/// The file read where none is named, if it is there.
const SYSTEM_FILE: &str = "/etc/tidegate/config.toml";

/// The variables that are no settings: where the file is, and the secrets that never stand in it.
const OTHER_VARIABLES: [&str; 4] = [
    "TIDEGATE_CONFIG",
    ADMIN_PASSWORD,
    storage::ACCESS_KEY_ID,
    storage::SECRET_ACCESS_KEY,
];
const ADMIN_PASSWORD: &str = "TIDEGATE_ADMIN_PASSWORD";

/// The settings as command line options.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Flags {
    /// Read this configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Keep everything in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<String>,

    /// Serve HTTP at this address
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<String>,

    /// Use this database (`sqlite:FILE` or `postgres://…`)
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,

    /// Keep blobs here (`files` or `s3://BUCKET/PREFIX`)
    #[arg(long, value_name = "PLACE")]
    pub(crate) storage: Option<String>,

    /// The address of the object store
    #[arg(long, value_name = "URL")]
    pub(crate) s3_endpoint: Option<String>,

    /// The region of the object store
    #[arg(long, value_name = "NAME")]
    pub(crate) s3_region: Option<String>,

    /// Name the bucket in the path or in the host's name
    #[arg(long, value_name = "path|host")]
    pub(crate) s3_addressing: Option<String>,

    /// Read the object store's key from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) s3_credentials_file: Option<String>,

    /// Let clients fetch blobs from the object store itself
    #[arg(long, value_name = "on|off")]
    pub(crate) blob_redirect: Option<String>,

    /// The address that people and clients use
    #[arg(long, value_name = "URL")]
    pub(crate) external_url: Option<String>,

    /// Write logs in this form
    #[arg(long, value_name = "text|json")]
    pub(crate) log_format: Option<String>,

    /// Log this much
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,

    /// The policy that applies where no other does
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<String>,

    /// The advisory snapshot
    #[arg(long, value_name = "SNAPSHOT")]
    pub(crate) advisories: Option<String>,

    /// Serve metrics at an address of their own
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) metrics_listen: Option<String>,

    /// Private networks and hosts that may be connected to
    #[arg(long, value_name = "NETWORKS")]
    pub(crate) outbound_allow: Option<String>,

    /// Trust these certificates for outgoing connections too
    #[arg(long, value_name = "FILE")]
    pub(crate) outbound_ca_file: Option<String>,

    /// Read the address of the proxy for outgoing connections from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) outbound_proxy_file: Option<String>,

    /// Believe these reverse proxies about the client, the scheme and the host
    #[arg(long, value_name = "NETWORKS")]
    pub(crate) trusted_proxies: Option<String>,

    /// Read the other ways to sign in from this file: identity providers, a directory
    #[arg(long, value_name = "FILE")]
    pub(crate) sign_in: Option<String>,

    /// Whether clients may delete
    #[arg(long, value_name = "on|off")]
    pub(crate) deletion: Option<String>,

    /// What a deletion does with content that something else refers to
    #[arg(long, value_name = "refuse|allow")]
    pub(crate) delete_referenced: Option<String>,

    /// Whether a tag of a type that the client does not accept is 404
    #[arg(long, value_name = "on|off")]
    pub(crate) accept_404: Option<String>,

    /// What manifests may leave out where a repository says nothing
    #[arg(long, value_name = "none|index|all")]
    pub(crate) sparse: Option<String>,

    /// The largest blob
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_blob_bytes: Option<String>,

    /// The size of chunks that clients are asked to reach
    #[arg(long, value_name = "BYTES")]
    pub(crate) chunk_min_bytes: Option<String>,

    /// Answer this many requests at the same time
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_requests: Option<String>,

    /// Read at most this much of what is stored again in a second, 0 for nothing
    #[arg(long, value_name = "BYTES")]
    pub(crate) verify_rate: Option<String>,

    /// Begin to read everything again this many days after the last beginning
    #[arg(long, value_name = "DAYS")]
    pub(crate) verify_days: Option<String>,

    /// Keep entries of the audit trail unpacked for so many days
    #[arg(long, value_name = "DAYS")]
    pub(crate) audit_keep_days: Option<String>,

    /// Keep so many entries of the audit trail unpacked
    #[arg(long, value_name = "COUNT")]
    pub(crate) audit_keep_entries: Option<String>,

    /// Read the first administrator's password from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) admin_password_file: Option<String>,
}

impl Flags {
    fn value(&self, name: &str) -> Option<&str> {
        match name {
            "data" => &self.data,
            "listen" => &self.listen,
            "database" => &self.database,
            "storage" => &self.storage,
            "s3_endpoint" => &self.s3_endpoint,
            "s3_region" => &self.s3_region,
            "s3_addressing" => &self.s3_addressing,
            "s3_credentials_file" => &self.s3_credentials_file,
            "blob_redirect" => &self.blob_redirect,
            "external_url" => &self.external_url,
            "log_format" => &self.log_format,
            "log_level" => &self.log_level,
            "policy" => &self.policy,
            "advisories" => &self.advisories,
            "metrics_listen" => &self.metrics_listen,
            "outbound_allow" => &self.outbound_allow,
            "outbound_ca_file" => &self.outbound_ca_file,
            "outbound_proxy_file" => &self.outbound_proxy_file,
            "trusted_proxies" => &self.trusted_proxies,
            "sign_in" => &self.sign_in,
            "deletion" => &self.deletion,
            "delete_referenced" => &self.delete_referenced,
            "accept_404" => &self.accept_404,
            "sparse" => &self.sparse,
            "max_blob_bytes" => &self.max_blob_bytes,
            "chunk_min_bytes" => &self.chunk_min_bytes,
            "max_requests" => &self.max_requests,
            "verify_rate" => &self.verify_rate,
            "verify_days" => &self.verify_days,
            "audit_keep_days" => &self.audit_keep_days,
            "audit_keep_entries" => &self.audit_keep_entries,
            "admin_password_file" => &self.admin_password_file,
            _ => &None,
        }
        .as_deref()
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An option of the command.
    Flag,
    /// An environment variable.
    Environment,
    /// A line of the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// Nobody said anything.
    Default,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment => f.write_str("environment"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// The settings as text, each with its origin.
#[derive(Debug)]
pub(crate) struct Settings {
    values: BTreeMap<&'static str, (Option<String>, Origin)>,
    admin_password: Option<String>,
    /// The object store's key from the environment: its id and its secret.
    s3_key: (Option<String>, Option<SecretString>),
}

/// The environment, as names and values.
pub(crate) type Environment = BTreeMap<OsString, OsString>;

impl Settings {
    /// Collects the settings.
    ///
    /// # Errors
    /// A file that cannot be read or is no TOML, an unknown key, an unknown variable.
    pub(crate) fn collect(flags: &Flags, environment: &Environment) -> Result<Self, ConfigError> {
        check_variables(environment)?;
        let text = |name: &str| -> Result<Option<String>, ConfigError> {
            match environment.get(&OsString::from(name)) {
                Some(value) => match value.to_str() {
                    Some("") => Ok(None),
                    Some(value) => Ok(Some(value.to_owned())),
                    None => Err(ConfigError::NotText {
                        variable: name.to_owned(),
                    }),
                },
                None => Ok(None),
            }
        };
        let named = match &flags.config {
            Some(path) => Some(path.clone()),
            None => text("TIDEGATE_CONFIG")?.map(PathBuf::from),
        };
        let mut from_file = match named {
            Some(path) => file::read(&path)?,
            None => file::read_if_there(Path::new(SYSTEM_FILE))?,
        };
        let mut values = BTreeMap::new();
        for setting in SETTINGS {
            let value = if let Some(value) = flags.value(setting.name) {
                (Some(value.to_owned()), Origin::Flag)
            } else if let Some(value) = text(&setting.variable())? {
                (Some(value), Origin::Environment)
            } else if let Some(found) = from_file.remove(setting.name) {
                (Some(found.value), found.origin)
            } else {
                (setting.default.map(str::to_owned), Origin::Default)
            };
            values.insert(setting.name, value);
        }
        let mut settings = Self {
            values,
            admin_password: text(ADMIN_PASSWORD)?,
            s3_key: (
                text(storage::ACCESS_KEY_ID)?,
                text(storage::SECRET_ACCESS_KEY)?.map(SecretString::from),
            ),
        };
        settings.fill_in_the_data_folder(environment)?;
        Ok(settings)
    }

    /// Returns the settings in the order of the table, each with its value and origin.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static Setting, Option<&str>, &Origin)> {
        SETTINGS.iter().map(|setting| {
            let (value, origin) = &self.values[setting.name];
            (setting, value.as_deref(), origin)
        })
    }

    /// Sets what lies in the data folder unless somebody said otherwise.
    fn fill_in_the_data_folder(&mut self, environment: &Environment) -> Result<(), ConfigError> {
        let folder = match &self.values["data"] {
            (Some(folder), _) => PathBuf::from(folder),
            (None, _) => data_folder(environment).ok_or(ConfigError::NoDataFolder)?,
        };
        let show = |path: &Path| path.to_string_lossy().into_owned();
        let defaults = [
            ("data", show(&folder)),
            (
                "database",
                format!("sqlite:{}", show(&folder.join("tidegate.db"))),
            ),
            ("advisories", show(&folder.join(SNAPSHOT_FILE))),
        ];
        for (name, default) in defaults {
            let (value, _) = self.values.get_mut(name).expect("a row of the table");
            value.get_or_insert(default);
        }
        Ok(())
    }

    fn value(&self, name: &'static str) -> Option<&str> {
        self.values[name].0.as_deref()
    }

    fn read<T: std::str::FromStr>(&self, name: &'static str) -> Result<Option<T>, ConfigError> {
        let (value, origin) = &self.values[name];
        let Some(value) = value else { return Ok(None) };
        value.parse().map(Some).map_err(|_| ConfigError::Value {
            name,
            value: value.clone(),
            expected: settings::form(name),
            origin: origin.clone(),
        })
    }
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

impl std::str::FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(()),
        }
    }
}

/// Everything the service needs to know before it starts.
#[derive(Debug)]
pub(crate) struct ServeConfig {
    /// The folder of everything the service keeps.
    pub(crate) data: PathBuf,
    /// Where HTTP is served.
    pub(crate) listen: SocketAddr,
    /// `sqlite:FILE` or `postgres://…`; may hold a password.
    pub(crate) database: SecretString,
    /// Where blobs live.
    pub(crate) storage: Storage,
    /// Whether clients fetch blobs from the object store itself.
    pub(crate) blob_redirect: bool,
    /// The address people and clients use; absent: that of the listener.
    pub(crate) external_url: Option<String>,
    /// How logs are written.
    pub(crate) log_format: LogFormat,
    /// How much is logged, as a filter of `tracing`.
    pub(crate) log_level: String,
    /// The policy that applies where no other does.
    pub(crate) policy: Option<PathBuf>,
    /// The advisory snapshot; the file need not be there yet.
    pub(crate) advisories: PathBuf,
    /// Where metrics are served, if not beside everything else.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// The first administrator's password, from the environment or its file.
    pub(crate) admin_password: Option<SecretString>,
    /// What the server may connect to.
    pub(crate) outbound: OutboundSettings,
    /// Reverse proxies that are believed.
    pub(crate) trusted_proxies: Networks,
    /// The ways to sign in beside passwords kept here.
    pub(crate) sign_in: SignInSettings,
    pub(crate) verify: VerifyRules,
    /// The switches and limits of the registry's protocol side.
    pub(crate) registry: RegistryRules,
    pub(crate) audit: AuditRules,
}

impl ServeConfig {
    /// Collects the settings and reads them.
    ///
    /// # Errors
    /// See [`ConfigError`]; the password's file is read here.
    pub(crate) fn load(flags: &Flags, environment: &Environment) -> Result<Self, ConfigError> {
        Self::read(&Settings::collect(flags, environment)?)
    }

    /// Collects the settings for a storage that may be elsewhere, and returns both: for `migrate`.
    ///
    /// # Errors
    /// As [`ServeConfig::load`]; a place without a known form.
    pub(crate) fn load_with_target(
        flags: &Flags,
        environment: &Environment,
        place: Option<&str>,
    ) -> Result<(Self, Option<Storage>), ConfigError> {
        let settings = Settings::collect(flags, environment)?;
        let target = place
            .map(|place| storage::elsewhere(&settings, place))
            .transpose()?;
        Ok((Self::read(&settings)?, target))
    }

    fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let required = |name: &'static str| settings.value(name).unwrap_or_default().to_owned();
        let by_default = "the table, or the data folder, gives a default";
        let database: Database = settings.read("database")?.expect(by_default);
        let external_url: Option<WebAddress> = settings.read("external_url")?;
        let log_level: LogLevel = settings.read("log_level")?.expect(by_default);
        Ok(Self {
            data: required("data").into(),
            listen: settings.read("listen")?.expect(by_default),
            database: database.0.into(),
            storage: storage::read(settings)?,
            blob_redirect: settings
                .read::<Switch>("blob_redirect")?
                .expect(by_default)
                .0,
            external_url: external_url.map(|address| address.0),
            log_format: settings.read("log_format")?.expect(by_default),
            log_level: log_level.0,
            policy: settings.value("policy").map(PathBuf::from),
            advisories: required("advisories").into(),
            metrics_listen: settings.read("metrics_listen")?,
            admin_password: admin_password(settings)?,
            outbound: OutboundSettings {
                allow: settings
                    .read::<AllowList>("outbound_allow")?
                    .unwrap_or_default(),
                ca_file: settings.value("outbound_ca_file").map(PathBuf::from),
                proxy: outbound_proxy(settings)?,
            },
            trusted_proxies: settings.read("trusted_proxies")?.unwrap_or_default(),
            sign_in: sign_in(settings)?,
            registry: rules::registry(settings)?,
            verify: rules::verify(settings)?,
            audit: rules::audit(settings)?,
        })
    }
}

/// The environment's password comes first; a password file may end with a line feed.
fn admin_password(settings: &Settings) -> Result<Option<SecretString>, ConfigError> {
    if let Some(password) = &settings.admin_password {
        return Ok(Some(password.clone().into()));
    }
    let Some(path) = settings.value("admin_password_file") else {
        return Ok(None);
    };
    let text =
        fs_err::read_to_string(path).map_err(|source| ConfigError::PasswordFile { source })?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(ConfigError::EmptyPassword { path: path.into() });
    }
    Ok(Some(password.to_owned().into()))
}

/// Providers and a directory have settings of their own, more than fit into names and values.
fn sign_in(settings: &Settings) -> Result<SignInSettings, ConfigError> {
    let Some(path) = settings.value("sign_in") else {
        return Ok(SignInSettings::default());
    };
    SignInSettings::load(Path::new(path)).map_err(ConfigError::SignIn)
}

/// The proxy's address may hold a password, and a file of its own is the place for secrets.
fn outbound_proxy(settings: &Settings) -> Result<Option<SecretString>, ConfigError> {
    let Some(path) = settings.value("outbound_proxy_file") else {
        return Ok(None);
    };
    let text = fs_err::read_to_string(path).map_err(|source| ConfigError::ProxyFile { source })?;
    Ok(Some(text.trim().to_owned().into()))
}

fn check_variables(environment: &Environment) -> Result<(), ConfigError> {
    let known: Vec<String> = SETTINGS
        .iter()
        .map(Setting::variable)
        .chain(OTHER_VARIABLES.map(str::to_owned))
        .collect();
    for name in environment.keys() {
        let name = name.to_string_lossy();
        if name.starts_with("TIDEGATE_") && !known.iter().any(|known| *known == name) {
            return Err(ConfigError::UnknownVariable {
                nearest: settings::nearest(&name, known.iter().map(String::as_str)),
                variable: name.into_owned(),
            });
        }
    }
    Ok(())
}

/// Returns the folder of this user's data: `$XDG_DATA_HOME/tidegate`, else `~/.local/share/tidegate`.
pub(crate) fn default_data_folder() -> Option<PathBuf> {
    data_folder(&std::env::vars_os().collect())
}

fn data_folder(environment: &Environment) -> Option<PathBuf> {
    let folder = |name: &str| {
        environment
            .get(&OsString::from(name))
            .map(PathBuf::from)
            // The base directory specification: relative paths are ignored.
            .filter(|path| path.is_absolute())
    };
    folder("XDG_DATA_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local/share")))
        .map(|base| base.join("tidegate"))
}

#[cfg(test)]
mod tests;

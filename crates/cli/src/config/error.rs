//! What can be wrong with a configuration. Each message names the place and the key.

use std::io;
use std::path::PathBuf;

use super::{Origin, concealed};

/// Why the configuration is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is no TOML.
    #[error("`{}`, line {line}: not valid TOML: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// A key is not known.
    #[error("`{}`, line {line}: unknown key `{key}`", path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The key.
        key: String,
        /// The known key it probably means.
        nearest: Option<String>,
        /// Whether it is the password, which has its own place.
        is_secret: bool,
    },
    /// A value is no string.
    #[error("`{}`, line {line}: `{key}` must be a string in quotes", path.display())]
    NotAString {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The key.
        key: String,
    },
    /// A variable is not known.
    #[error("unknown environment variable `{variable}`")]
    UnknownVariable {
        /// The variable.
        variable: String,
        /// The known variable it probably means.
        nearest: Option<String>,
    },
    /// A variable is not UTF-8.
    #[error("the environment variable `{variable}` is not valid text")]
    NotText {
        /// The variable.
        variable: String,
    },
    /// A value does not mean anything.
    #[error(
        "`{name}` is `{}` ({origin}), expected {expected}",
        concealed(name, value)
    )]
    Value {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// What would be accepted.
        expected: &'static str,
        /// Where the value comes from.
        origin: Origin,
    },
    /// There is no home folder and no data folder is named.
    #[error("`data` is not set and there is no home folder")]
    NoDataFolder,
    /// The file of `sign_in` is refused.
    #[error("`sign_in` cannot be used")]
    SignIn(#[source] server::SignInSettingsError),
    /// The password's file cannot be read.
    #[error("cannot read the administrator's password")]
    PasswordFile {
        /// Why, with the path.
        #[source]
        source: io::Error,
    },
    /// The proxy's file cannot be read.
    #[error("cannot read the proxy's address")]
    ProxyFile {
        /// Why, with the path.
        #[source]
        source: io::Error,
    },
    /// One of the two variables of the object store's key is set.
    #[error("the object store's key is not whole: `{missing}` is not set")]
    HalfAKey {
        /// The other one.
        missing: &'static str,
    },
    /// The file of the object store's key cannot be read.
    #[error("cannot read the object store's key")]
    CredentialsFile {
        /// Why, with the path.
        #[source]
        source: io::Error,
    },
    /// The file holds no whole key.
    #[error("`{}` has no line `{key} = …`", path.display())]
    NoKeyInFile {
        /// The file.
        path: PathBuf,
        /// What is missing.
        key: &'static str,
    },
    /// The password's file is empty.
    #[error("the password file `{}` is empty", path.display())]
    EmptyPassword {
        /// The file.
        path: PathBuf,
    },
}

impl ConfigError {
    /// Returns the sentence that says what to do now.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::UnknownKey { is_secret: true, .. } => {
                "Secrets do not stand in the file: set TIDEGATE_ADMIN_PASSWORD or admin_password_file.".to_owned()
            }
            Self::UnknownKey {
                nearest: Some(nearest), ..
            }
            | Self::UnknownVariable {
                nearest: Some(nearest), ..
            } => format!("Did you mean `{nearest}`?"),
            Self::SignIn(_) => "docs/guides/sign-in.md explains every key.".to_owned(),
            Self::NoDataFolder => "Set --data DIR or TIDEGATE_DATA.".to_owned(),
            _ => "`tidegate config show --origin` prints every setting and where it comes from.".to_owned(),
        }
    }
}

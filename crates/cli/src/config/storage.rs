//! Where blobs live, as the settings say it.

use blobs::{S3Config, S3Credentials};
use secrecy::SecretString;
use server::Storage;

use super::values::WebAddress;
use super::{ConfigError, Settings};

/// The variables of the object store's key. Secrets do not stand in the file.
pub(super) const ACCESS_KEY_ID: &str = "TIDEGATE_S3_ACCESS_KEY_ID";
pub(super) const SECRET_ACCESS_KEY: &str = "TIDEGATE_S3_SECRET_ACCESS_KEY";

/// Reads every setting about blobs.
pub(super) fn read(settings: &Settings) -> Result<Storage, ConfigError> {
    let by_default = "the table gives a default";
    let place: Place = settings.read("storage")?.expect(by_default);
    // Read also where nothing uses them: a mistake is found before it matters.
    let s3 = s3_settings(settings)?;
    Ok(at(place, &s3))
}

/// Returns the storage at another place, with the settings of the object store as they are: for `migrate`.
///
/// # Errors
/// [`ConfigError::Value`] if the place has no known form.
pub(super) fn elsewhere(settings: &Settings, place: &str) -> Result<Storage, ConfigError> {
    let place = place.parse().map_err(|()| ConfigError::Value {
        name: "storage",
        value: place.to_owned(),
        expected: super::settings::form("storage"),
        origin: super::Origin::Flag,
    })?;
    Ok(at(place, &s3_settings(settings)?))
}

fn at(place: Place, s3: &S3Settings) -> Storage {
    let Place::S3(mut config) = place else {
        return Storage::Files;
    };
    config.endpoint.clone_from(&s3.endpoint);
    config.region.clone_from(&s3.region);
    config.path_style = s3.path_style;
    config.credentials.clone_from(&s3.credentials);
    Storage::S3(*config)
}

struct S3Settings {
    endpoint: Option<String>,
    region: String,
    path_style: bool,
    credentials: Option<S3Credentials>,
}

fn s3_settings(settings: &Settings) -> Result<S3Settings, ConfigError> {
    let by_default = "the table gives a default";
    let endpoint: Option<WebAddress> = settings.read("s3_endpoint")?;
    let region: Region = settings.read("s3_region")?.expect(by_default);
    let addressing: Addressing = settings.read("s3_addressing")?.expect(by_default);
    Ok(S3Settings {
        endpoint: endpoint.map(|address| address.0),
        region: region.0,
        path_style: matches!(addressing, Addressing::Path),
        credentials: credentials(settings)?,
    })
}

/// Both variables, else the file, else nothing: then the machine gives a key.
fn credentials(settings: &Settings) -> Result<Option<S3Credentials>, ConfigError> {
    match &settings.s3_key {
        (Some(id), Some(secret)) => {
            return Ok(Some(S3Credentials {
                access_key_id: id.clone(),
                secret_access_key: secret.clone(),
                session_token: None,
            }));
        }
        (None, None) => {}
        (Some(_), None) => {
            return Err(ConfigError::HalfAKey {
                missing: SECRET_ACCESS_KEY,
            });
        }
        (None, Some(_)) => {
            return Err(ConfigError::HalfAKey {
                missing: ACCESS_KEY_ID,
            });
        }
    }
    let Some(path) = settings.value("s3_credentials_file") else {
        return Ok(None);
    };
    let text =
        fs_err::read_to_string(path).map_err(|source| ConfigError::CredentialsFile { source })?;
    let value = |name: &str| -> Option<String> {
        text.lines()
            .filter_map(|line| line.split_once('='))
            .find(|(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    };
    let missing = |key: &'static str| ConfigError::NoKeyInFile {
        path: path.into(),
        key,
    };
    let (id, secret) = ("aws_access_key_id", "aws_secret_access_key");
    Ok(Some(S3Credentials {
        access_key_id: value(id).ok_or_else(|| missing(id))?,
        secret_access_key: value(secret).ok_or_else(|| missing(secret))?.into(),
        session_token: value("aws_session_token").map(SecretString::from),
    }))
}

/// Where, without how to get there.
enum Place {
    Files,
    S3(Box<S3Config>),
}

impl std::str::FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "files" => Ok(Self::Files),
            _ => S3Config::parse(text)
                .map(|config| Self::S3(Box::new(config)))
                .map_err(|_| ()),
        }
    }
}

struct Region(String);

impl std::str::FromStr for Region {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_name = !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        is_name.then(|| Self(text.to_owned())).ok_or(())
    }
}

enum Addressing {
    Path,
    Host,
}

impl std::str::FromStr for Addressing {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "path" => Ok(Self::Path),
            "host" => Ok(Self::Host),
            _ => Err(()),
        }
    }
}

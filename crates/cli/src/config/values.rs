//! The forms of values that several settings share.
//!
//! A value that does not parse is reported by its reader, with the form from the table of settings.

/// `on` or `off`.
pub(super) struct Switch(pub(super) bool);

impl std::str::FromStr for Switch {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "on" => Ok(Self(true)),
            "off" => Ok(Self(false)),
            _ => Err(()),
        }
    }
}

/// `allow` or `refuse`.
pub(super) struct Leave(pub(super) bool);

impl std::str::FromStr for Leave {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "allow" => Ok(Self(true)),
            "refuse" => Ok(Self(false)),
            _ => Err(()),
        }
    }
}

/// The address of a database that the catalog speaks to.
pub(super) struct Database(pub(super) String);

impl std::str::FromStr for Database {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_known = ["sqlite:", "postgres://", "postgresql://"]
            .iter()
            .any(|scheme| {
                text.strip_prefix(scheme)
                    .is_some_and(|rest| !rest.is_empty())
            });
        is_known.then(|| Self(text.to_owned())).ok_or(())
    }
}

/// An origin: scheme and host, without a path.
pub(super) struct WebAddress(pub(super) String);

impl std::str::FromStr for WebAddress {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.trim_end_matches('/');
        let host = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
            .ok_or(())?;
        let is_host = !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']);
        is_host.then(|| Self(text.to_owned())).ok_or(())
    }
}

/// A level, or filters.
pub(super) struct LogLevel(pub(super) String);

impl std::str::FromStr for LogLevel {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let filter: Result<tracing_subscriber::EnvFilter, _> = text.parse();
        // A bare word that is no level would filter a target of that name: everything else would be silent.
        let is_level = |part: &str| {
            part.contains('=')
                || part
                    .parse::<tracing_subscriber::filter::LevelFilter>()
                    .is_ok()
        };
        let is_known = filter.is_ok() && text.split(',').all(|part| is_level(part.trim()));
        is_known.then(|| Self(text.to_owned())).ok_or(())
    }
}

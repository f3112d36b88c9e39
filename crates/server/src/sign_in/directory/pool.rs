//! Connections to a directory: a bounded number, and idle ones are used again.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::DirectoryError;
use super::tls::{self, TlsError};
use crate::sign_in::LdapSettings;

/// Connections at the same time; more sign-ins wait.
const MAX_CONNECTIONS: usize = 8;
/// How long a connection may take, encryption included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The connections of one process.
pub(super) struct Pool {
    url: Url,
    settings: LdapConnSettings,
    slots: Arc<Semaphore>,
    idle: Mutex<Vec<Ldap>>,
}

/// A connection in use. Who it is bound as is not known.
pub(super) struct Connection {
    pub(super) ldap: Ldap,
    /// Whether it was open before.
    pub(super) was_idle: bool,
    slot: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(settings: &LdapSettings) -> Result<Self, TlsError> {
        let tls = tls::client(settings.ca_file.as_deref())?;
        let connection = LdapConnSettings::new()
            .set_conn_timeout(CONNECT_TIMEOUT)
            .set_config(tls)
            .set_starttls(settings.start_tls);
        Ok(Self {
            url: settings.url.clone(),
            settings: connection,
            slots: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            idle: Mutex::default(),
        })
    }

    /// Waits for a place and returns an idle connection, or a new one.
    pub(super) async fn take(&self) -> Result<Connection, DirectoryError> {
        let slot = Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .map_err(|_| DirectoryError::TimedOut)?;
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let was_idle = idle.is_some();
        let ldap = match idle {
            Some(ldap) => ldap,
            None => self.connect().await?,
        };
        Ok(Connection {
            ldap,
            was_idle,
            slot,
        })
    }

    /// Keeps a connection that answered. One that did not is dropped, which closes it.
    pub(super) fn keep(&self, connection: Connection) {
        let Connection {
            mut ldap,
            was_idle: _,
            slot,
        } = connection;
        if !ldap.is_closed() {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(ldap);
        }
        // The place is free only when the connection is there to be taken.
        drop(slot);
    }

    async fn connect(&self) -> Result<Ldap, DirectoryError> {
        let connecting = LdapConnAsync::from_url_with_settings(self.settings.clone(), &self.url);
        // The library's own timeout ends before encryption begins.
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await;
        let (driver, ldap) = connected
            .map_err(|_| DirectoryError::TimedOut)?
            .map_err(DirectoryError::Connect)?;
        tokio::spawn(async move {
            let ended: Result<(), LdapError> = driver.drive().await;
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection to the directory ended");
            }
        });
        Ok(ldap)
    }
}

impl Connection {
    /// Replaces the connection by a new one, in the same place.
    pub(super) async fn renew(&mut self, pool: &Pool) -> Result<(), DirectoryError> {
        self.ldap = pool.connect().await?;
        self.was_idle = false;
        Ok(())
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({})", self.url)
    }
}

//! A directory (LDAP) that knows names and passwords.
//!
//! One sign-in is: the searcher binds, looks for exactly one entry, the entry's own password is tried by a bind, the
//! searcher binds again and reads the groups. An empty password never reaches the directory: RFC 4513 makes a bind with
//! one anonymous, and it succeeds. Referrals are not followed.
//!
//! What it does not do: it knows no accounts (`admission` does), counts no attempts (`auth::throttle`) and remembers no
//! answer (`remembered`).

mod entry;
mod pool;
pub(crate) mod recheck;
pub(crate) mod remembered;
mod tls;

use std::time::Duration;

use ldap3::{LdapError, LdapResult, ResultEntry, Scope, SearchEntry, SearchOptions, ldap_escape};
use secrecy::{ExposeSecret as _, SecretString};

use self::pool::{Connection, Pool};
use self::remembered::Remembered;
pub use self::tls::TlsError;
use super::{LdapSettings, Person};

/// How long one question may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a whole sign-in may take.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(15);
/// Groups of one person; more is not looked at.
const MAX_GROUPS: i32 = 1_000;
/// The longest name and password that are sent.
const MAX_CREDENTIAL: usize = 1 << 10;

/// LDAP's result codes that mean: this entry's password is not right, or it may not sign in.
const REFUSALS: [u32; 7] = [
    19, // constraintViolation: locked
    32, // noSuchObject
    34, // invalidDNSyntax
    48, // inappropriateAuthentication: it has no password
    49, // invalidCredentials
    50, // insufficientAccessRights
    53, // unwillingToPerform: disabled
];

/// The directory gave no usable answer. It says nothing about who asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DirectoryError {
    #[error("the directory cannot be reached")]
    Connect(#[source] LdapError),
    #[error("the directory did not answer in time")]
    TimedOut,
    #[error("the connection to the directory broke")]
    Broken(#[source] LdapError),
    #[error("the directory refuses the searcher `bind_dn`: {0}")]
    Searcher(String),
    #[error("the directory refuses to look for {what}: {answer}")]
    Search { what: &'static str, answer: String },
    #[error("the directory refuses to try a password: {0}")]
    Bind(String),
    #[error("more than one entry is found, `user_filter` is too wide")]
    Ambiguous,
    #[error("the entry `{dn}` has no `{attribute}`")]
    Incomplete { dn: String, attribute: String },
}

impl DirectoryError {
    /// Whether the same question may succeed on another connection.
    fn is_of_the_connection(&self) -> bool {
        matches!(self, Self::Broken(_))
    }
}

/// One configured directory.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) settings: LdapSettings,
    pub(crate) remembered: Remembered,
    pool: Pool,
}

/// An entry that may be the one who signs in.
struct Found {
    dn: String,
    person: Person,
}

impl Directory {
    pub(crate) fn new(settings: LdapSettings) -> Result<Self, TlsError> {
        Ok(Self {
            pool: Pool::new(&settings)?,
            remembered: Remembered::new(),
            settings,
        })
    }

    /// Returns what identities of this directory name as their issuer.
    pub(crate) fn issuer(&self) -> String {
        format!("ldap:{}", self.settings.id)
    }

    /// Returns the person behind a name and a password; `None` if there is none, or the password is another.
    ///
    /// # Errors
    /// The directory gave no usable answer.
    pub(crate) async fn authenticate(
        &self,
        username: &str,
        password: &SecretString,
    ) -> Result<Option<Person>, DirectoryError> {
        let secret = password.expose_secret();
        let is_sent = |text: &str| !text.is_empty() && text.len() <= MAX_CREDENTIAL;
        if !is_sent(username) || !is_sent(secret) {
            return Ok(None);
        }
        let filter = fill(&self.settings.user_filter, username, "");
        self.ask(&filter, Some(secret)).await
    }

    /// Does what a sign-in of somebody unknown does, for a name that the directory is not asked about.
    pub(crate) async fn pretend(&self) {
        let nothing = SecretString::from("\u{1}".to_owned());
        if let Err(error) = self.authenticate("\u{1}", &nothing).await {
            tracing::debug!(%error, "the directory was not asked for nobody");
        }
    }

    /// Returns the person behind an identity's subject; `None` if the directory no longer has them, or no longer lets
    /// them sign in as far as `user_filter` tells.
    pub(crate) async fn find(&self, subject: &str) -> Result<Option<Person>, DirectoryError> {
        let is_they = format!(
            "({}={})",
            self.settings.subject_attribute,
            entry::subject_in_filter(subject)
        );
        let may_sign_in = self.settings.user_filter.replace("{username}", "*");
        let filter = format!("(&{is_they}{may_sign_in})");
        self.ask(&filter, None).await
    }

    /// Asks on a connection from the pool. One that lay idle may have been closed by the other side, which is known
    /// only by using it; then the question is asked once more on a new one.
    async fn ask(
        &self,
        filter: &str,
        password: Option<&str>,
    ) -> Result<Option<Person>, DirectoryError> {
        let asked = async {
            let mut connection = self.pool.take().await?;
            let was_idle = connection.was_idle;
            let mut answer = self.ask_on(&mut connection, filter, password).await;
            let is_broken = answer
                .as_ref()
                .is_err_and(DirectoryError::is_of_the_connection);
            if was_idle && is_broken {
                connection.renew(&self.pool).await?;
                answer = self.ask_on(&mut connection, filter, password).await;
            }
            if answer.is_ok() {
                self.pool.keep(connection);
            }
            answer
        };
        tokio::time::timeout(SIGN_IN_TIMEOUT, asked)
            .await
            .map_err(|_| DirectoryError::TimedOut)?
    }

    /// Looks for the one entry that `filter` means; with a password only if it is the entry's.
    async fn ask_on(
        &self,
        connection: &mut Connection,
        filter: &str,
        password: Option<&str>,
    ) -> Result<Option<Person>, DirectoryError> {
        self.bind_searcher(connection).await?;
        let found = self.find_one(connection, filter).await?;
        if let Some(password) = password {
            // Somebody unknown costs a bind too, so that time does not tell who exists.
            let dn = found.as_ref().map_or_else(
                || format!("cn=nobody,{}", self.settings.user_base),
                |found| found.dn.clone(),
            );
            let answer = answered(connection.ldap.simple_bind(&dn, password)).await?;
            match answer.rc {
                0 => {}
                rc if found.is_none() || REFUSALS.contains(&rc) => return Ok(None),
                _ => return Err(DirectoryError::Bind(told(&answer))),
            }
            self.bind_searcher(connection).await?;
        }
        let Some(mut found) = found else {
            return Ok(None);
        };
        found.person.groups = self.groups(connection, &found).await?;
        Ok(Some(found.person))
    }

    /// Without a `bind_dn` this is the anonymous bind, which also ends what an earlier bind on the connection was.
    async fn bind_searcher(&self, connection: &mut Connection) -> Result<(), DirectoryError> {
        let dn = self.settings.bind_dn.as_deref().unwrap_or_default();
        let password = self
            .settings
            .bind_password
            .as_ref()
            .map_or("", |password| password.expose_secret());
        let answer = answered(connection.ldap.simple_bind(dn, password)).await?;
        if answer.rc == 0 {
            Ok(())
        } else {
            Err(DirectoryError::Searcher(told(&answer)))
        }
    }

    async fn find_one(
        &self,
        connection: &mut Connection,
        filter: &str,
    ) -> Result<Option<Found>, DirectoryError> {
        let settings = &self.settings;
        let attributes = [
            settings.username_attribute.as_str(),
            settings.subject_attribute.as_str(),
            settings.email_attribute.as_str(),
        ];
        let what = "people";
        let entries = search(
            connection,
            &settings.user_base,
            filter,
            &attributes,
            2,
            what,
        )
        .await?;
        let mut entries = entries.into_iter();
        let (entry, another) = (entries.next(), entries.next());
        if another.is_some() {
            return Err(DirectoryError::Ambiguous);
        }
        let Some(entry) = entry else { return Ok(None) };
        // Its bind would be an anonymous one.
        if entry.dn.is_empty() {
            return Ok(None);
        }
        let person = entry::person(settings, &self.issuer(), &entry)?;
        Ok(Some(Found {
            dn: entry.dn,
            person,
        }))
    }

    async fn groups(
        &self,
        connection: &mut Connection,
        found: &Found,
    ) -> Result<Vec<String>, DirectoryError> {
        let settings = &self.settings;
        let Some(base) = &settings.group_base else {
            return Ok(Vec::new());
        };
        let filter = fill(&settings.group_filter, &found.person.username, &found.dn);
        let attributes = [settings.group_attribute.as_str()];
        let entries = search(connection, base, &filter, &attributes, MAX_GROUPS, "groups").await?;
        Ok(entry::group_names(settings, &entries))
    }
}

/// Puts a name and an entry's DN into a filter. What they hold means itself there, whatever it is.
fn fill(template: &str, username: &str, dn: &str) -> String {
    let mut filled = String::with_capacity(template.len() + username.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (place, after) = after.split_once('}').unwrap_or((after, ""));
        match place {
            "username" => filled.push_str(&ldap_escape(username)),
            "dn" => filled.push_str(&ldap_escape(dn)),
            other => filled.extend(["{", other, "}"]),
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// Searches below `base`. Referrals and what else is no entry are left out.
async fn search(
    connection: &mut Connection,
    base: &str,
    filter: &str,
    attributes: &[&str],
    most: i32,
    what: &'static str,
) -> Result<Vec<SearchEntry>, DirectoryError> {
    let ldap = &mut connection.ldap;
    let options = SearchOptions::new()
        .sizelimit(most)
        .timelimit(ANSWER_TIMEOUT.as_secs() as i32);
    ldap.with_search_options(options);
    let answer = answered(ldap.search(base, Scope::Subtree, filter, attributes)).await?;
    let (entries, result) = (answer.0, answer.1);
    // 4 is sizeLimitExceeded: there is more, and what is asked for is here.
    if !matches!(result.rc, 0 | 4) {
        return Err(DirectoryError::Search {
            what,
            answer: told(&result),
        });
    }
    Ok(entries
        .into_iter()
        .filter(|entry: &ResultEntry| !entry.is_ref() && !entry.is_intermediate())
        .map(SearchEntry::construct)
        .collect())
}

async fn answered<T>(
    question: impl Future<Output = Result<T, LdapError>>,
) -> Result<T, DirectoryError> {
    tokio::time::timeout(ANSWER_TIMEOUT, question)
        .await
        .map_err(|_| DirectoryError::TimedOut)?
        .map_err(DirectoryError::Broken)
}

/// What the directory said, for the log.
fn told(answer: &LdapResult) -> String {
    let text: String = answer
        .text
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect();
    format!("result {} {text}", answer.rc)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("(uid={username})", "alice", "(uid=alice)")]
    #[case("(uid={username})", "*", "(uid=\\2a)")]
    #[case("(uid={username})", "a)(uid=*", "(uid=a\\29\\28uid=\\2a)")]
    #[case("(uid={username})", "a\\2a", "(uid=a\\5c2a)")]
    #[case("(uid={username})", "a\0b", "(uid=a\\00b)")]
    #[case("(uid={username})", "{dn}", "(uid={dn})")]
    #[case("(member={dn})", "x", "(member=cn=a\\5c,\\2a\\28b\\29,dc=x)")]
    #[case(
        "(|(a={username})(b={dn}))",
        "x",
        "(|(a=x)(b=cn=a\\5c,\\2a\\28b\\29,dc=x))"
    )]
    fn what_a_name_holds_means_itself_in_a_filter(
        #[case] template: &str,
        #[case] username: &str,
        #[case] expected: &str,
    ) {
        let filled = fill(template, username, "cn=a\\,*(b),dc=x");
        assert_eq!(filled, expected);
        assert!(ldap3::parse_filter(&filled).is_ok());
    }
}

//! `tidegate admin user`.

use std::path::PathBuf;

use secrecy::ExposeSecret as _;
use server::admin::{AccountChange, AccountKind, NewUser};

use super::listing::{Column, Shape};
use super::{Context, password};
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::{Output, plain};

const IDENTITIES: &[Column] = &[
    ("ISSUER", "/issuer"),
    ("SUBJECT", "/subject"),
    ("EMAIL", "/email"),
    ("GROUPS", "/groups"),
    ("LAST SEEN", "/lastSeenAt"),
];
const LINK_HELP: &str = "\
The issuer is the address that an OpenID provider's tokens name, or `ldap:` and the id of a directory in the settings.
Example: tidegate admin user link dev --issuer https://id.example.com/realms/corp --subject 7f0c9a";

const PEOPLE: &[Column] = &[
    ("NAME", "/name"),
    ("EMAIL", "/email"),
    ("SUPERUSER", "/superuser"),
    ("READER", "/readerSuperuser"),
    ("DISABLED", "/disabledAt"),
    ("CREATED", "/createdAt"),
];
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Create a person and print the password, once, unless one is given in a file
    #[command(after_help = "Example: tidegate admin user create dev --email dev@example.com")]
    Create {
        /// The name, which is also the namespace of the person's repositories
        name: String,
        /// An address for people to read
        #[arg(long)]
        email: Option<String>,
        /// Open every repository to them
        #[arg(long)]
        superuser: bool,
        /// Let them read everything, and change nothing
        #[arg(long)]
        reader: bool,
        /// Read the password from this file
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        #[command(flatten)]
        flags: Flags,
    },
    /// List the people
    List {
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Change what a person may do everywhere; this ends their sessions and tokens
    #[command(after_help = "Example: tidegate admin user set dev --superuser true")]
    Set {
        /// The person
        name: String,
        /// Whether every repository is open to them
        #[arg(long, value_name = "BOOL")]
        superuser: Option<bool>,
        /// Whether they may read everything, and change nothing
        #[arg(long, value_name = "BOOL")]
        reader: Option<bool>,
        #[command(flatten)]
        flags: Flags,
    },
    /// Disable a person with their robots, tokens and sessions
    Disable {
        /// The person
        name: String,
        #[command(flatten)]
        flags: Flags,
    },
    /// Enable a person again
    Enable {
        /// The person
        name: String,
        #[command(flatten)]
        flags: Flags,
    },
    /// List who a person is elsewhere
    #[command(after_help = "Example: tidegate admin user identities dev")]
    Identities {
        /// The person
        name: String,
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Let a person sign in with an identity of a provider
    #[command(after_help = LINK_HELP)]
    Link {
        /// The person
        name: String,
        #[command(flatten)]
        identity: Identity,
        #[command(flatten)]
        flags: Flags,
    },
    /// Take an identity from a person; this ends their sessions and tokens
    #[command(
        after_help = "Example: tidegate admin user unlink dev --issuer ldap:corp --subject 7f0c9a"
    )]
    Unlink {
        /// The person
        name: String,
        #[command(flatten)]
        identity: Identity,
        #[command(flatten)]
        flags: Flags,
    },
    /// Delete a person with their robots and tokens; their repositories must be gone
    Delete {
        /// The person
        name: String,
        #[command(flatten)]
        flags: Flags,
    },
}

// No documentation comment: it would become that of the commands.
#[derive(Debug, clap::Args)]
pub(super) struct Identity {
    /// The provider: an OpenID issuer's address, or `ldap:` and a directory's id
    #[arg(long)]
    issuer: String,
    /// Who, in the provider's words
    #[arg(long)]
    subject: String,
}

flags_of!(
    Create, List, Set, Disable, Enable, Identities, Link, Unlink, Delete
);

pub(super) async fn perform(
    command: &Command,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (admin, now) = (context.admin, context.now);
    match command {
        Command::Create {
            name,
            email,
            superuser,
            reader,
            password_file,
            ..
        } => {
            let password = match password_file {
                Some(file) => Some(password::given(Some(file), context.config)?),
                None => None,
            };
            let new = NewUser {
                name,
                email: email.as_deref(),
                password,
                superuser: *superuser,
                reader_superuser: *reader,
            };
            let drawn = admin.create_user(new, now).await.map_err(Failure::new)?;
            match drawn {
                Some(password) => {
                    output.note(&format!(
                        "user {name} created; the password is shown this once"
                    ));
                    output.data(&format!("{}\n", password.expose_secret()))?;
                }
                None => output.say(&format!("user {} created", plain(name))),
            }
        }
        Command::List { shape, .. } => {
            let people = admin.users().await;
            shape.list(&people.map_err(Failure::new)?, PEOPLE, output)?;
        }
        Command::Set {
            name,
            superuser,
            reader,
            ..
        } => {
            let change = AccountChange {
                email: None,
                superuser: *superuser,
                reader_superuser: *reader,
            };
            let changed = admin.change_user(name, &change, now).await;
            changed.map_err(Failure::new)?;
            output.say(&format!("user {} changed", plain(name)));
        }
        Command::Disable { name, .. } => {
            admin.disable_user(name, now).await.map_err(Failure::new)?;
            output.say(&format!("user {} disabled", plain(name)));
        }
        Command::Enable { name, .. } => {
            admin.enable_user(name, now).await.map_err(Failure::new)?;
            output.say(&format!("user {} enabled", plain(name)));
        }
        Command::Identities { name, shape, .. } => {
            let identities = admin.identities(name).await;
            shape.list(&identities.map_err(Failure::new)?, IDENTITIES, output)?;
        }
        Command::Link { name, identity, .. } => {
            let Identity { issuer, subject } = identity;
            let linked = admin.link_identity(name, issuer, subject, now).await;
            linked.map_err(Failure::new)?;
            if !context.config.sign_in.has_issuer(issuer) {
                output.warning(
                    "the settings name no source of this issuer, nobody comes from it yet",
                );
            }
            output.say(&format!(
                "{} signs in as {} of {}",
                plain(name),
                plain(subject),
                plain(issuer)
            ));
        }
        Command::Unlink { name, identity, .. } => {
            let Identity { issuer, subject } = identity;
            let unlinked = admin.unlink_identity(name, issuer, subject, now).await;
            unlinked.map_err(Failure::new)?;
            output.say(&format!(
                "{} does not sign in as {} of {}",
                plain(name),
                plain(subject),
                plain(issuer)
            ));
        }
        Command::Delete { name, .. } => {
            let deleted = admin.delete_account(AccountKind::User, name, now).await;
            deleted.map_err(Failure::new)?;
            output.say(&format!("user {} deleted", plain(name)));
        }
    }
    Ok(())
}

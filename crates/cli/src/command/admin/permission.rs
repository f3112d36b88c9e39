//! `tidegate admin permission`.

use server::admin::{RepositoryPattern, Role, Visibility};

use super::Context;
use super::listing::{Column, Shape};
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::{Output, plain};

const ROLES: &[Column] = &[
    ("SUBJECT", "/subject/name"),
    ("KIND", "/subject/kind"),
    ("ROLE", "/role"),
];
const GRANTS: &[Column] = &[
    ("PATTERN", "/pattern"),
    ("SUBJECT", "/subject/name"),
    ("KIND", "/subject/kind"),
    ("ROLE", "/role"),
    ("BY", "/grantedBy"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Give a role on a repository, or on every repository that a pattern matches
    #[command(
        after_help = "Example: tidegate admin permission grant 'acme/web-*' acme/backend --role write"
    )]
    Grant {
        /// A repository, or a pattern: `*` is any text within a component, `**` any text
        target: RepositoryPattern,
        /// A person, a robot `owner+name` or a team `organisation/team`
        subject: String,
        /// `read`, `write` or `admin`
        #[arg(long, value_name = "ROLE")]
        role: Role,
        #[command(flatten)]
        flags: Flags,
    },
    /// Take a role away; this ends the subject's sessions and tokens
    Revoke {
        /// The repository or pattern
        target: RepositoryPattern,
        /// A person, a robot `owner+name` or a team `organisation/team`
        subject: String,
        #[command(flatten)]
        flags: Flags,
    },
    /// List the roles on a repository
    List {
        /// The repository
        repository: RepositoryPattern,
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// List the roles on a namespace's patterns
    Patterns {
        /// A person's or an organisation's name; `*` for patterns that begin with a wildcard
        namespace: String,
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Open a repository to everybody, or close it
    #[command(after_help = "Example: tidegate admin permission visibility acme/web public")]
    Visibility {
        /// The repository
        repository: RepositoryPattern,
        /// `private` or `public`
        visibility: Visibility,
        #[command(flatten)]
        flags: Flags,
    },
}

flags_of!(Grant, Revoke, List, Patterns, Visibility);

pub(super) async fn perform(
    command: &Command,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (admin, now) = (context.admin, context.now);
    match command {
        Command::Grant {
            target,
            subject,
            role,
            ..
        } => {
            let granted = admin.grant(target, subject, *role, now).await;
            granted.map_err(Failure::new)?;
            output.say(&format!("{} has {role} on {target}", plain(subject)));
        }
        Command::Revoke {
            target, subject, ..
        } => {
            let revoked = admin.revoke(target, subject, now).await;
            revoked.map_err(Failure::new)?;
            output.say(&format!("{} has no role on {target}", plain(subject)));
        }
        Command::List {
            repository, shape, ..
        } => {
            let listed = admin.permissions(repository).await;
            let (visibility, permissions) = listed.map_err(Failure::new)?;
            output.note(&format!("{repository} is {}", visibility.as_str()));
            shape.list(&permissions, ROLES, output)?;
        }
        Command::Patterns {
            namespace, shape, ..
        } => {
            let listed = admin.pattern_permissions(namespace).await;
            shape.list(&listed.map_err(Failure::new)?, GRANTS, output)?;
        }
        Command::Visibility {
            repository,
            visibility,
            ..
        } => {
            let set = admin.set_visibility(repository, *visibility, now).await;
            set.map_err(Failure::new)?;
            output.say(&format!("{repository} is {}", visibility.as_str()));
        }
    }
    Ok(())
}

//! `tidegate admin org`.

use server::admin::AccountKind;

use super::Context;
use super::listing::{Column, Shape};
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::{Output, plain};

const ORGANISATIONS: &[Column] = &[
    ("NAME", "/name"),
    ("EMAIL", "/email"),
    ("CREATED", "/createdAt"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Create an organisation with its team `owners`
    #[command(after_help = "Example: tidegate admin org create acme --owner dev")]
    Create {
        /// The name, which is also the namespace of its repositories
        name: String,
        /// The first member of the team `owners`
        #[arg(long, value_name = "USER")]
        owner: Option<String>,
        #[command(flatten)]
        flags: Flags,
    },
    /// List the organisations
    List {
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Delete an organisation with its teams and robots; its repositories must be gone
    Delete {
        /// The organisation
        name: String,
        #[command(flatten)]
        flags: Flags,
    },
}

flags_of!(Create, List, Delete);

pub(super) async fn perform(
    command: &Command,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (admin, now) = (context.admin, context.now);
    match command {
        Command::Create { name, owner, .. } => {
            let created = admin.create_organization(name, owner.as_deref(), now).await;
            created.map_err(Failure::new)?;
            output.say(&format!("organisation {} created", plain(name)));
        }
        Command::List { shape, .. } => {
            let listed = admin.organizations().await;
            shape.list(&listed.map_err(Failure::new)?, ORGANISATIONS, output)?;
        }
        Command::Delete { name, .. } => {
            let kind = AccountKind::Organization;
            let deleted = admin.delete_account(kind, name, now).await;
            deleted.map_err(Failure::new)?;
            output.say(&format!("organisation {} deleted", plain(name)));
        }
    }
    Ok(())
}

//! `tidegate admin token`.

use secrecy::ExposeSecret as _;

use super::Context;
use super::listing::{Column, Shape};
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::{Output, plain};

const SECRETS: &[Column] = &[
    ("ID", "/id"),
    ("LABEL", "/label"),
    ("SCOPES", "/scopes"),
    ("EXPIRES", "/expiresAt"),
    ("USED", "/lastUsedAt"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a token of a person and print it, once
    #[command(
        after_help = "Example: tidegate admin token create dev --label ci --scope 'repository:acme/web-*:pull'"
    )]
    Create {
        /// The person
        user: String,
        /// What it is called in lists
        #[arg(long)]
        label: String,
        /// What it is narrowed to; without one it does what the person may
        #[arg(long, value_name = "SCOPE")]
        scope: Vec<String>,
        /// For how many days it is good
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(i64).range(1..=366))]
        days: i64,
        #[command(flatten)]
        flags: Flags,
    },
    /// List the tokens of a person, or the secrets of a robot
    List {
        /// The person, or the robot: `owner+name`
        name: String,
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Revoke a token or a robot's secret; it is worthless at once
    Revoke {
        /// The person, or the robot: `owner+name`
        name: String,
        /// The id that the list shows
        id: String,
        #[command(flatten)]
        flags: Flags,
    },
}

flags_of!(Create, List, Revoke);

pub(super) async fn perform(
    command: &Command,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (admin, now) = (context.admin, context.now);
    match command {
        Command::Create {
            user,
            label,
            scope,
            days,
            ..
        } => {
            let made = admin.create_token(user, label, scope, *days, now).await;
            let token = made.map_err(Failure::new)?;
            output.note(&format!(
                "token of {} made; it is shown this once",
                plain(user)
            ));
            output.data(&format!("{}\n", token.expose_secret()))?;
        }
        Command::List { name, shape, .. } => {
            let credentials = admin.credentials(name).await;
            shape.list(&credentials.map_err(Failure::new)?, SECRETS, output)?;
        }
        Command::Revoke { name, id, .. } => {
            let revoked = admin.revoke_credential(name, id, now).await;
            revoked.map_err(Failure::new)?;
            output.say(&format!("{} is revoked", plain(id)));
        }
    }
    Ok(())
}

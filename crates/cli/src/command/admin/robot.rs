//! `tidegate admin robot`.

use oci::RepositoryName;
use secrecy::ExposeSecret as _;
use server::admin::Role;

use super::Context;
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::{Output, plain};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Create a robot with a role on repositories and print its token, once
    #[command(
        after_help = "Example: tidegate admin robot create ci --repository payments/api --role write"
    )]
    Create {
        /// The robot's name; its full name is `owner+name`
        name: String,

        /// A repository it may use; it is created when it does not exist
        #[arg(long, required = true, value_name = "NAME")]
        repository: Vec<RepositoryName>,

        /// What it may do there: `read`, `write` or `admin`
        #[arg(long, default_value = "write", value_name = "ROLE")]
        role: Role,

        /// The account that owns it
        #[arg(long, default_value = "admin", value_name = "ACCOUNT")]
        owner: String,

        #[command(flatten)]
        flags: Flags,
    },
    /// List the robots
    List {
        #[command(flatten)]
        flags: Flags,
    },
    /// Delete a robot; its token is worthless at once
    Delete {
        /// The full name, `owner+name`
        name: String,

        #[command(flatten)]
        flags: Flags,
    },
}

impl Command {
    pub(super) fn flags(&self) -> &Flags {
        match self {
            Self::Create { flags, .. } | Self::List { flags } | Self::Delete { flags, .. } => flags,
        }
    }
}

pub(super) async fn perform(
    command: &Command,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (admin, now) = (context.admin, context.now);
    match command {
        Command::Create {
            name,
            repository,
            role,
            owner,
            ..
        } => {
            let robot = admin
                .create_robot(owner, name, repository, *role, now)
                .await
                .map_err(Failure::new)?;
            output.note(&format!(
                "robot {} created; its token is shown this once",
                robot.name
            ));
            output.data(&format!("{}\n", robot.token.expose_secret()))?;
        }
        Command::List { .. } => {
            for robot in admin.robots().await.map_err(Failure::new)? {
                let state = if robot.disabled {
                    "disabled"
                } else {
                    "enabled"
                };
                output.data(&format!(
                    "{}  {state}  created {}\n",
                    robot.name, robot.created_at
                ))?;
            }
        }
        Command::Delete { name, .. } => {
            admin.delete_robot(name, now).await.map_err(Failure::new)?;
            output.say(&format!("robot {} deleted", plain(name)));
        }
    }
    Ok(())
}

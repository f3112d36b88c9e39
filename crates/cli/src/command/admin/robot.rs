//! `tidegate admin robot`.

use oci::RepositoryName;
use secrecy::ExposeSecret as _;
use server::admin::{RobotChange, Role};

use super::Context;
use super::listing::{Column, Shape};
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::{Output, plain};

const ROBOTS: &[Column] = &[
    ("ROBOT", "/name"),
    ("DISABLED", "/disabled"),
    ("EXPIRES", "/expiresAt"),
    ("CREATED", "/createdAt"),
    ("DESCRIPTION", "/description"),
];

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
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Make another secret of a robot and print it, once; `token revoke` ends the old one
    Secret {
        /// The full name, `owner+name`
        name: String,

        /// What it is called in lists
        #[arg(long)]
        label: String,

        #[command(flatten)]
        flags: Flags,
    },
    /// Disable a robot; its tokens are worthless at once
    Disable {
        /// The full name, `owner+name`
        name: String,

        #[command(flatten)]
        flags: Flags,
    },
    /// Enable a robot again
    Enable {
        /// The full name, `owner+name`
        name: String,

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

flags_of!(Create, List, Secret, Disable, Enable, Delete);

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
        Command::List { shape, .. } => {
            let robots = admin.robots().await;
            shape.list(&robots.map_err(Failure::new)?, ROBOTS, output)?;
        }
        Command::Secret { name, label, .. } => {
            let made = admin.add_robot_secret(name, label, now).await;
            let secret = made.map_err(Failure::new)?;
            output.note(&format!(
                "secret of {} made; it is shown this once",
                plain(name)
            ));
            output.data(&format!("{}\n", secret.expose_secret()))?;
        }
        Command::Disable { name, .. } => {
            switch(context, name, true).await?;
            output.say(&format!("robot {} disabled", plain(name)));
        }
        Command::Enable { name, .. } => {
            switch(context, name, false).await?;
            output.say(&format!("robot {} enabled", plain(name)));
        }
        Command::Delete { name, .. } => {
            admin.delete_robot(name, now).await.map_err(Failure::new)?;
            output.say(&format!("robot {} deleted", plain(name)));
        }
    }
    Ok(())
}

async fn switch(context: &Context<'_>, name: &str, disabled: bool) -> Result<(), Failure> {
    let change = RobotChange {
        disabled: Some(disabled),
        ..RobotChange::default()
    };
    let changed = context.admin.change_robot(name, &change, context.now).await;
    changed.map_err(Failure::new)
}

//! `tidegate admin`: people and robots, on the machine that has the database.

use std::path::PathBuf;

use anyhow::Context as _;
use jiff::Timestamp;
use oci::RepositoryName;
use secrecy::{ExposeSecret as _, SecretString};
use server::admin::{Admin, Role};

use crate::command::config::refused;
use crate::config::{Environment, Flags, ServeConfig};
use crate::exit::{Exit, Failure};
use crate::output::{Output, plain};

/// Manage people and robots, with direct access to the database
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Set the password of an account; it is read from TIDEGATE_ADMIN_PASSWORD or a file
    #[command(after_help = "Example: tidegate admin password --password-file new-password.txt")]
    Password {
        /// The account
        #[arg(default_value = "admin")]
        account: String,

        /// Read the password from this file
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,

        #[command(flatten)]
        flags: Flags,
    },
    /// Manage robots: credentials for programs
    #[command(subcommand)]
    Robot(Robot),
}

#[derive(Debug, clap::Subcommand)]
enum Robot {
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

/// Runs one of the administrative commands.
pub(crate) fn run(args: &Args, now: Timestamp, output: &mut Output) -> Result<Exit, Failure> {
    let flags = match &args.command {
        Command::Password { flags, .. }
        | Command::Robot(
            Robot::Create { flags, .. } | Robot::List { flags } | Robot::Delete { flags, .. },
        ) => flags,
    };
    let environment: Environment = std::env::vars_os().collect();
    let config = ServeConfig::load(flags, &environment).map_err(refused)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let admin = Admin::open(&config.database).await.map_err(Failure::new)?;
        let outcome = perform(&args.command, &admin, &config, now, output).await;
        admin.close().await;
        outcome
    })
}

async fn perform(
    command: &Command,
    admin: &Admin,
    config: &ServeConfig,
    now: Timestamp,
    output: &mut Output,
) -> Result<Exit, Failure> {
    match command {
        Command::Password {
            account,
            password_file,
            ..
        } => {
            let password = new_password(password_file.as_ref(), config)?;
            admin
                .set_password(account, &password, now)
                .await
                .map_err(Failure::new)?;
            output.say(&format!(
                "the password of `{}` is set, its sessions and tokens ended",
                plain(account)
            ));
        }
        Command::Robot(Robot::Create {
            name,
            repository,
            role,
            owner,
            ..
        }) => {
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
        Command::Robot(Robot::List { .. }) => {
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
        Command::Robot(Robot::Delete { name, .. }) => {
            admin.delete_robot(name, now).await.map_err(Failure::new)?;
            output.say(&format!("robot {} deleted", plain(name)));
        }
    }
    Ok(Exit::Pass)
}

/// A password is never an argument: process lists show those.
fn new_password(file: Option<&PathBuf>, config: &ServeConfig) -> Result<SecretString, Failure> {
    let password = match file {
        Some(path) => {
            let text = fs_err::read_to_string(path).context("cannot read the password")?;
            Some(SecretString::from(
                text.trim_end_matches(['\r', '\n']).to_owned(),
            ))
        }
        None => config.admin_password.clone(),
    };
    password.filter(|password| !password.expose_secret().is_empty()).ok_or_else(|| {
        Failure::usage(anyhow::anyhow!("there is no password to set"))
            .with_hint("Write it to a file and name that with --password-file, or set TIDEGATE_ADMIN_PASSWORD.")
    })
}

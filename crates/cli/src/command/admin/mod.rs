//! `tidegate admin`: the registry's administration, on the machine that has the database.
//!
//! Adding a command: a file with its arguments and what it does, and a line in [`Command`], [`Command::flags`] and
//! [`perform`].

mod audit;
mod fsck;
mod mirror;
mod org;
mod password;
mod permission;
mod robot;
mod sparse;
mod team;
mod token;
mod upstream;
mod user;

use anyhow::Context as _;
use jiff::Timestamp;
use server::admin::Admin;

use crate::command::config::refused;
use crate::config::{Environment, Flags, ServeConfig};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Manage people and robots, with direct access to the database
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Read the audit trail
    #[command(subcommand)]
    Audit(audit::Command),
    /// Check everything that is stored: rows against rows, and rows against objects
    #[command(after_help = fsck::HELP)]
    Fsck(fsck::Args),
    /// Manage mirrors: repositories copied from an upstream by a plan
    #[command(subcommand)]
    Mirror(mirror::Command),
    /// Manage organisations: namespaces that belong to teams
    #[command(subcommand)]
    Org(org::Command),
    /// Manage roles on repositories and patterns of them
    #[command(subcommand)]
    Permission(permission::Command),
    /// Set the password of an account; it is read from TIDEGATE_ADMIN_PASSWORD or a file
    #[command(after_help = "Example: tidegate admin password --password-file new-password.txt")]
    Password(password::Args),
    /// Manage robots: credentials for programs
    #[command(subcommand)]
    Robot(robot::Command),
    /// Set what the manifests of a repository may leave out
    #[command(after_help = "Example: tidegate admin sparse mirrors/debian all")]
    Sparse(sparse::Args),
    /// Manage teams and their members
    #[command(subcommand)]
    Team(team::Command),
    /// Manage the tokens of people and the secrets of robots
    #[command(subcommand)]
    Token(token::Command),
    /// Manage other registries: sources of mirrors, and caches of them
    #[command(subcommand)]
    Upstream(upstream::Command),
    /// Manage people
    #[command(subcommand)]
    User(user::Command),
}

impl Command {
    fn flags(&self) -> &Flags {
        match self {
            Self::Audit(command) => command.flags(),
            Self::Fsck(args) => &args.flags,
            Self::Password(args) => &args.flags,
            Self::Robot(command) => command.flags(),
            Self::Mirror(command) => command.flags(),
            Self::Org(command) => command.flags(),
            Self::Permission(command) => command.flags(),
            Self::Sparse(args) => &args.flags,
            Self::Team(command) => command.flags(),
            Self::Token(command) => command.flags(),
            Self::Upstream(command) => command.flags(),
            Self::User(command) => command.flags(),
        }
    }
}

/// Runs one of the administrative commands.
pub(crate) fn run(args: &Args, now: Timestamp, output: &mut Output) -> Result<Exit, Failure> {
    let environment: Environment = std::env::vars_os().collect();
    let config = ServeConfig::load(args.command.flags(), &environment).map_err(refused)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let admin = Admin::open(&config.database).await.map_err(Failure::new)?;
        let context = Context {
            admin: &admin,
            config: &config,
            now,
        };
        let outcome = perform(&args.command, &context, output).await;
        admin.close().await;
        outcome
    })
}

/// What every command works with.
struct Context<'a> {
    admin: &'a Admin,
    config: &'a ServeConfig,
    now: Timestamp,
}

async fn perform(
    command: &Command,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<Exit, Failure> {
    match command {
        Command::Audit(command) => audit::perform(command, context, output).await?,
        Command::Fsck(args) => return fsck::perform(args, context, output).await,
        Command::Password(args) => password::perform(args, context, output).await?,
        Command::Mirror(command) => mirror::perform(command, context, output).await?,
        Command::Org(command) => org::perform(command, context, output).await?,
        Command::Permission(command) => permission::perform(command, context, output).await?,
        Command::Robot(command) => robot::perform(command, context, output).await?,
        Command::Team(command) => team::perform(command, context, output).await?,
        Command::Token(command) => token::perform(command, context, output).await?,
        Command::Upstream(command) => upstream::perform(command, context, output).await?,
        Command::User(command) => user::perform(command, context, output).await?,
        Command::Sparse(args) => sparse::perform(args, context, output).await?,
    }
    Ok(Exit::Pass)
}

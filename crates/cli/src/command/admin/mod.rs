//! `tidegate admin`: the registry's administration, on the machine that has the database.
//!
//! Adding a command: a file with its arguments and what it does, and a line in [`Command`], [`Command::flags`] and
//! [`perform`]; adding one below it, its name in the file's `flags_of!`.

/// Says where the flags of the commands of a file are: in their field `flags`, or in the arguments that they hold.
macro_rules! flags_of {
    ($($plain:ident),+ $(; $held:ident)*) => {
        impl Command {
            pub(super) fn flags(&self) -> &Flags {
                match self {
                    $(Self::$plain { flags, .. })|+ => flags,
                    $(Self::$held(arguments) => &arguments.flags,)*
                }
            }
        }
    };
}

mod audit;
mod fsck;
mod gc;
mod immutability;
mod jobs;
mod listing;
mod mirror;
mod org;
mod password;
mod permission;
mod quota;
mod repository;
mod retention;
mod robot;
mod schedule;
mod sparse;
mod tag;
mod team;
mod token;
mod upstream;
mod user;
mod webhook;

use anyhow::Context as _;
use jiff::Timestamp;
use server::admin::{Admin, AdminError};

use crate::command::config::refused;
use crate::config::{Environment, Flags, ServeConfig};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Administer the registry, with direct access to the database
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
    /// Watch and steer collection
    #[command(subcommand)]
    Gc(gc::Command),
    /// Manage the rules about tags that neither move nor end
    #[command(subcommand)]
    Immutability(immutability::Command),
    /// Watch background jobs, and try dead ones again
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// Manage mirrors: repositories copied from an upstream by a plan
    #[command(subcommand)]
    Mirror(mirror::Command),
    /// Manage organisations: namespaces that belong to teams
    #[command(subcommand)]
    Org(org::Command),
    /// Set the password of an account; it is read from TIDEGATE_ADMIN_PASSWORD or a file
    #[command(after_help = "Example: tidegate admin password --password-file new-password.txt")]
    Password(password::Args),
    /// Manage roles on repositories and patterns of them
    #[command(subcommand)]
    Permission(permission::Command),
    /// Manage how much may be used
    #[command(subcommand)]
    Quota(quota::Command),
    /// Manage repositories
    #[command(subcommand)]
    Repository(repository::Command),
    /// Manage which tags end because newer ones came
    #[command(subcommand)]
    Retention(retention::Command),
    /// Manage robots: credentials for programs
    #[command(subcommand)]
    Robot(robot::Command),
    /// Watch recurring work
    #[command(subcommand)]
    Schedule(schedule::Command),
    /// Set what the manifests of a repository may leave out
    #[command(after_help = "Example: tidegate admin sparse mirrors/debian all")]
    Sparse(sparse::Args),
    /// Manage tags: their history, their end and the way back
    #[command(subcommand)]
    Tag(tag::Command),
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
    /// Manage webhooks, and what has become of what they were told
    #[command(subcommand)]
    Webhook(webhook::Command),
}

impl Command {
    fn flags(&self) -> &Flags {
        match self {
            Self::Audit(command) => command.flags(),
            Self::Fsck(args) => &args.flags,
            Self::Gc(command) => command.flags(),
            Self::Immutability(command) => command.flags(),
            Self::Jobs(command) => command.flags(),
            Self::Mirror(command) => command.flags(),
            Self::Org(command) => command.flags(),
            Self::Password(args) => &args.flags,
            Self::Permission(command) => command.flags(),
            Self::Quota(command) => command.flags(),
            Self::Repository(command) => command.flags(),
            Self::Retention(command) => command.flags(),
            Self::Robot(command) => command.flags(),
            Self::Schedule(command) => command.flags(),
            Self::Sparse(args) => &args.flags,
            Self::Tag(command) => command.flags(),
            Self::Team(command) => command.flags(),
            Self::Token(command) => command.flags(),
            Self::Upstream(command) => command.flags(),
            Self::User(command) => command.flags(),
            Self::Webhook(command) => command.flags(),
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
        let admin = Admin::open(&config.database).await.map_err(unopened)?;
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

fn unopened(error: AdminError) -> Failure {
    let is_missing = matches!(error, AdminError::Catalog(_));
    let failure = Failure::new(error);
    if is_missing {
        failure.with_hint("Name the folder or the database of the registry with --data or --database; the first `tidegate serve` makes a new one.")
    } else {
        failure
    }
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
        Command::Gc(command) => gc::perform(command, context, output).await?,
        Command::Immutability(command) => immutability::perform(command, context, output).await?,
        Command::Jobs(command) => jobs::perform(command, context, output).await?,
        Command::Mirror(command) => mirror::perform(command, context, output).await?,
        Command::Org(command) => org::perform(command, context, output).await?,
        Command::Password(args) => password::perform(args, context, output).await?,
        Command::Permission(command) => permission::perform(command, context, output).await?,
        Command::Quota(command) => quota::perform(command, context, output).await?,
        Command::Repository(command) => repository::perform(command, context, output).await?,
        Command::Retention(command) => retention::perform(command, context, output).await?,
        Command::Robot(command) => robot::perform(command, context, output).await?,
        Command::Schedule(command) => schedule::perform(command, context, output).await?,
        Command::Sparse(args) => sparse::perform(args, context, output).await?,
        Command::Tag(command) => tag::perform(command, context, output).await?,
        Command::Team(command) => team::perform(command, context, output).await?,
        Command::Token(command) => token::perform(command, context, output).await?,
        Command::Upstream(command) => upstream::perform(command, context, output).await?,
        Command::User(command) => user::perform(command, context, output).await?,
        Command::Webhook(command) => webhook::perform(command, context, output).await?,
    }
    Ok(Exit::Pass)
}

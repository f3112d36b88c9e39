//! The `tidegate` program: offline commands, and the service.
//!
//! This file reads the command line, runs one command and turns its outcome into an exit code. Each command is a module
//! with `Args` and `run`; none of them prints, exits or reads the clock by itself: [`output`] prints, [`exit`] names the
//! codes, [`clock`] is read once here.
//!
//! Adding a command: a module under `command/`, a variant of [`Command`], an arm in [`run`]. The reference pages in
//! `docs/reference` follow from the definitions; `UPDATE=1 cargo test -p tidegate` rewrites them.

mod clock;
mod command;
mod config;
mod exit;
mod output;
#[cfg(test)]
mod reference;
mod scan;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::exit::{Exit, Failure};
use crate::output::{ColorWhen, Output};

/// A server lives for months and works in bursts. The system's allocator keeps what a burst took (71 MiB resident after
/// three pushes of a Debian image, 22 MiB before); jemalloc's background threads give it back. Other systems keep theirs.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Secure container registry, vulnerability scanner and policy gate.
#[derive(Debug, Parser)]
#[command(
    name = "tidegate",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
#[command(
    after_help = "Exit codes: 0 pass, 1 could not evaluate, 2 policy or threshold failed, 3 pending, \
                        4 authentication or authorisation, 64 usage."
)]
struct Cli {
    /// Show only what is essential: no progress, no hints, a summary instead of a table
    #[arg(long, short, global = true, display_order = 900)]
    quiet: bool,

    /// When to use colour; `auto` asks the terminal, NO_COLOR and CLICOLOR
    #[arg(
        long,
        value_enum,
        default_value_t,
        global = true,
        value_name = "WHEN",
        display_order = 901
    )]
    color: ColorWhen,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<command::serve::Args>),
    Scan(Box<scan::Args>),
    Advisories(command::advisories::Args),
    Policy(command::policy::Args),
    Admin(Box<command::admin::Args>),
    Migrate(Box<command::migrate::Args>),
    Config(Box<command::config::Args>),
    Completion(command::completion::Args),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return output::show_usage(&error).into(),
    };
    let mut output = Output::new(cli.color, cli.quiet);
    let exit = match run(cli.command, &mut output) {
        Ok(exit) => exit,
        Err(failure) => {
            output.failure(&failure);
            failure.exit
        }
    };
    exit.into()
}

fn run(command: Command, output: &mut Output) -> Result<Exit, Failure> {
    let now = clock::now();
    match command {
        Command::Serve(args) => command::serve::run(&args, output),
        Command::Scan(args) => scan::run(&args, now, output),
        Command::Advisories(args) => command::advisories::run(&args, now, output),
        Command::Policy(args) => command::policy::run(&args, output),
        Command::Admin(args) => command::admin::run(&args, now, output),
        Command::Migrate(args) => command::migrate::run(&args, now, output),
        Command::Config(args) => command::config::run(&args, output),
        Command::Completion(args) => command::completion::run(&args, output),
    }
}

//! `tidegate completion`: scripts for shells, made from the command definitions.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: tidegate completion bash > ~/.local/share/bash-completion/completions/tidegate"
)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(args: &Args, output: &mut Output) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        args.shell,
        &mut crate::Cli::command(),
        "tidegate",
        &mut script,
    );
    output.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Pass)
}

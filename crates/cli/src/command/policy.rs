//! `tidegate policy`: policy files before they decide anything.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use gate::Policy;

use crate::exit::{Exit, Failure};
use crate::output::{Output, plain};

/// Check policy files and list what they can demand
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check that a policy file means one clear thing
    #[command(after_help = "Example: tidegate policy check production.yaml")]
    Check {
        /// The policy file (YAML or JSON)
        file: PathBuf,
    },
    /// List the conditions a rule can use, with their parameters
    Conditions,
}

/// Runs one of the policy commands.
pub(crate) fn run(args: &Args, output: &mut Output) -> Result<Exit, Failure> {
    match &args.command {
        Command::Check { file } => check(file, output),
        Command::Conditions => conditions(output),
    }
}

/// Reads and checks a policy file.
///
/// # Errors
/// A file that cannot be read could not be evaluated; one that is no policy is a usage error with line and column.
pub(crate) fn read(file: &Path) -> Result<Policy, Failure> {
    let text = fs_err::read_to_string(file).context("cannot read the policy")?;
    Policy::parse(&text).map_err(|error| {
        Failure::usage(
            anyhow::Error::new(error)
                .context(format!("the policy `{}` is refused", file.display())),
        )
        .with_hint("`tidegate policy conditions` lists what a rule can demand.")
    })
}

fn check(file: &Path, output: &mut Output) -> Result<Exit, Failure> {
    let policy = read(file)?;
    output.data(&format!(
        "policy {}: {} rules, mode {}, {}\n",
        plain(policy.name()),
        policy.rule_count(),
        policy.mode().as_str(),
        policy.sha256().short(),
    ))?;
    Ok(Exit::Pass)
}

fn conditions(output: &mut Output) -> Result<Exit, Failure> {
    let mut text = String::new();
    for condition in gate::conditions() {
        list(condition, &mut text).expect("writing to a string cannot fail");
    }
    output.data(&text)?;
    Ok(Exit::Pass)
}

fn list(condition: &gate::ConditionInfo, text: &mut String) -> std::fmt::Result {
    writeln!(text, "{}  {}", condition.name, condition.summary)?;
    for parameter in condition.parameters {
        writeln!(text, "    {}: {}", parameter.name, parameter.summary)?;
    }
    writeln!(text, "    example: {}\n", condition.example)
}

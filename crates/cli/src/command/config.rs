//! `tidegate config`: the service's settings before it starts.

use crate::config::{ConfigError, Environment, Flags, ServeConfig, Settings, concealed};
use crate::exit::{Exit, Failure};
use crate::output::{Output, columns, plain};

/// Check and show the configuration of the service
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check the file, the environment and the values
    #[command(after_help = "Example: tidegate config check --config /etc/tidegate/config.toml")]
    Check {
        #[command(flatten)]
        flags: Flags,
    },
    /// Print every setting
    #[command(after_help = "Example: tidegate config show --origin")]
    Show {
        /// Print where each value comes from instead of what it means
        #[arg(long)]
        origin: bool,

        #[command(flatten)]
        flags: Flags,
    },
}

/// Runs one of the configuration commands.
pub(crate) fn run(args: &Args, output: &mut Output) -> Result<Exit, Failure> {
    let environment: Environment = std::env::vars_os().collect();
    match &args.command {
        Command::Check { flags } => check(flags, &environment, output),
        Command::Show { origin, flags } => show(flags, &environment, *origin, output),
    }
}

/// Turns a refused configuration into a usage error with its hint.
pub(crate) fn refused(error: ConfigError) -> Failure {
    let hint = error.hint();
    Failure::usage(error).with_hint(hint)
}

fn check(flags: &Flags, environment: &Environment, output: &mut Output) -> Result<Exit, Failure> {
    ServeConfig::load(flags, environment).map_err(refused)?;
    output.data("the configuration is valid\n")?;
    Ok(Exit::Pass)
}

fn show(
    flags: &Flags,
    environment: &Environment,
    with_origin: bool,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let settings = Settings::collect(flags, environment).map_err(refused)?;
    let last = if with_origin { "ORIGIN" } else { "MEANING" };
    let mut table = columns(&["SETTING", "VALUE", last], u16::MAX);
    for (setting, value, origin) in settings.rows() {
        let value = match value {
            Some(value) => concealed(setting.name, value),
            None => format!("({})", setting.otherwise),
        };
        let last = if with_origin {
            origin.to_string()
        } else {
            setting.meaning.to_owned()
        };
        table.add_row([setting.name, plain(&value).as_ref(), plain(&last).as_ref()]);
    }
    output.data(&format!("{}\n", table.trim_fmt()))?;
    Ok(Exit::Pass)
}

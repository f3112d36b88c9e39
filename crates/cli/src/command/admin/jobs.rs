//! `tidegate admin jobs`: what waits, what runs, and what died and may be tried again.

use server::admin::JobState;

use super::Context;
use super::listing::{Column, Shape};
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::Output;

const JOBS: &[Column] = &[
    ("ID", "/id"),
    ("KIND", "/kind"),
    ("LANE", "/lane"),
    ("STATE", "/state"),
    ("DUE", "/runAfter"),
    ("ATTEMPTS", "/attempts"),
    ("LAST ERROR", "/lastError"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the jobs in a state, oldest first
    #[command(after_help = "Example: tidegate admin jobs list --state ready")]
    List {
        /// `dead`, `ready`, `running` or `done`
        #[arg(long, default_value = "dead", value_parser = read_state)]
        state: JobState,
        /// Only jobs after this one
        #[arg(long, value_name = "ID", default_value_t = 0)]
        after: i64,
        /// How many at most
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Make a dead job due again; a running server does it
    #[command(after_help = "Example: tidegate admin jobs retry 4711")]
    Retry {
        /// The id that the list shows
        id: i64,
        #[command(flatten)]
        flags: Flags,
    },
}

fn read_state(word: &str) -> Result<JobState, String> {
    JobState::parse(word).ok_or_else(|| "expected dead, ready, running or done".to_owned())
}

flags_of!(List, Retry);

pub(super) async fn perform(
    command: &Command,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let admin = context.admin;
    match command {
        Command::List {
            state,
            after,
            limit,
            shape,
            ..
        } => {
            let jobs = admin.jobs(*state, *after, *limit).await;
            shape.list(&jobs.map_err(Failure::new)?, JOBS, output)?;
        }
        Command::Retry { id, .. } => {
            let retried = admin.retry_job(*id, context.now).await;
            retried.map_err(Failure::new)?;
            output.say(&format!("job {id} is due again"));
        }
    }
    Ok(())
}

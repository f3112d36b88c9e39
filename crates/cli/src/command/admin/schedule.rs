//! `tidegate admin schedule`: recurring work.

use super::Context;
use super::listing::{Column, Shape};
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::Output;

const SCHEDULES: &[Column] = &[
    ("SCHEDULE", "/name"),
    ("CRON", "/cron"),
    ("NEXT", "/nextRun"),
    ("LAST", "/lastRun"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List what recurs, when (cron expressions in UTC), and when it is due next
    #[command(after_help = "Example: tidegate admin schedule list -o json")]
    List {
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
}

flags_of!(List);

pub(super) async fn perform(
    command: &Command,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let Command::List { shape, .. } = command;
    let schedules = context.admin.schedules().await;
    shape.list(&schedules.map_err(Failure::new)?, SCHEDULES, output)
}

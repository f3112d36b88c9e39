//! `tidegate admin gc`: collection, seen and steered. A running server collects; nothing is deleted here.

use server::admin::Steering;

use super::Context;
use super::listing::{Column, Shape};
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::Output;

const FACTS: &[Column] = &[
    ("paused", "/paused"),
    ("rate per second", "/rate"),
    ("waiting", "/queue"),
    ("due since", "/dueSince"),
    ("condemned blobs", "/condemned"),
    ("condemned bytes", "/condemnedBytes"),
    ("objects to delete", "/objects"),
    ("their bytes", "/objectBytes"),
    ("last run", "/runs/0/endedAt"),
    ("last run freed", "/runs/0/freedBytes"),
];

const CAUSES: &[Column] = &[
    ("CAUSE", "/cause"),
    ("QUEUED", "/queued"),
    ("COUNT", "/count"),
    ("BYTES", "/bytes"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show whether collection runs, what waits, and how the last run went
    #[command(after_help = "Example: tidegate admin gc status -o json")]
    Status {
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Show what collection would give back if everything that waits were looked at now; nothing is changed
    #[command(after_help = "Example: tidegate admin gc report -o json")]
    Report {
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Collect now what would wait out its grace; a running server does it
    Run {
        #[command(flatten)]
        flags: Flags,
    },
    /// Let collection rest on every server
    Pause {
        #[command(flatten)]
        flags: Flags,
    },
    /// Let collection go on
    #[command(after_help = "Example: tidegate admin gc resume --rate 500")]
    Resume {
        /// How many entries and objects it looks at in a second, at most
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        rate: Option<u32>,
        #[command(flatten)]
        flags: Flags,
    },
}

flags_of!(Status, Report, Run, Pause, Resume);

pub(super) async fn perform(
    command: &Command,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (admin, now) = (context.admin, context.now);
    match command {
        Command::Status { shape, .. } => {
            let status = admin.collection(now).await.map_err(Failure::new)?;
            shape.one(&status, FACTS, output)?;
        }
        Command::Report { shape, .. } => {
            let report = admin.reclaimable(now).await.map_err(Failure::new)?;
            shape.report(&report, &report.causes, CAUSES, output)?;
            let limit = if report.partial {
                ", and more waits than was looked at"
            } else {
                ""
            };
            output.note(&format!("{} bytes would come back{limit}", report.bytes));
        }
        Command::Run { .. } => {
            let reviews = admin.run_collection(now).await.map_err(Failure::new)?;
            output.say(&format!(
                "a run is queued, {reviews} entries became due for it"
            ));
        }
        Command::Pause { .. } => {
            let steering = Steering {
                paused: Some(true),
                rate: None,
            };
            let steered = admin.steer_collection(&steering, now).await;
            steered.map_err(Failure::new)?;
            output.say("collection rests");
        }
        Command::Resume { rate, .. } => {
            let steering = Steering {
                paused: Some(false),
                rate: *rate,
            };
            let steered = admin.steer_collection(&steering, now).await;
            let steered = steered.map_err(Failure::new)?;
            output.say(&format!(
                "collection goes on, at most {} a second",
                steered.rate
            ));
        }
    }
    Ok(())
}

//! `tidegate admin mirror`.

use oci::RepositoryName;
use server::admin::MirrorFilter;

use super::Context;
use super::listing::{Column, Shape};
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::Output;

const MIRRORS: &[Column] = &[
    ("REPOSITORY", "/repository"),
    ("UPSTREAM", "/upstream"),
    ("SOURCE", "/source"),
    ("CRON", "/cron"),
    ("LAST", "/last/outcome"),
    ("AT", "/last/finishedAt"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a repository a mirror: what is in it comes from an upstream
    #[command(
        after_help = "Example: tidegate admin mirror create mirrors/app --upstream quay --source team/app --tag 'v*' --newest 10 --cron '0 3 * * *'"
    )]
    Create {
        /// The repository here
        repository: RepositoryName,

        /// The upstream's name
        #[arg(long, value_name = "NAME")]
        upstream: String,

        /// The repository there
        #[arg(long, value_name = "NAME")]
        source: String,

        /// Copy tags like this only
        #[arg(long, value_name = "PATTERN")]
        tag: Vec<String>,

        /// Leave tags like this out
        #[arg(long, value_name = "PATTERN")]
        exclude: Vec<String>,

        /// Copy so many only, the highest versions first
        #[arg(long, value_name = "COUNT")]
        newest: Option<u32>,

        /// End tags that the upstream does not have any more
        #[arg(long)]
        prune: bool,

        /// When to run, as a cron expression in UTC; without one, by hand only
        #[arg(long, value_name = "CRON")]
        cron: Option<String>,

        #[command(flatten)]
        flags: Flags,
    },
    /// List the mirrors and how each last went
    List {
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Queue a run; a running server does it
    Run {
        /// The repository
        repository: RepositoryName,

        #[command(flatten)]
        flags: Flags,
    },
    /// End a mirror; its repository stays, with everything in it
    Delete {
        /// The repository
        repository: RepositoryName,

        #[command(flatten)]
        flags: Flags,
    },
}

flags_of!(Create, List, Run, Delete);

pub(super) async fn perform(
    command: &Command,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (admin, now) = (context.admin, context.now);
    match command {
        Command::Create {
            repository,
            upstream,
            source,
            tag,
            exclude,
            newest,
            prune,
            cron,
            ..
        } => {
            let filter = MirrorFilter {
                tags: tag.clone(),
                exclude: exclude.clone(),
                newest: *newest,
                prune: *prune,
            };
            admin
                .create_mirror(
                    repository.clone(),
                    upstream,
                    source,
                    filter,
                    cron.as_deref(),
                    now,
                )
                .await
                .map_err(Failure::new)?;
            output.say(&format!("{repository} is a mirror now"));
        }
        Command::List { shape, .. } => {
            let mirrors = admin.mirrors().await;
            shape.list(&mirrors.map_err(Failure::new)?, MIRRORS, output)?;
        }
        Command::Run { repository, .. } => {
            let queued = admin
                .run_mirror(repository, now)
                .await
                .map_err(Failure::new)?;
            output.say(&if queued {
                format!("a run of {repository} is queued")
            } else {
                format!("a run of {repository} was queued already")
            });
        }
        Command::Delete { repository, .. } => {
            admin
                .delete_mirror(repository, now)
                .await
                .map_err(Failure::new)?;
            output.say(&format!("{repository} is an ordinary repository now"));
        }
    }
    Ok(())
}

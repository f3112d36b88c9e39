//! `tidegate admin tag`: the life of tags.

use jiff::Timestamp;
use oci::{Digest, RepositoryName, Tag};
use server::admin::read_life;

use super::Context;
use super::listing::{Column, Shape};
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::Output;

const TAGS: &[Column] = &[
    ("TAG", "/tag"),
    ("DIGEST", "/digest"),
    ("BYTES", "/sizeBytes"),
    ("PUSHED", "/pushedAt"),
    ("BY", "/pushedBy"),
    ("ENDS", "/expires"),
    ("LOCKED", "/immutable"),
    ("VERDICT", "/verdict"),
];
const SPANS: &[Column] = &[
    ("TAG", "/tag"),
    ("DIGEST", "/digest"),
    ("FROM", "/start"),
    ("TO", "/end"),
    ("BY", "/actor"),
    ("CAUSE", "/cause"),
    ("END", "/endCause"),
    ("LOCKED", "/immutable"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the tags of a repository by name
    #[command(after_help = "Example: tidegate admin tag list acme/web --filter rc --limit 20")]
    List {
        /// The repository
        repository: RepositoryName,
        /// Only tags with this in their name
        #[arg(long, value_name = "TEXT", default_value = "")]
        filter: String,
        /// Only tags after this one
        #[arg(long, value_name = "TAG")]
        after: Option<Tag>,
        /// How many at most
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Show what a tag pointed at, or every tag of a repository, latest first
    #[command(after_help = "Example: tidegate admin tag history acme/web 1.4")]
    History {
        /// The repository
        repository: RepositoryName,
        /// The tag; it need not be there any more
        tag: Option<Tag>,
        /// How many at most
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Point a tag at one of its earlier targets again
    #[command(after_help = "Example: tidegate admin tag restore acme/web 1.4 sha256:9f86d0…")]
    Restore {
        /// The repository
        repository: RepositoryName,
        /// The tag
        tag: Tag,
        /// What it pointed at: `tidegate admin tag history` shows it
        digest: Digest,
        #[command(flatten)]
        flags: Flags,
    },
    /// Delete a tag; within the namespace's restore window it can be brought back
    #[command(after_help = "Example: tidegate admin tag delete acme/web 1.4-rc1")]
    Delete {
        /// The repository
        repository: RepositoryName,
        /// The tag
        tag: Tag,
        #[command(flatten)]
        flags: Flags,
    },
    /// Make a tag immutable: it neither moves nor ends
    #[command(after_help = "Example: tidegate admin tag lock acme/web 1.4")]
    Lock {
        /// The repository
        repository: RepositoryName,
        /// The tag
        tag: Tag,
        #[command(flatten)]
        flags: Flags,
    },
    /// Lift what `lock` did; immutability rules stay in force
    #[command(after_help = "Example: tidegate admin tag unlock acme/web 1.4")]
    Unlock {
        /// The repository
        repository: RepositoryName,
        /// The tag
        tag: Tag,
        #[command(flatten)]
        flags: Flags,
    },
    /// Set when a tag ends by itself
    #[command(after_help = "Example: tidegate admin tag expire acme/web nightly --in 2w")]
    Expire(Expire),
}

#[derive(Debug, clap::Args)]
pub(super) struct Expire {
    /// The repository
    repository: RepositoryName,
    /// The tag
    tag: Tag,
    #[command(flatten)]
    when: When,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct When {
    /// At this instant, in RFC 3339
    #[arg(long, value_name = "INSTANT")]
    at: Option<Timestamp>,
    /// After this time: a number and one of s, m, h, d, w
    #[arg(long = "in", value_name = "TIME", value_parser = read_life)]
    within: Option<std::time::Duration>,
    /// Never
    #[arg(long)]
    never: bool,
}

flags_of!(List, History, Restore, Delete, Lock, Unlock; Expire);

pub(super) async fn perform(
    command: &Command,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (admin, now) = (context.admin, context.now);
    match command {
        Command::List {
            repository,
            filter,
            after,
            limit,
            shape,
            ..
        } => {
            let tags = admin.tags(repository, filter, after.as_ref(), *limit, now);
            shape.list(&tags.await.map_err(Failure::new)?, TAGS, output)?;
        }
        Command::History {
            repository,
            tag,
            limit,
            shape,
            ..
        } => {
            let spans = admin.tag_history(repository, tag.as_ref(), *limit).await;
            shape.list(&spans.map_err(Failure::new)?, SPANS, output)?;
        }
        Command::Restore {
            repository,
            tag,
            digest,
            ..
        } => {
            let sparse = context.config.registry.sparse;
            let restored = admin.restore_tag(repository, tag, digest, sparse, now);
            let words = match restored.await.map_err(Failure::new)? {
                Some(previous) => {
                    format!("{repository}:{tag} is {digest} again, it was {previous}")
                }
                None => format!("{repository}:{tag} is {digest} again"),
            };
            output.say(&words);
        }
        Command::Delete {
            repository, tag, ..
        } => {
            let deleted = admin.delete_tag(repository, tag, now).await;
            let digest = deleted.map_err(Failure::new)?;
            output.say(&format!("{repository}:{tag} deleted, it was {digest}"));
        }
        Command::Lock {
            repository, tag, ..
        } => {
            let locked = admin.lock_tag(repository, tag, true, now).await;
            locked.map_err(Failure::new)?;
            output.say(&format!("{repository}:{tag} is immutable"));
        }
        Command::Unlock {
            repository, tag, ..
        } => {
            let unlocked = admin.lock_tag(repository, tag, false, now).await;
            unlocked.map_err(Failure::new)?;
            output.say(&format!("{repository}:{tag} is not locked"));
        }
        Command::Expire(expire) => end(expire, context, output).await?,
    }
    Ok(())
}

async fn end(
    Expire {
        repository,
        tag,
        when,
        ..
    }: &Expire,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (admin, now) = (context.admin, context.now);
    let in_time = when.within.map(|within| {
        now.checked_add(within)
            .map_err(|_| Failure::usage(anyhow::anyhow!("no instant is that far away")))
    });
    let expires = when.at.map_or(in_time.transpose()?, Some);
    let set = admin.expire_tag(repository, tag, expires, now).await;
    set.map_err(Failure::new)?;
    output.say(&match expires {
        Some(at) => format!("{repository}:{tag} ends at {at}"),
        None => format!("{repository}:{tag} does not end by itself"),
    });
    Ok(())
}

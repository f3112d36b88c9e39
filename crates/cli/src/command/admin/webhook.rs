//! `tidegate admin webhook`: who is told of events, and what has become of what they were told.

use std::path::PathBuf;

use anyhow::Context as _;
use oci::RepositoryName;
use server::admin::{DeliveryState, NewWebhook};

use super::Context;
use super::listing::{Column, Shape};
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::{Output, plain};

const WEBHOOKS: &[Column] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("NAMESPACE", "/namespace"),
    ("REPOSITORY", "/repository"),
    ("FORMAT", "/format"),
    ("ENABLED", "/enabled"),
    ("FAILING SINCE", "/failingSince"),
    ("URL", "/url"),
];
const DELIVERIES: &[Column] = &[
    ("ID", "/id"),
    ("EVENT", "/event"),
    ("REPOSITORY", "/repository"),
    ("TAG", "/tag"),
    ("STATE", "/state"),
    ("ATTEMPTS", "/attempts"),
    ("STATUS", "/status"),
    ("FAILURE", "/failure"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the webhooks: those of a namespace or a repository, or all
    #[command(after_help = "Example: tidegate admin webhook list --namespace acme")]
    List {
        /// Those of this namespace
        #[arg(long, conflicts_with = "repository")]
        namespace: Option<String>,
        /// Those of this repository
        #[arg(long)]
        repository: Option<RepositoryName>,
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Create a webhook and print its secret, once, unless one is given in a file
    #[command(
        after_help = "Example: tidegate admin webhook add deploy https://ci.example.com/hook --namespace acme --event push"
    )]
    Add(Box<Add>),
    /// Delete a webhook with everything on its way to it
    #[command(after_help = "Example: tidegate admin webhook remove 3")]
    Remove {
        /// The id that the list shows
        id: i64,
        #[command(flatten)]
        flags: Flags,
    },
    /// Queue an event of the kind `ping`; a running server sends it
    #[command(after_help = "Example: tidegate admin webhook test 3")]
    Test {
        /// The id that the list shows
        id: i64,
        #[command(flatten)]
        flags: Flags,
    },
    /// List what a webhook was told, latest first
    #[command(after_help = "Example: tidegate admin webhook deliveries 3 --state dead")]
    Deliveries {
        /// The id that the list shows
        id: i64,
        /// `pending`, `delivered` or `dead`
        #[arg(long, value_parser = read_state)]
        state: Option<DeliveryState>,
        /// How many at most
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Queue a delivery again that was accepted or is dead
    #[command(after_help = "Example: tidegate admin webhook redeliver 3 4711")]
    Redeliver {
        /// The webhook
        id: i64,
        /// The delivery's id that `deliveries` shows
        delivery: i64,
        #[command(flatten)]
        flags: Flags,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// A name for people
    name: String,
    /// Where events are sent, by POST
    url: String,
    /// Tell it of this namespace; without this and `--repository`, of everything
    #[arg(long, conflicts_with = "repository")]
    namespace: Option<String>,
    /// Tell it of this repository
    #[arg(long)]
    repository: Option<RepositoryName>,
    /// Read what signs events from this file
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// `cloudevents` or `slack`
    #[arg(long, default_value = "cloudevents")]
    format: String,
    /// A kind of events; without any, all but `pull`
    #[arg(long, value_name = "KIND")]
    event: Vec<String>,
    /// Only repositories like this: `*` within a component, `**` across
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// Only tags like this
    #[arg(long, value_name = "PATTERN")]
    tag: Vec<String>,
    #[command(flatten)]
    flags: Flags,
}

fn read_state(word: &str) -> Result<DeliveryState, String> {
    DeliveryState::parse(word).ok_or_else(|| "expected pending, delivered or dead".to_owned())
}

flags_of!(List, Remove, Test, Deliveries, Redeliver; Add);

pub(super) async fn perform(
    command: &Command,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (admin, now) = (context.admin, context.now);
    match command {
        Command::List {
            namespace,
            repository,
            shape,
            ..
        } => {
            let listed = admin.webhooks(namespace.as_deref(), repository.as_ref());
            shape.list(&listed.await.map_err(Failure::new)?, WEBHOOKS, output)?;
        }
        Command::Add(add) => create(add, context, output).await?,
        Command::Remove { id, .. } => {
            admin.delete_webhook(*id, now).await.map_err(Failure::new)?;
            output.say(&format!("webhook {id} deleted"));
        }
        Command::Test { id, .. } => {
            let pinged = admin.test_webhook(*id, now).await;
            let delivery = pinged.map_err(Failure::new)?;
            output.say(&format!("delivery {delivery} is on its way"));
        }
        Command::Deliveries {
            id,
            state,
            limit,
            shape,
            ..
        } => {
            let deliveries = admin.deliveries(*id, *state, *limit).await;
            shape.list(&deliveries.map_err(Failure::new)?, DELIVERIES, output)?;
        }
        Command::Redeliver { id, delivery, .. } => {
            let revived = admin.redeliver(*id, *delivery, now).await;
            revived.map_err(Failure::new)?;
            output.say(&format!("delivery {delivery} is on its way again"));
        }
    }
    Ok(())
}

/// A secret is never an argument: process lists show those.
async fn create(add: &Add, context: &Context<'_>, output: &mut Output) -> Result<(), Failure> {
    let given = match &add.secret_file {
        Some(path) => {
            let text = fs_err::read_to_string(path).context("cannot read the secret")?;
            Some(text.trim_end_matches(['\r', '\n']).to_owned())
        }
        None => None,
    };
    let is_drawn = given.is_none();
    let new = NewWebhook {
        name: add.name.clone(),
        namespace: add.namespace.clone(),
        repository: add.repository.clone(),
        url: add.url.clone(),
        secret: given,
        format: Some(add.format.clone()),
        events: add.event.clone(),
        repositories: add.only.clone(),
        tags: add.tag.clone(),
    };
    let outbound = &context.config.outbound;
    let created = context.admin.create_webhook(new, outbound, context.now);
    let (id, secret) = created.await.map_err(Failure::new)?;
    output.note(&format!("webhook {} created", plain(&add.name)));
    output.data(&format!("{id}\n"))?;
    if is_drawn {
        output.note("the secret that signs its events is shown this once");
        output.data(&format!("{}\n", secret.expose()))?;
    }
    Ok(())
}

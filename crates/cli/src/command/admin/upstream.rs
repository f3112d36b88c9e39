//! `tidegate admin upstream`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use secrecy::SecretString;
use server::admin::NewUpstream;

use super::Context;
use super::listing::{Column, Shape};
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::{Output, plain};

const UPSTREAMS: &[Column] = &[
    ("NAME", "/name"),
    ("NAMESPACE", "/namespace"),
    ("SIGNS IN AS", "/username"),
    ("URL", "/url"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Set up another registry: a source of mirrors, and with a namespace a cache
    #[command(
        after_help = "Example: tidegate admin upstream create hub docker.io --namespace hub --signed-in-read"
    )]
    Create(Box<Create>),
    /// List the upstreams, without their secrets
    List {
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Remove an upstream; what was cached stays
    Delete {
        /// What it is called
        name: String,

        #[command(flatten)]
        flags: Flags,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Create {
    /// What it is called here
    name: String,

    /// Its address: `https://registry.example.com`, or `docker.io`
    url: String,

    /// Sign in with this name
    #[arg(long, value_name = "NAME", requires = "secret_file")]
    username: Option<String>,

    /// Read the password or token from this file
    #[arg(long, value_name = "FILE", requires = "username")]
    secret_file: Option<PathBuf>,

    /// Another address that may see the credential, because the upstream's tokens come from there
    #[arg(long, value_name = "URL")]
    realm: Vec<String>,

    /// Cache it below this first name component
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,

    /// Put this before names on the upstream
    #[arg(long, value_name = "NAME", default_value = "")]
    prefix: String,

    /// Cache names like this only (`library/*`)
    #[arg(long, value_name = "PATTERN")]
    allow: Vec<String>,

    /// Do not cache names like this
    #[arg(long, value_name = "PATTERN")]
    deny: Vec<String>,

    /// Serve a tag for so long without asking again
    #[arg(long, value_name = "SECONDS")]
    ttl: Option<u64>,

    /// Keep a tag for so long after its last pull
    #[arg(long, value_name = "SECONDS")]
    keep: Option<u64>,

    /// Let everybody who is signed in pull through it
    #[arg(long)]
    signed_in_read: bool,

    #[command(flatten)]
    flags: Flags,
}

flags_of!(List, Delete; Create);

pub(super) async fn perform(
    command: &Command,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (admin, now) = (context.admin, context.now);
    match command {
        Command::Create(create) => {
            let new = new_upstream(create)?;
            let made = admin
                .create_upstream(new, &context.config.outbound, now)
                .await
                .map_err(Failure::new)?;
            output.say(&format!("upstream {} set up", plain(&made.name)));
        }
        Command::List { shape, .. } => {
            let upstreams = admin.upstreams().await;
            shape.list(&upstreams.map_err(Failure::new)?, UPSTREAMS, output)?;
        }
        Command::Delete { name, .. } => {
            admin
                .delete_upstream(name, now)
                .await
                .map_err(Failure::new)?;
            output.say(&format!("upstream {} removed", plain(name)));
        }
    }
    Ok(())
}

/// A secret is never an argument: process lists show those.
fn new_upstream(create: &Create) -> Result<NewUpstream, Failure> {
    let credential = match (&create.username, &create.secret_file) {
        (Some(username), Some(path)) => {
            let text = fs_err::read_to_string(path).context("cannot read the secret")?;
            let secret = text.trim_end_matches(['\r', '\n']).to_owned();
            Some((username.clone(), SecretString::from(secret)))
        }
        _ => None,
    };
    Ok(NewUpstream {
        name: create.name.clone(),
        url: create.url.clone(),
        credential,
        realms: create.realm.clone(),
        namespace: create.namespace.clone(),
        prefix: create.prefix.clone(),
        allow: create.allow.clone(),
        deny: create.deny.clone(),
        ttl: create.ttl.map(Duration::from_secs),
        keep: create.keep.map(Duration::from_secs),
        signed_in_read: create.signed_in_read,
    })
}

//! `tidegate admin audit`: the trail of who did what.

use clap::ValueEnum;
use futures::TryStreamExt as _;
use jiff::Timestamp;
use oci::RepositoryName;
use server::admin::{AuditFilter, AuditFormat, AuditOutcome};

use super::Context;
use super::listing::{Column, Shape};
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::Output;

const ENTRIES: &[Column] = &[
    ("AT", "/at"),
    ("ACTOR", "/actor"),
    ("ACTION", "/action"),
    ("OUTCOME", "/outcome"),
    ("NAMESPACE", "/namespace"),
    ("REPOSITORY", "/repository"),
    ("TARGET", "/target"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the latest entries, latest first
    #[command(
        after_help = "Example: tidegate admin audit list --repository acme/web --action tag.move"
    )]
    List {
        #[command(flatten)]
        which: Which,
        /// How many at most
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Print every entry, latest first; that this was done is an entry too
    #[command(
        after_help = "Example: tidegate admin audit export --from 2026-01-01T00:00:00Z --format csv > audit.csv"
    )]
    Export {
        #[command(flatten)]
        which: Which,
        /// How entries are written
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        flags: Flags,
    },
}

// No documentation comment: it would become that of the commands. Every condition narrows.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// Who acted
    #[arg(long)]
    actor: Option<String>,
    /// What was done: `tag.move`, `login.failure`, …
    #[arg(long)]
    action: Option<String>,
    /// In which repository
    #[arg(long)]
    repository: Option<RepositoryName>,
    /// In which namespace
    #[arg(long)]
    namespace: Option<String>,
    /// On what: a tag, a digest, a name; needs one of the conditions above beside it
    #[arg(long)]
    target: Option<String>,
    /// `success`, `failure` or `denied`
    #[arg(long, value_parser = read_outcome)]
    outcome: Option<AuditOutcome>,
    /// Not before this instant, in RFC 3339
    #[arg(long, value_name = "INSTANT")]
    from: Option<Timestamp>,
    /// Before this instant
    #[arg(long, value_name = "INSTANT")]
    to: Option<Timestamp>,
}

impl Which {
    fn filter(&self) -> AuditFilter {
        AuditFilter {
            actor: self.actor.clone(),
            action: self.action.clone(),
            repository: self.repository.as_ref().map(ToString::to_string),
            namespace: self.namespace.clone(),
            target: self.target.clone(),
            outcome: self.outcome,
            from: self.from,
            to: self.to,
        }
    }
}

/// How entries are written.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum Format {
    /// One JSON object a line
    #[default]
    Ndjson,
    /// For spreadsheets
    Csv,
}

impl From<Format> for AuditFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Ndjson => Self::Ndjson,
            Format::Csv => Self::Csv,
        }
    }
}

fn read_outcome(text: &str) -> Result<AuditOutcome, String> {
    AuditOutcome::parse(text).ok_or_else(|| "expected success, failure or denied".to_owned())
}

flags_of!(List, Export);

pub(super) async fn perform(
    command: &Command,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let admin = context.admin;
    match command {
        Command::List {
            which,
            limit,
            shape,
            ..
        } => {
            let listed = admin.audit_entries(&which.filter(), *limit).await;
            shape.list(&listed.map_err(Failure::new)?, ENTRIES, output)?;
        }
        Command::Export { which, format, .. } => {
            let exported = admin
                .export_audit(which.filter(), (*format).into(), context.now)
                .await;
            let mut lines = std::pin::pin!(exported.map_err(Failure::new)?);
            while let Some(text) = lines.try_next().await.map_err(Failure::new)? {
                output.data(&text)?;
                if output.reader_is_gone() {
                    break;
                }
            }
        }
    }
    Ok(())
}

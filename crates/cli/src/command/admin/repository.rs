//! `tidegate admin repository`.

use oci::RepositoryName;
use server::admin::{RepositoryChange, RepositorySettings, SparseChoice, Visibility};

use super::Context;
use super::listing::{Column, Shape};
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::Output;

const REPOSITORIES: &[Column] = &[
    ("REPOSITORY", "/name"),
    ("TAGS", "/tags"),
    ("LAST PUSH", "/lastPush"),
    ("GRADE", "/worstGrade"),
];
const FACTS: &[Column] = &[
    ("repository", "/name"),
    ("visibility", "/visibility"),
    ("state", "/state"),
    ("may omit", "/sparse"),
    ("created", "/createdAt"),
    ("description", "/description"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List repositories by name
    #[command(after_help = "Example: tidegate admin repository list --filter acme/ -o json")]
    List {
        /// Only repositories with this in their name
        #[arg(long, value_name = "TEXT", default_value = "")]
        filter: String,
        /// Only repositories after this one
        #[arg(long, value_name = "REPOSITORY")]
        after: Option<RepositoryName>,
        /// How many at most
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Create an empty repository, which belongs to nobody but its namespace
    #[command(
        after_help = "Example: tidegate admin repository create acme/web --visibility public"
    )]
    Create {
        /// The repository
        repository: RepositoryName,
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        flags: Flags,
    },
    /// Show a repository
    #[command(after_help = "Example: tidegate admin repository show acme/web")]
    Show {
        /// The repository
        repository: RepositoryName,
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Set what is given; the rest stays
    #[command(after_help = "Example: tidegate admin repository set acme/web --state read_only")]
    Set(Box<Set>),
    /// Delete a repository with everything in it; it does not come back
    #[command(after_help = "Example: tidegate admin repository delete acme/old")]
    Delete {
        /// The repository
        repository: RepositoryName,
        #[command(flatten)]
        flags: Flags,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Set {
    /// The repository
    repository: RepositoryName,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    flags: Flags,
}

// No documentation comment: it would become that of the commands.
#[derive(Debug, clap::Args)]
pub(super) struct Settings {
    /// `private` or `public`: who may pull
    #[arg(long)]
    visibility: Option<Visibility>,
    /// `normal` or `read_only`: whether anything may change
    #[arg(long)]
    state: Option<String>,
    /// What people read about it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// `none`, `index`, `all` or `default`: what its manifests may leave out
    #[arg(long, value_name = "CHOICE", value_parser = super::sparse::read_choice)]
    may_omit: Option<SparseChoice>,
}

impl Settings {
    fn is_empty(&self) -> bool {
        self.visibility.is_none()
            && self.state.is_none()
            && self.description.is_none()
            && self.may_omit.is_none()
    }

    fn read(&self) -> RepositorySettings {
        RepositorySettings {
            change: RepositoryChange {
                description: self.description.clone(),
                state: self.state.clone(),
            },
            visibility: self.visibility,
            sparse: self.may_omit,
        }
    }
}

flags_of!(List, Create, Show, Delete; Set);

pub(super) async fn perform(
    command: &Command,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (admin, now) = (context.admin, context.now);
    match command {
        Command::List {
            filter,
            after,
            limit,
            shape,
            ..
        } => {
            let listed = admin
                .repositories(filter, after.as_ref(), *limit, now)
                .await;
            shape.list(&listed.map_err(Failure::new)?, REPOSITORIES, output)?;
        }
        Command::Create {
            repository,
            settings,
            ..
        } => {
            let settings = settings.read();
            let created = admin.create_repository(repository, &settings, now).await;
            created.map_err(Failure::new)?;
            output.say(&format!("repository {repository} created"));
        }
        Command::Show {
            repository, shape, ..
        } => {
            let detail = admin.repository_detail(repository).await;
            shape.one(&detail.map_err(Failure::new)?, FACTS, output)?;
        }
        Command::Set(set) => {
            if set.settings.is_empty() {
                return Err(Failure::usage(anyhow::anyhow!("there is nothing to set"))
                    .with_hint("Give --visibility, --state, --description or --may-omit."));
            }
            let settings = set.settings.read();
            let changed = admin.set_repository(&set.repository, &settings, now).await;
            changed.map_err(Failure::new)?;
            output.say(&format!("repository {} changed", set.repository));
        }
        Command::Delete { repository, .. } => {
            let deleted = admin.delete_repository(repository, now).await;
            deleted.map_err(Failure::new)?;
            output.say(&format!(
                "repository {repository} deleted, a running server deletes what was inside"
            ));
        }
    }
    Ok(())
}

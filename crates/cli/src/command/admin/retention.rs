//! `tidegate admin retention`: which tags end because newer ones came.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use oci::RepositoryName;

use super::Context;
use super::listing::{Column, Shape};
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::{Output, plain};

const POLICIES: &[Column] = &[
    ("SCOPE", "/scope"),
    ("ENABLED", "/enabled"),
    ("BY", "/author"),
    ("AT", "/updatedAt"),
    ("POLICY", "/policy"),
];
const LINES: &[Column] = &[
    ("TAG", "/tag"),
    ("DIGEST", "/digest"),
    ("RULE", "/rule"),
    ("BYTES", "/sizeBytes"),
    ("STAYS", "/immutable"),
];
const HELP: &str = r#"The policy is JSON, as in the API. Example:
  echo '{"rules": [{"name": "newest", "keepLastPushed": 10}], "untaggedAfter": "7d"}' |
    tidegate admin retention set namespace:acme -"#;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List every policy and where it is in force
    List {
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Set the policy of a scope; the nearest one is in force
    #[command(after_help = HELP)]
    Set {
        /// `system`, `namespace:NAME` or `repository:NAME`
        scope: String,
        /// The file with the policy; `-` for standard input
        file: PathBuf,
        /// Let it end nothing, and keep farther policies away
        #[arg(long)]
        disabled: bool,
        #[command(flatten)]
        flags: Flags,
    },
    /// Take the policy of a scope away
    #[command(after_help = "Example: tidegate admin retention remove namespace:acme")]
    Remove {
        /// `system`, `namespace:NAME` or `repository:NAME`
        scope: String,
        #[command(flatten)]
        flags: Flags,
    },
    /// Show what the policy in force would end in a repository now, and end nothing
    #[command(after_help = "Example: tidegate admin retention preview acme/web")]
    Preview {
        /// The repository
        repository: RepositoryName,
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// End in a repository now what the policy in force ends
    #[command(after_help = "Example: tidegate admin retention run acme/web")]
    Run {
        /// The repository
        repository: RepositoryName,
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
}

flags_of!(List, Set, Remove, Preview, Run);

pub(super) async fn perform(
    command: &Command,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (admin, now) = (context.admin, context.now);
    match command {
        Command::List { shape, .. } => {
            let policies = admin.retention_policies().await;
            shape.list(&policies.map_err(Failure::new)?, POLICIES, output)?;
        }
        Command::Set {
            scope,
            file,
            disabled,
            ..
        } => {
            let text = read(file)?;
            let set = admin.set_retention(scope, &text, !disabled, now).await;
            set.map_err(Failure::new)?;
            output.say(&format!("retention of {} set", plain(scope)));
        }
        Command::Remove { scope, .. } => {
            let removed = admin.remove_retention(scope, now).await;
            removed.map_err(Failure::new)?;
            output.say(&format!("retention of {} removed", plain(scope)));
        }
        Command::Preview {
            repository, shape, ..
        } => {
            let report = admin.apply_retention(repository, true, now).await;
            let report = report.map_err(Failure::new)?;
            shape.report(&report, &report.items, LINES, output)?;
            output.note(&format!(
                "{} would end, {} of them are immutable and stay",
                report.total, report.immutable
            ));
        }
        Command::Run {
            repository, shape, ..
        } => {
            let report = admin.apply_retention(repository, false, now).await;
            let report = report.map_err(Failure::new)?;
            shape.report(&report, &report.items, LINES, output)?;
            output.note(&format!(
                "{} ended, {} are immutable and stay",
                report.total - report.immutable,
                report.immutable
            ));
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<String, Failure> {
    if file.as_os_str() != "-" {
        return Ok(fs_err::read_to_string(file).context("cannot read the policy")?);
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .context("cannot read the policy from standard input")?;
    Ok(text)
}

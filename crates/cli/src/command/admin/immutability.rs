//! `tidegate admin immutability`: rules about tags that neither move nor end.

use server::admin::RuleBody;

use super::Context;
use super::listing::{Column, Shape};
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::{Output, plain};

const RULES: &[Column] = &[
    ("ID", "/id"),
    ("REPOSITORY", "/rule/repository"),
    ("TAG", "/rule/tag"),
    ("LABEL", "/rule/label"),
    ("VALUE", "/rule/labelValue"),
    ("BY", "/createdBy"),
    ("AT", "/createdAt"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the rules of a scope
    #[command(after_help = "Example: tidegate admin immutability list namespace:acme")]
    List {
        /// `system`, `namespace:NAME` or `repository:NAME`
        scope: String,
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Put a rule in force; what is left out matches everything
    #[command(after_help = "Example: tidegate admin immutability add namespace:acme --tag 'v*'")]
    Add {
        /// `system`, `namespace:NAME` or `repository:NAME`
        scope: String,
        /// Repositories: a glob, or `regex:` and an expression; the whole name must match
        #[arg(long, value_name = "PATTERN")]
        repository: Option<String>,
        /// Tags, likewise
        #[arg(long, value_name = "PATTERN")]
        tag: Option<String>,
        /// Images with this label or annotation
        #[arg(long)]
        label: Option<String>,
        /// The label's value, as a pattern
        #[arg(long, value_name = "PATTERN", requires = "label")]
        label_value: Option<String>,
        #[command(flatten)]
        flags: Flags,
    },
    /// Lift a rule
    #[command(after_help = "Example: tidegate admin immutability remove namespace:acme 3")]
    Remove {
        /// `system`, `namespace:NAME` or `repository:NAME`
        scope: String,
        /// The id that the list shows
        id: i64,
        #[command(flatten)]
        flags: Flags,
    },
}

flags_of!(List, Add, Remove);

pub(super) async fn perform(
    command: &Command,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (admin, now) = (context.admin, context.now);
    match command {
        Command::List { scope, shape, .. } => {
            let rules = admin.immutability_rules(scope).await;
            shape.list(&rules.map_err(Failure::new)?, RULES, output)?;
        }
        Command::Add {
            scope,
            repository,
            tag,
            label,
            label_value,
            ..
        } => {
            let rule = RuleBody {
                repository: repository.clone(),
                tag: tag.clone(),
                label: label.clone(),
                label_value: label_value.clone(),
            };
            let added = admin.add_immutability_rule(scope, rule, now).await;
            let id = added.map_err(Failure::new)?;
            output.note(&format!("rule of {} in force", plain(scope)));
            output.data(&format!("{id}\n"))?;
        }
        Command::Remove { scope, id, .. } => {
            let removed = admin.remove_immutability_rule(scope, *id, now).await;
            removed.map_err(Failure::new)?;
            output.say(&format!("rule {id} lifted"));
        }
    }
    Ok(())
}

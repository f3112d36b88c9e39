//! `tidegate admin sparse`: what the manifests of a repository may leave out.

use oci::RepositoryName;
use server::Sparse;
use server::admin::SparseChoice;

use super::Context;
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::Output;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The repository; it is created when it does not exist
    repository: RepositoryName,

    /// `none`: everything must be there; `index`: children of an index may be missing; `all`: layers and
    /// configurations too; `default`: what the server's settings say
    #[arg(value_parser = read_choice)]
    choice: SparseChoice,

    #[command(flatten)]
    pub(super) flags: Flags,
}

/// Reads a choice; `default` leaves it to the server's settings.
pub(super) fn read_choice(text: &str) -> Result<SparseChoice, String> {
    if text == "default" {
        return Ok(SparseChoice(None));
    }
    let sparse = text.parse();
    sparse
        .map(|sparse| SparseChoice(Some(sparse)))
        .map_err(|_| "expected none, index, all or default".to_owned())
}

pub(super) async fn perform(
    args: &Args,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let SparseChoice(sparse) = args.choice;
    context
        .admin
        .set_sparse(&args.repository, sparse, context.now)
        .await
        .map_err(Failure::new)?;
    output.say(&format!(
        "manifests of {} may leave out: {}",
        args.repository,
        sparse.map_or("what the settings say", Sparse::as_str)
    ));
    Ok(())
}

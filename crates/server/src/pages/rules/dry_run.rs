//! What a retention policy would end now, if it were that of a repository, a namespace or the system.
//!
//! A policy of a wide scope is tried in the repositories that it would be in force in: those without a nearer one, and
//! open for changes. As many are looked at as an answer can wait for; the page says when there are more.

use catalog::{Actor, RepositoryId, RepositoryState, Scope};
use oci::RepositoryName;
use web::{DryLine, DryRun};

use super::Place;
use crate::pages::{PageError, Visit};
use crate::retention::Policy;
use crate::retention::prune::{self, PruneReport, Pruning};

/// Lines on the page.
const LINES: usize = 100;
/// Repositories that are asked whether a wide policy would be in force in them.
const REPOSITORIES: u32 = 200;

/// Looks what a policy would end, and ends nothing.
pub(super) async fn look(
    visit: &Visit,
    by: &Actor,
    place: Place<'_>,
    policy: &Policy,
) -> Result<DryRun, PageError> {
    let mut run = DryRun {
        total: 0,
        immutable: 0,
        lines: Vec::new(),
        repositories: 0,
        has_more: false,
    };
    let mut found = match place {
        Place::Repository(repository) => vec![(repository.id, repository.name.clone())],
        Place::Namespace(name) => of_namespace(visit, name).await?,
        Place::System => {
            let catalog = &visit.app.catalog;
            catalog
                .repositories_after(RepositoryId(0), REPOSITORIES + 1)
                .await?
        }
    };
    run.has_more = found.len() > REPOSITORIES as usize;
    found.truncate(REPOSITORIES as usize);
    for (id, name) in found {
        if !reaches(visit, place, id, &name).await? {
            continue;
        }
        let pruning = Pruning {
            catalog: &visit.app.catalog,
            clock: &visit.app.clock,
            repository: id,
            name: &name,
            by,
            is_dry: true,
        };
        add(&mut run, prune::apply(&pruning, policy).await?, &name);
    }
    Ok(run)
}

/// Returns the first repositories of a namespace that are open for changes, and one more if there are more.
async fn of_namespace(
    visit: &Visit,
    namespace: &str,
) -> Result<Vec<(RepositoryId, RepositoryName)>, PageError> {
    let catalog = &visit.app.catalog;
    let uses = catalog.repository_uses(namespace, None, REPOSITORIES + 1);
    let mut found = Vec::new();
    for used in uses.await? {
        // One that went meanwhile has nothing to end.
        let Some(repository) = catalog.repository(&used.name).await? else {
            continue;
        };
        if repository.state != RepositoryState::ReadOnly {
            found.push((repository.id, repository.name));
        }
    }
    Ok(found)
}

/// Returns whether a policy of this place would be in force in a repository: whether none is set nearer to it.
async fn reaches(
    visit: &Visit,
    place: Place<'_>,
    id: RepositoryId,
    name: &RepositoryName,
) -> Result<bool, PageError> {
    let nearest = visit.app.catalog.retention_for(id, name).await?;
    Ok(match (place, nearest.map(|policy| policy.scope)) {
        (Place::Repository(_), _) | (_, None | Some(Scope::System)) => true,
        (Place::Namespace(_), Some(scope)) => matches!(scope, Scope::Namespace(_)),
        (Place::System, Some(_)) => false,
    })
}

fn add(run: &mut DryRun, report: PruneReport, repository: &RepositoryName) {
    run.repositories += 1;
    run.total += report.total;
    run.immutable += report.immutable;
    let room = LINES - run.lines.len();
    run.lines
        .extend(report.items.into_iter().take(room).map(|line| DryLine {
            repository: repository.clone(),
            tag: line.tag,
            digest: line.digest,
            rule: line.rule,
            size_bytes: line.size_bytes,
            immutable: line.immutable,
        }));
}

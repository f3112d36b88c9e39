//! A repository's settings, and who has a role in it.

use axum::response::Response;
use catalog::{
    ImmutabilityRule, Repository, RepositoryState, Role, Scope, Sparse, SubjectId, Visibility,
};
use web::{AboutPage, PermissionRow, RuleRow};

use super::{PageError, Visit, history, html};

pub(super) async fn page(
    visit: &Visit,
    repository: Repository,
    role: Role,
) -> Result<Response, PageError> {
    let catalog = &visit.app.catalog;
    let mut immutability = Vec::new();
    for (scope, word) in [
        (Scope::Repository(repository.id), "this repository"),
        (
            Scope::Namespace(repository.namespace.clone()),
            "its namespace",
        ),
        (Scope::System, "everything"),
    ] {
        let rules = catalog.immutability_rules(&scope).await?;
        immutability.extend(rules.into_iter().map(|rule| rule_row(&rule, word)));
    }
    let permissions = if role == Role::Admin {
        let given = catalog.list_permissions(repository.id).await?;
        Some(given.into_iter().map(permission_row).collect())
    } else {
        None
    };
    let window = catalog.restore_window(&repository.namespace).await?;
    let (state, state_means) = state_words(repository.state);
    let page = AboutPage {
        frame: visit.frame(),
        repository: repository.name,
        description: repository.description,
        public: repository.visibility == Visibility::Public,
        state,
        state_means,
        sparse: sparse_words(repository.sparse),
        created: repository.created_at,
        restore_window: history::window_words(window),
        immutability,
        permissions,
    };
    html(web::render_about(&page))
}

fn rule_row(rule: &ImmutabilityRule, scope: &'static str) -> RuleRow {
    RuleRow {
        matches: rule.rule.describe(),
        scope,
        author: rule.created_by.clone(),
        since: rule.created_at,
    }
}

fn permission_row(permission: catalog::Permission) -> PermissionRow {
    PermissionRow {
        kind: match permission.subject.id {
            SubjectId::Account(_) => "person",
            SubjectId::Robot(_) => "robot",
            SubjectId::Team(_) => "team",
        },
        name: permission.subject.name,
        role: permission.role.as_str(),
    }
}

const fn state_words(state: RepositoryState) -> (&'static str, &'static str) {
    match state {
        RepositoryState::Normal => ("normal", "open for pulls and pushes"),
        RepositoryState::ReadOnly => ("read-only", "open for pulls only"),
        RepositoryState::Mirror => ("mirror", "open for pulls; only its mirror writes"),
        RepositoryState::Proxy => (
            "cache",
            "open for pulls; only the cache of its upstream writes",
        ),
        RepositoryState::Deleting => ("being deleted", "open for nothing"),
    }
}

const fn sparse_words(sparse: Option<Sparse>) -> &'static str {
    match sparse {
        None => "as the server's settings say",
        Some(Sparse::None) => "refused: manifests must be whole",
        Some(Sparse::Index) => "indexes may leave platforms out",
        Some(Sparse::All) => "manifests may leave anything out",
    }
}

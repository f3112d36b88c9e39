//! The rules of a scope: tags that neither move nor end, and what ends by itself. Of a repository they are on its page of
//! settings, of a namespace and of the system on pages of their own; what the forms do is the same everywhere.
//!
//! Adding a form: its word in [`submit`], and its fields in the template that the pages share.

mod dry_run;
mod form;

use axum::extract::State;
use catalog::{Principal, Repository, Scope};
use web::{DryRun, ErrorKind, RetentionForm, RetentionRule, RuleRow, RuleScope, Rules};

use super::refusal::{Refused, refusable};
use super::{Form, PageError, Visit};
use crate::api::rules::{self, RetentionBody, RuleBody};
use crate::api::{Body, Segments};
use crate::error::ApiError;
use crate::retention::{Policy, RetentionDocument};

/// What rules are set for.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Repository(&'a Repository),
    Namespace(&'a str),
    System,
}

impl Place<'_> {
    /// Returns the scope as the API's addresses write it.
    pub(super) fn address(self) -> String {
        match self {
            Self::Repository(repository) => format!("repository:{}", repository.name),
            Self::Namespace(name) => format!("namespace:{name}"),
            Self::System => "system".to_owned(),
        }
    }

    fn scope(self) -> Scope {
        match self {
            Self::Repository(repository) => Scope::Repository(repository.id),
            Self::Namespace(name) => Scope::Namespace(name.to_owned()),
            Self::System => Scope::System,
        }
    }

    const fn view(self) -> RuleScope {
        match self {
            Self::Repository(_) => RuleScope::Repository,
            Self::Namespace(_) => RuleScope::Namespace,
            Self::System => RuleScope::System,
        }
    }
}

/// A policy that was typed and not saved, with what it would end if somebody asked.
pub(super) struct Tried {
    policy: RetentionForm,
    dry_run: Option<DryRun>,
}

/// What a form about rules came to.
pub(super) enum Outcome {
    /// It is done.
    Done,
    /// It only asked what a policy would end.
    Dry(Tried),
    /// Nothing was changed; a policy that was typed is not lost.
    Refused(Option<Tried>, Refused),
}

/// Returns the rules of a scope, with the policy that was typed in place of the stored one.
pub(super) async fn read(
    visit: &Visit,
    place: Place<'_>,
    tried: Option<Tried>,
) -> Result<Rules, PageError> {
    let found = visit.app.catalog.immutability_rules(&place.scope()).await?;
    let stored = stored_retention(visit, place).await?;
    let (mut retention, dry_run) = match tried {
        Some(tried) => {
            let retention = RetentionForm {
                in_force: stored.in_force,
                is_own: stored.is_own,
                ..tried.policy
            };
            (retention, tried.dry_run)
        }
        None => (stored, None),
    };
    // One more than there are, for the next.
    if retention
        .rules
        .last()
        .is_none_or(|rule| !rule.name.is_empty())
    {
        retention.rules.push(RetentionRule::default());
    }
    let rows = found.into_iter().map(|rule| {
        let row = RuleRow {
            matches: rule.rule.describe(),
            scope: place.view().word(),
            author: rule.created_by,
            since: rule.created_at,
        };
        (rule.id, row)
    });
    Ok(Rules {
        scope: place.view(),
        immutability: rows.collect(),
        retention,
        dry_run,
    })
}

/// Returns the scope's own policy as a form, and where the one in force is set.
async fn stored_retention(visit: &Visit, place: Place<'_>) -> Result<RetentionForm, PageError> {
    let catalog = &visit.app.catalog;
    let own = catalog.retention(&place.scope()).await?;
    let in_force = match place {
        Place::Repository(repository) => {
            let nearest = catalog.retention_for(repository.id, &repository.name);
            nearest.await?.map(|policy| match policy.scope {
                Scope::System => RuleScope::System,
                Scope::Namespace(_) => RuleScope::Namespace,
                Scope::Repository(_) => RuleScope::Repository,
            })
        }
        _ if own.is_some() => Some(place.view()),
        Place::Namespace(_) => {
            let of_all = catalog.retention(&Scope::System).await?;
            of_all.map(|_| RuleScope::System)
        }
        Place::System => None,
    };
    let Some(own) = own else {
        return Ok(RetentionForm {
            in_force,
            ..RetentionForm::default()
        });
    };
    let document: RetentionDocument = serde_json::from_str(&own.body).map_err(ApiError::fault)?;
    Ok(RetentionForm {
        in_force,
        is_own: true,
        enabled: own.enabled,
        rules: document.rules.into_iter().map(form::rule_fields).collect(),
        untagged_after: document.untagged_after.unwrap_or_default(),
    })
}

/// Does what a form about rules asks for. The visitor governs the place.
pub(super) async fn submit(
    visit: &Visit,
    principal: &Principal,
    place: Place<'_>,
    form: &Form,
) -> Result<Outcome, PageError> {
    let (app, caller) = (State(visit.app.clone()), visit.credentialed(principal));
    let scope = place.address();
    let given = |field| {
        let text = form.field(field).trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let answer = match form.field("do") {
        "dry-run" | "retention" => return retention(visit, principal, place, form).await,
        "no-retention" => rules::delete_retention(app, caller, Segments(scope)).await,
        "immutable" => {
            let rule = RuleBody {
                repository: given("repository"),
                tag: given("tag"),
                label: given("label"),
                label_value: given("label-value"),
            };
            let added = rules::add_immutability(app, caller, Segments(scope), Body(rule)).await;
            added.map(|(status, _)| status)
        }
        "lift" => {
            let id = form.field("id").parse();
            let id = id.map_err(|_| PageError::Shown(ErrorKind::BadRequest))?;
            rules::delete_immutability(app, caller, Segments((scope, id))).await
        }
        _ => return Err(PageError::Shown(ErrorKind::BadRequest)),
    };
    Ok(match refusable(answer)? {
        Ok(_) => Outcome::Done,
        Err(refused) => Outcome::Refused(None, refused),
    })
}

/// Shows what a policy would end now, or saves it.
async fn retention(
    visit: &Visit,
    principal: &Principal,
    place: Place<'_>,
    form: &Form,
) -> Result<Outcome, PageError> {
    let typed = form::typed_policy(form);
    let checked = form::document(&typed).and_then(|document| {
        let policy = Policy::check(&document);
        let policy = policy.map_err(|error| Refused::invalid(&format!("{error}.")))?;
        Ok((document, policy))
    });
    let tried = |policy, dry_run| Tried { policy, dry_run };
    let (document, policy) = match checked {
        Ok(checked) => checked,
        Err(refused) => return Ok(Outcome::Refused(Some(tried(typed, None)), refused)),
    };
    if form.field("do") == "dry-run" {
        let run = dry_run::look(visit, &visit.actor(principal), place, &policy).await?;
        return Ok(Outcome::Dry(tried(typed, Some(run))));
    }
    let body = RetentionBody {
        policy: document,
        enabled: typed.enabled,
    };
    let (app, caller) = (State(visit.app.clone()), visit.credentialed(principal));
    let set = rules::set_retention(app, caller, Segments(place.address()), Body(body)).await;
    Ok(match refusable(set)? {
        Ok(_) => Outcome::Done,
        Err(refused) => Outcome::Refused(Some(tried(typed, None)), refused),
    })
}

//! The visitor's own account: tokens, and the password.

use axum::response::Response;
use catalog::{Account, PrincipalId};
use secrecy::SecretString;
use web::routes::Route;
use web::{AccountPage, Draft, ErrorKind, HomeHead, HomeView, ShownSecret, TokenList, TokenSort};

use super::{ends, not_kept, secret_rows, shown};
use crate::api::problem::Problem;
use crate::api::{Body, Segments, me, tokens};
use crate::auth::account;
use crate::auth::session::Session;
use crate::pages::refusal::{Refused, refusable};
use crate::pages::{Form, PageError, Visit, html, redirect};

pub(super) async fn page(
    visit: &Visit,
    principal: &catalog::Principal,
    head: HomeHead,
) -> Result<Response, PageError> {
    show(visit, principal, head, None, Draft::default()).await
}

pub(super) async fn submit(
    visit: &Visit,
    session: &Session,
    head: HomeHead,
    form: &Form,
) -> Result<Response, PageError> {
    let principal = &session.account.principal();
    let here = head.home.at(HomeView::Front);
    let done = match form.field("do") {
        "token" => match make(visit, session, form).await? {
            Ok(shown) => {
                let page = show(visit, principal, head, Some(shown), Draft::default());
                return Ok(not_kept(page.await?));
            }
            Err(refused) => Err(refused),
        },
        "revoke" => {
            let caller = visit.credentialed(principal);
            let id = Segments(form.field("id").to_owned());
            refusable(tokens::revoke(visit.app(), caller, id).await)?.map(|_| here.to_string())
        }
        // It ends every session, this one too.
        "password" => set_password(visit, session, form)
            .await?
            .map(|()| Route::SignIn.with("return", &here.to_string()).to_string()),
        _ => return Err(PageError::Shown(ErrorKind::BadRequest)),
    };
    match done {
        Ok(next) => Ok(redirect(&next)),
        Err(refused) => {
            let page = show(visit, principal, head, None, refused.draft(form)).await?;
            Ok(refused.on(page))
        }
    }
}

/// Makes a token.
async fn make(
    visit: &Visit,
    session: &Session,
    form: &Form,
) -> Result<Result<ShownSecret, Refused>, PageError> {
    let principal = &session.account.principal();
    let read = scopes(form)
        .and_then(|scopes| Ok((scopes, ends(form.field("days"), visit.app.clock.now())?)));
    let (scopes, expires_at) = match read {
        Ok(read) => read,
        Err(refused) => return Ok(Err(refused)),
    };
    let new = tokens::NewToken {
        label: form.field("label").trim().to_owned(),
        scopes,
        expires_at,
    };
    let made = tokens::create(visit.app(), visit.credentialed(principal), Body(new)).await;
    Ok(refusable(made)?.map(|(_, made)| {
        let label = "The token is made".to_owned();
        shown(visit, label, &principal.name, made.0.token, expires_at)
    }))
}

/// Reads what a token may do: everything, or some actions where the patterns match.
fn scopes(form: &Form) -> Result<Option<Vec<String>>, Refused> {
    let (grant, patterns) = (form.field("grant"), form.field("pattern"));
    let patterns: Vec<&str> = patterns.split_whitespace().collect();
    let lists = form.field("listing") == "yes";
    if grant == "all" {
        if patterns.is_empty() && !lists {
            return Ok(None);
        }
        return Err(Refused::invalid(
            "A token that may do everything cannot be kept to some repositories: say what it may do there, or leave the repositories out.",
        ));
    }
    if patterns.is_empty() && !lists {
        return Err(Refused::invalid(
            "Say in which repositories: one or more names or patterns, such as `acme/**`, or `**` for all that you may use.",
        ));
    }
    let mut scopes: Vec<String> = patterns
        .into_iter()
        .map(|pattern| format!("repository:{pattern}:{grant}"))
        .collect();
    if lists {
        scopes.push("registry:catalog:*".to_owned());
    }
    Ok(Some(scopes))
}

/// Replaces the password, if the one given is right.
async fn set_password(
    visit: &Visit,
    session: &Session,
    form: &Form,
) -> Result<Result<(), Refused>, PageError> {
    let name = &session.account.name;
    if form.field("password") != form.field("again") {
        return Ok(Err(Refused::invalid(
            "The new password was typed in two ways. Type it again.",
        )));
    }
    let current = SecretString::from(form.field("current").to_owned());
    let verified = account::verify(&visit.app, name, &current, &visit.origin).await;
    let verified = match refusable(verified.map_err(Problem::from))? {
        Ok(verified) => verified,
        Err(refused) => return Ok(Err(refused)),
    };
    let own = PrincipalId::Account(session.account.id);
    let is_right = verified.is_ok_and(|(principal, _)| principal.id == own);
    if !is_right {
        return Ok(Err(Refused::invalid(
            "The password of now is wrong. Type it again; an administrator can set a new one if it is lost.",
        )));
    }
    let new = me::NewPassword {
        password: form.field("password").to_owned(),
    };
    let caller = visit.credentialed(&session.account.principal());
    let set = me::set_password(visit.app(), caller, Body(new)).await;
    Ok(refusable(set)?.map(|_| ()))
}

async fn show(
    visit: &Visit,
    principal: &catalog::Principal,
    head: HomeHead,
    shown: Option<ShownSecret>,
    draft: Draft,
) -> Result<Response, PageError> {
    let Some(session) = &visit.session else {
        return Err(PageError::Shown(ErrorKind::NotFound));
    };
    let tokens = tokens::list(visit.app(), visit.caller(principal)).await?;
    let account = &session.account;
    let page = AccountPage {
        frame: visit.frame(),
        head,
        email: account.email.clone(),
        standing: standing(account),
        created: account.created_at,
        has_password: account.password_hash.is_some(),
        tokens: TokenList::new(
            secret_rows(tokens.0),
            visit.parameter("q").trim(),
            TokenSort::from_parameter(visit.parameter("sort")),
        ),
        shown,
        draft,
    };
    html(web::render_account(&page))
}

const fn standing(account: &Account) -> Option<&'static str> {
    if account.superuser {
        Some("administrator: everything is open to you")
    } else if account.reader_superuser {
        Some("auditor: you may read everything and change nothing")
    } else {
        None
    }
}

//! Signing in and out.

use axum::http::{StatusCode, header};
use axum::response::Response;
use catalog::{Account, AuditAction, AuditEntry};
use jiff::SignedDuration;
use secrecy::SecretString;
use web::routes::{Route, local_return};
use web::{ErrorKind, ProviderLink, SignInError, SignInPage};

use super::provider::{refuse, shown};
use super::{Form, PageError, Visit, html, redirect};
use crate::auth::account::{self, Denied};
use crate::auth::session;
use crate::sign_in::oidc::Provider;

pub(super) fn form(visit: &Visit) -> Result<Response, PageError> {
    if visit.session.is_some() {
        return Ok(redirect(local_return(visit.parameter("return"))));
    }
    show(visit, "", visit.parameter("return"), None)
}

pub(super) fn show(
    visit: &Visit,
    username: &str,
    return_to: &str,
    error: Option<SignInError>,
) -> Result<Response, PageError> {
    let (csrf, cookie) = session::form_ticket(&visit.app, &visit.headers);
    let page = SignInPage {
        frame: visit.frame(),
        username: username.to_owned(),
        return_to: local_return(return_to).to_owned(),
        csrf,
        error,
        providers: providers(visit),
        directory: directory(visit),
    };
    let mut response = html(web::render_sign_in(&page))?;
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn providers(visit: &Visit) -> Vec<ProviderLink> {
    let link = |provider: &Provider| ProviderLink {
        name: provider.settings.name.clone(),
        id: provider.settings.id.clone(),
    };
    visit.app.ways.providers.iter().map(link).collect()
}

fn directory(visit: &Visit) -> Option<String> {
    let directory = visit.app.ways.directory.as_ref()?;
    Some(directory.settings.name.clone())
}

pub(super) async fn submit(visit: &Visit, form: &Form) -> Result<Response, PageError> {
    let field = |name| form.field(name);
    let (username, return_to) = (field("username"), field("return"));
    if !session::form_matches(&visit.headers, field("csrf")) {
        return show(visit, username, return_to, Some(SignInError::Expired));
    }
    let password = SecretString::from(field("password").to_owned());
    let app = &visit.app;
    // Robots have no pages: their tokens are for programs, and are not looked at here.
    let verified = match account::verify(app, username, &password, &visit.origin).await {
        Err(error) if error.status() == StatusCode::TOO_MANY_REQUESTS => {
            let mut response = show(visit, username, return_to, Some(SignInError::TooMany))?;
            *response.status_mut() = error.status();
            if let Some(seconds) = error.header(&header::RETRY_AFTER) {
                let headers = response.headers_mut();
                headers.insert(header::RETRY_AFTER, seconds.clone());
            }
            return Ok(response);
        }
        Err(error) if error.status() == StatusCode::SERVICE_UNAVAILABLE => {
            let name = directory(visit).unwrap_or_default();
            return refuse(visit, return_to, SignInError::Away(name));
        }
        verified => verified?,
    };
    let principal = match verified {
        Ok((principal, _)) => principal,
        Err(Denied::Wrong) => {
            return show(visit, username, return_to, Some(SignInError::Credentials));
        }
        Err(Denied::NotLet(refusal)) => return refuse(visit, return_to, shown(refusal)),
    };
    // Its name here may be another than the one that the directory was asked for.
    let Some(account) = app.catalog.account_by_name(&principal.name).await? else {
        return show(visit, username, return_to, Some(SignInError::Credentials));
    };
    enter(visit, &account, None, session::LIFETIME, return_to).await
}

/// Opens a session for whoever has proven to be this account, and leads on. A session that the browser brought along
/// ends: what it was begun for is over, and nobody can have planted it.
pub(super) async fn enter(
    visit: &Visit,
    account: &Account,
    way: Option<&str>,
    lifetime: SignedDuration,
    return_to: &str,
) -> Result<Response, PageError> {
    let app = &visit.app;
    if let Some(earlier) = &visit.session {
        session::close(app, earlier).await?;
    }
    let cookie = session::open(app, account, lifetime).await?;
    let entry = AuditEntry {
        action: AuditAction::Login,
        repository: None,
        target: Some(&account.name),
        detail: way,
    };
    app.catalog
        .audit(&entry, &visit.origin.actor(&account.name), app.clock.now())
        .await?;
    let mut response = redirect(local_return(return_to));
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

pub(super) async fn sign_out(visit: &Visit, form: &Form) -> Result<Response, PageError> {
    let token = form.field("csrf");
    let Some(session) = &visit.session else {
        return Ok(redirect(&Route::SignIn.to_string()));
    };
    if !session.accepts(&visit.headers, token) {
        return Err(PageError::Shown(ErrorKind::BadRequest));
    }
    let cookie = session::close(&visit.app, session).await?;
    let name = &session.account.name;
    let entry = AuditEntry::on(AuditAction::Logout, None, Some(name));
    let (by, now) = (visit.origin.actor(name), visit.app.clock.now());
    visit.app.catalog.audit(&entry, &by, now).await?;
    let mut response = redirect(&Route::SignIn.to_string());
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

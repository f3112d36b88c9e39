//! Signing in and out.

use axum::http::{StatusCode, header};
use axum::response::Response;
use catalog::{AuditAction, AuditEntry};
use secrecy::SecretString;
use web::routes::{Route, local_return};
use web::{ErrorKind, SignInError, SignInPage};

use super::{PageError, Visit, html, redirect};
use crate::auth::{session, verify_secret};

pub(super) fn form(visit: &Visit) -> Result<Response, PageError> {
    if visit.session.is_some() {
        return Ok(redirect(local_return(visit.parameter("return"))));
    }
    show(visit, "", visit.parameter("return"), None)
}

fn show(
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
    };
    let mut response = html(web::render_sign_in(&page))?;
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

pub(super) async fn submit(
    visit: &Visit,
    form: &[(String, String)],
) -> Result<Response, PageError> {
    let field = |name: &str| {
        form.iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value.as_str())
    };
    let (username, return_to) = (field("username"), field("return"));
    if !session::form_matches(&visit.headers, field("csrf")) {
        return show(visit, username, return_to, Some(SignInError::Expired));
    }
    let password = SecretString::from(field("password").to_owned());
    let app = &visit.app;
    let verified = match verify_secret(app, username, &password, &visit.origin).await {
        Err(error) if error.status() == StatusCode::TOO_MANY_REQUESTS => {
            let mut response = show(visit, username, return_to, Some(SignInError::TooMany))?;
            *response.status_mut() = error.status();
            if let Some(seconds) = error.header(&header::RETRY_AFTER) {
                let headers = response.headers_mut();
                headers.insert(header::RETRY_AFTER, seconds.clone());
            }
            return Ok(response);
        }
        verified => verified?,
    };
    // Robots have no pages: their tokens are for programs.
    if verified.is_none() || username.contains('+') {
        return show(visit, username, return_to, Some(SignInError::Credentials));
    }
    let account = app.catalog.account_by_name(username).await?;
    let Some(account) = account else {
        return show(visit, username, return_to, Some(SignInError::Credentials));
    };
    let cookie = session::open(app, &account).await?;
    let entry = AuditEntry {
        action: AuditAction::Login,
        repository: None,
        target: Some(&account.name),
        detail: None,
    };
    app.catalog
        .audit(&entry, &visit.origin.actor(&account.name), app.clock.now())
        .await?;
    let mut response = redirect(local_return(return_to));
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

pub(super) async fn sign_out(
    visit: &Visit,
    form: &[(String, String)],
) -> Result<Response, PageError> {
    let token = form
        .iter()
        .find(|(key, _)| key == "csrf")
        .map_or("", |(_, value)| value.as_str());
    let Some(session) = &visit.session else {
        return Ok(redirect(&Route::SignIn.to_string()));
    };
    if !session.accepts(&visit.headers, token) {
        return Err(PageError::Shown(ErrorKind::BadRequest));
    }
    let cookie = session::close(&visit.app, session).await?;
    let mut response = redirect(&Route::SignIn.to_string());
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

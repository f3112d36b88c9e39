//! Signing in at a provider of identities: the way there, and the way back.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use catalog::{AuditAction, AuditEntry};
use web::routes::{Route, local_return};
use web::{ErrorKind, SignInError};

use super::{PageError, Visit, redirect, sign_in};
use crate::auth::{ANONYMOUS, challenge, session};
use crate::error::chain;
use crate::sign_in::admission::{Refusal, admit};
use crate::sign_in::oidc::{LIFETIME_SECS, Provider, ProviderError, Ticket, recheck};

/// Carries the [`Ticket`] while the visitor is at the provider.
const COOKIE: &str = "tidegate_provider";
/// The longest code or state that is looked at.
const MAX_PARAMETER: usize = 4 << 10;

/// Sends the browser to the provider.
pub(super) async fn begin(visit: &Visit, id: &str) -> Result<Response, PageError> {
    let provider = provider(visit, id)?;
    let return_to = local_return(visit.parameter("return"));
    if visit.session.is_some() {
        return Ok(redirect(return_to));
    }
    let app = &visit.app;
    let now = app.clock.now();
    let ticket = Ticket::new(id, return_to, now);
    match provider.begin(&redirect_uri(visit, id), &ticket, now).await {
        Ok(address) => {
            let mut response = redirect(address.as_str());
            let cookie = session::set_cookie(app, COOKIE, &ticket.to_cookie(), LIFETIME_SECS);
            let headers = response.headers_mut();
            headers.append(header::SET_COOKIE, cookie);
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok(response)
        }
        Err(error) => {
            tracing::warn!(provider = id, cause = %chain(&error), "a sign-in could not begin");
            let away = SignInError::Away(provider.settings.name.clone());
            refuse(visit, return_to, away)
        }
    }
}

/// Takes what the provider sent the browser back with.
pub(super) async fn finish(visit: &Visit, id: &str) -> Result<Response, PageError> {
    let provider = provider(visit, id)?;
    let mut response = arrive(visit, provider).await?;
    // Whatever came of it: what was begun is over, and cannot be used again.
    let cookie = session::set_cookie(&visit.app, COOKIE, "", 0);
    let headers = response.headers_mut();
    headers.append(header::SET_COOKIE, cookie);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn arrive(visit: &Visit, provider: &Provider) -> Result<Response, PageError> {
    let app = &visit.app;
    let settings = &provider.settings;
    let now = app.clock.now();
    let ticket = session::cookie(&visit.headers, COOKIE)
        .and_then(|cookie| Ticket::from_cookie(cookie, &settings.id, now))
        .filter(|ticket| ticket.accepts(visit.parameter("state")));
    let Some(ticket) = ticket else {
        return refuse(visit, "/", SignInError::NotBegun);
    };
    let return_to = local_return(ticket.return_to());
    let is_short = |text: &str| !text.is_empty() && text.len() <= MAX_PARAMETER;
    // RFC 9207: an answer that names its issuer must name this one.
    let issuer = visit.parameter("iss");
    if !issuer.is_empty() && issuer != settings.issuer {
        let name = settings.name.clone();
        return refuse(visit, return_to, SignInError::NotVerified(name));
    }
    let code = visit.parameter("code");
    if !is_short(code) {
        let said: String = visit
            .parameter("error")
            .chars()
            .filter(char::is_ascii_graphic)
            .take(64)
            .collect();
        failed(visit, &settings.id, &format!("the provider says `{said}`")).await?;
        let name = settings.name.clone();
        return refuse(visit, return_to, SignInError::NotVouched(name));
    }
    let uri = redirect_uri(visit, &settings.id);
    let vouched = match provider.finish(&uri, code, &ticket, now).await {
        Ok(vouched) => vouched,
        Err(error) => {
            failed(visit, &settings.id, &chain(&error)).await?;
            return refuse(visit, return_to, told(&error, &settings.name));
        }
    };
    let person = &vouched.person;
    match admit(
        app,
        &settings.id,
        person,
        &settings.admission(),
        &visit.origin,
    )
    .await?
    {
        Ok(account) => {
            let identity = (person.issuer.as_str(), person.subject.as_str());
            let renewal = vouched.renewal.as_ref();
            app.catalog.keep_renewal(identity, renewal).await?;
            let lifetime = recheck::session_lifetime(provider, renewal.is_some());
            sign_in::enter(visit, &account, Some(&settings.id), lifetime, return_to).await
        }
        Err(refusal) => {
            failed(
                visit,
                &settings.id,
                &format!("{}: {refusal}", person.username),
            )
            .await?;
            refuse(visit, return_to, shown(refusal))
        }
    }
}

fn told(error: &ProviderError, provider: &str) -> SignInError {
    let name = provider.to_owned();
    match error {
        error if error.is_of_the_network() => SignInError::Away(name),
        ProviderError::Exchange(_) => SignInError::NotVouched(name),
        _ => SignInError::NotVerified(name),
    }
}

/// Says on the page why somebody does not come in.
pub(super) fn shown(refusal: Refusal) -> SignInError {
    match refusal {
        Refusal::NotAllowed => SignInError::NotAllowed,
        Refusal::NoAccount => SignInError::NoAccount,
        Refusal::NameTaken(name) => SignInError::NameTaken(name),
        Refusal::NameUnusable => SignInError::NameUnusable,
        Refusal::Disabled => SignInError::Disabled,
    }
}

/// Shows the sign-in page with a reason.
pub(super) fn refuse(
    visit: &Visit,
    return_to: &str,
    reason: SignInError,
) -> Result<Response, PageError> {
    let status = match reason {
        SignInError::Away(_) => StatusCode::BAD_GATEWAY,
        SignInError::NotBegun => StatusCode::BAD_REQUEST,
        _ => StatusCode::FORBIDDEN,
    };
    let mut response = sign_in::show(visit, "", return_to, Some(reason))?;
    *response.status_mut() = status;
    Ok(response)
}

/// Writes the failure into the log and the audit trail; the visitor is told less.
async fn failed(visit: &Visit, provider: &str, cause: &str) -> Result<(), PageError> {
    let app = &visit.app;
    let cause: String = cause
        .chars()
        .filter(|c| !c.is_control())
        .take(300)
        .collect();
    app.metrics.login_failures.inc();
    tracing::warn!(provider, %cause, ip = visit.origin.ip.as_deref(), "a sign-in at a provider failed");
    let entry = AuditEntry {
        action: AuditAction::LoginFailure,
        repository: None,
        target: Some(provider),
        detail: Some(&cause),
    };
    let actor = visit.origin.actor(ANONYMOUS);
    app.catalog.audit(&entry, &actor, app.clock.now()).await?;
    Ok(())
}

fn provider<'a>(visit: &'a Visit, id: &str) -> Result<&'a Provider, PageError> {
    let found = visit.app.ways.provider(id);
    found.ok_or(PageError::Shown(ErrorKind::NotFound))
}

/// Returns the address that is registered at the provider.
fn redirect_uri(visit: &Visit, id: &str) -> String {
    let base = challenge::base_url(&visit.app, &visit.headers);
    format!("{base}{}", Route::SignInReturn(id.to_owned()))
}

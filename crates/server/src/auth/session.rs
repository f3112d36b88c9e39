//! Sign-ins of the pages: an opaque cookie whose hash is a row, and the token that forms carry.
//!
//! The cookie is `HttpOnly` and `SameSite=Lax`, and `Secure` where the server's address is `https`. A form's token is
//! derived from the cookie's secret, so a foreign site can neither read nor guess it, and no second secret is stored.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use catalog::Account;
use jiff::SignedDuration;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use super::secret::{self, SecretKind, fingerprint};
use crate::app::App;
use crate::error::ApiError;

const SESSION_COOKIE: &str = "tidegate_session";
const FORM_COOKIE: &str = "tidegate_form";
/// How long a session lasts, unless who vouched for it says less.
pub(crate) const LIFETIME: SignedDuration = SignedDuration::from_hours(12);

/// A signed-in visitor.
pub(crate) struct Session {
    pub(crate) account: Account,
    /// The token that this session's forms must carry.
    pub(crate) csrf: String,
    secret: SecretString,
}

/// Returns the session of a request, if its cookie names a live one.
pub(crate) async fn of_request(
    app: &App,
    headers: &HeaderMap,
) -> Result<Option<Session>, ApiError> {
    let Some(secret) =
        cookie(headers, SESSION_COOKIE).map(|value| SecretString::from(value.to_owned()))
    else {
        return Ok(None);
    };
    let fingerprint = fingerprint(secret.expose_secret());
    let account = app.catalog.session(&fingerprint, app.clock.now()).await?;
    Ok(account.map(|account| Session {
        csrf: form_token(&secret),
        account,
        secret,
    }))
}

/// Opens a session and returns the cookie that carries it.
pub(crate) async fn open(
    app: &App,
    account: &Account,
    lifetime: SignedDuration,
) -> Result<HeaderValue, ApiError> {
    let secret = secret::generate(SecretKind::Session);
    let now = app.clock.now();
    let expires = now.saturating_add(lifetime).unwrap_or(now);
    app.catalog
        .create_session(
            &fingerprint(secret.expose_secret()),
            account.id,
            expires,
            now,
        )
        .await?;
    Ok(set_cookie(
        app,
        SESSION_COOKIE,
        secret.expose_secret(),
        lifetime.as_secs(),
    ))
}

/// Ends a session and returns the cookie that removes it from the browser.
pub(crate) async fn close(app: &App, session: &Session) -> Result<HeaderValue, ApiError> {
    app.catalog
        .delete_session(&fingerprint(session.secret.expose_secret()))
        .await?;
    Ok(set_cookie(app, SESSION_COOKIE, "", 0))
}

/// Returns the token of the sign-in form and the cookie it is compared with.
pub(crate) fn form_ticket(app: &App, headers: &HeaderMap) -> (String, Option<HeaderValue>) {
    if let Some(existing) = cookie(headers, FORM_COOKIE) {
        return (form_token(&SecretString::from(existing.to_owned())), None);
    }
    let secret = secret::generate(SecretKind::Session);
    let cookie = set_cookie(app, FORM_COOKIE, secret.expose_secret(), 3_600);
    (form_token(&secret), Some(cookie))
}

/// Returns whether the sign-in form came from this browser.
pub(crate) fn form_matches(headers: &HeaderMap, token: &str) -> bool {
    cookie(headers, FORM_COOKIE).is_some_and(|value| {
        let expected = form_token(&SecretString::from(value.to_owned()));
        is_same_site(headers) && expected.as_bytes().ct_eq(token.as_bytes()).into()
    })
}

impl Session {
    /// Returns whether a form of this session was sent by one of its own pages.
    pub(crate) fn accepts(&self, headers: &HeaderMap, token: &str) -> bool {
        is_same_site(headers) && self.csrf.as_bytes().ct_eq(token.as_bytes()).into()
    }
}

/// A browser that says where a request comes from must say: from here.
fn is_same_site(headers: &HeaderMap) -> bool {
    let fetch_site = headers
        .get("sec-fetch-site")
        .and_then(|value| value.to_str().ok());
    matches!(fetch_site, None | Some("same-origin" | "none"))
}

fn form_token(secret: &SecretString) -> String {
    URL_SAFE_NO_PAD.encode(fingerprint(&format!("form {}", secret.expose_secret())))
}

pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name && !value.is_empty()).then_some(value))
}

pub(crate) fn set_cookie(app: &App, name: &str, value: &str, max_age_secs: i64) -> HeaderValue {
    let is_https = app
        .settings
        .external_url
        .as_deref()
        .is_some_and(|url| url.starts_with("https://"));
    let secure = if is_https { "; Secure" } else { "" };
    let text =
        format!("{name}={value}; Path=/; Max-Age={max_age_secs}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(text).expect("names and secrets are URL-safe")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::COOKIE,
            HeaderValue::from_static("a=1; tidegate_session=tgs_x; b="),
        );
        assert_eq!(cookie(&headers, SESSION_COOKIE), Some("tgs_x"));
        assert_eq!(cookie(&headers, "session"), None);
        assert_eq!(cookie(&headers, "b"), None);
    }

    #[test]
    fn a_form_sent_by_another_site_is_refused() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::COOKIE,
            HeaderValue::from_static("tidegate_form=tgs_x"),
        );
        let token = form_token(&SecretString::from("tgs_x".to_owned()));
        assert!(form_matches(&headers, &token));
        assert!(!form_matches(&headers, "guess"));
        headers.insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
        assert!(!form_matches(&headers, &token));
    }
}

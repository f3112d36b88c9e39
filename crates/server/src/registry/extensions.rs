//! What the protocol knows beside the specification: which extensions there are, and simple-signing signatures.
//!
//! Clients of the containers/image family keep OpenPGP signatures of images in one of two ways: through this API, when
//! the ping says so, or as plain files under an address ("lookaside"). Both read the same rows. What a signature proves
//! is not looked at here.
//!
//! # Source
//! containers/image, `docs/signature-protocols.md`; distribution specification, `extensions/README.md`.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catalog::{SignatureOutcome, SimpleSignature};
use http_body_util::{BodyExt as _, Limited};
use oci::{Digest, ErrorCode, RepositoryName};
use serde::{Deserialize, Serialize};

use super::{Call, parse_digest, with_api_version};
use crate::app::Shared;
use crate::auth;
use crate::error::ApiError;
use crate::request::Origin;

/// The largest request that brings a signature.
const MAX_BODY: usize = 1 << 20;
/// The length of a signature's name, in hexadecimal characters.
const NAME_LEN: usize = 32;

/// `GET /v2/_oci/ext/discover`: for whoever may ping.
pub(super) async fn discover(call: &Call) -> Result<Response, ApiError> {
    let caller = auth::identify(&call.app, call.headers(), &call.origin).await?;
    if caller.principal.is_none() {
        let challenge = auth::challenge::unauthorized(&call.app, call.headers(), None, None);
        return Err(challenge);
    }
    let extension = |name: &str, description: &str, endpoints: &[&str]| {
        serde_json::json!({
            "name": name,
            "url": format!("{}/v2/_oci/ext/discover", auth::challenge::base_url(&call.app, call.headers())),
            "description": description,
            "endpoints": endpoints,
        })
    };
    let extensions = [
        extension(
            "_oci/ext",
            "Lists the extensions of this registry.",
            &["/v2/_oci/ext/discover"],
        ),
        extension(
            "_catalog",
            "Lists the repositories that the caller may pull.",
            &["/v2/_catalog"],
        ),
        extension(
            "atomic",
            "Keeps simple-signing signatures of manifests.",
            &["/extensions/v2/{name}/signatures/{digest}"],
        ),
    ];
    Ok(axum::Json(serde_json::json!({ "extensions": extensions })).into_response())
}

/// `GET` and `PUT /extensions/v2/{name}/signatures/{digest}`.
pub(crate) async fn dispatch(
    State(app): State<Shared>,
    origin: Origin,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let method = parts.method.clone();
    let call = Call { app, origin, parts };
    let answer = async {
        let rest = path.strip_prefix("/extensions/v2/").unwrap_or_default();
        let (name, digest) = address(rest).ok_or_else(no_such_address)?;
        let (name, digest) = (call.name(name)?, parse_digest(&digest)?);
        match method.as_str() {
            "GET" => list(&call, &name, &digest).await,
            "PUT" => put(&call, body, &name, &digest).await,
            _ => Err(ApiError::unsupported(format!(
                "{method} is not supported at this address"
            ))),
        }
    };
    with_api_version(answer.await.unwrap_or_else(ApiError::into_response))
}

/// `GET /lookaside/{name}@{algorithm}={hex}/signature-{n}`, counted from 1.
///
/// Clients send no credential here and take 404 as "no more signatures", so whoever may not read gets that.
pub(crate) async fn lookaside(
    State(app): State<Shared>,
    origin: Origin,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let call = Call { app, origin, parts };
    match lookaside_file(&call, &path).await {
        Ok(Some(content)) => {
            let octets = HeaderValue::from_static("application/octet-stream");
            ([(header::CONTENT_TYPE, octets)], content).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) if error.status().is_client_error() => StatusCode::NOT_FOUND.into_response(),
        Err(error) => error.into_response(),
    }
}

async fn lookaside_file(call: &Call, path: &str) -> Result<Option<Vec<u8>>, ApiError> {
    let Some((name, digest, number)) = lookaside_address(path) else {
        return Ok(None);
    };
    let access = call.pull(&call.name(name)?).await?;
    let signatures = call
        .app
        .catalog
        .simple_signatures(access.repository.id, &digest)
        .await?;
    let signature = signatures.into_iter().nth(number - 1);
    Ok(signature.map(|signature| signature.content))
}

/// Splits `{name}/signatures/{digest}`; the digest's colon may be encoded.
fn address(rest: &str) -> Option<(&str, String)> {
    let (head, digest) = rest.rsplit_once('/')?;
    let name = head.strip_suffix("/signatures")?;
    let digest = percent_encoding::percent_decode_str(digest).decode_utf8();
    Some((name, digest.ok()?.into_owned()))
}

fn lookaside_address(path: &str) -> Option<(&str, Digest, usize)> {
    let rest = path.strip_prefix("/lookaside/")?;
    let (image, file) = rest.rsplit_once('/')?;
    let (name, digest) = image.rsplit_once('@')?;
    let (algorithm, hex) = digest.split_once('=')?;
    let digest = format!("{algorithm}:{hex}").parse().ok()?;
    let number = file.strip_prefix("signature-")?;
    let is_plain = !number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit());
    let number = number.parse().ok().filter(|_| is_plain)?;
    Some((name, digest, number))
}

fn no_such_address() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        ErrorCode::Unsupported,
        "no such address in the registry",
    )
}

/// A signature on the wire.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    schema_version: u8,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    content: String,
}

async fn list(call: &Call, name: &RepositoryName, digest: &Digest) -> Result<Response, ApiError> {
    let access = call.pull(name).await?;
    let signatures = call
        .app
        .catalog
        .simple_signatures(access.repository.id, digest)
        .await?;
    let entries: Vec<Entry> = signatures
        .into_iter()
        .map(|signature| Entry {
            schema_version: 2,
            kind: "atomic".to_owned(),
            name: format!("{digest}@{}", signature.name),
            content: STANDARD.encode(signature.content),
        })
        .collect();
    Ok(axum::Json(serde_json::json!({ "signatures": entries })).into_response())
}

async fn put(
    call: &Call,
    body: Body,
    name: &RepositoryName,
    digest: &Digest,
) -> Result<Response, ApiError> {
    let access = call.push_existing(name).await?;
    let signature = read_entry(body, digest).await?;
    let (app, actor) = (&call.app, access.caller.actor(&call.origin));
    let outcome = app
        .catalog
        .put_simple_signature(
            access.repository.id,
            digest,
            &signature,
            &actor,
            app.clock.now(),
        )
        .await?;
    let refused = |status, message: &str| Err(ApiError::new(status, ErrorCode::Denied, message));
    match outcome {
        SignatureOutcome::Stored | SignatureOutcome::Same => {
            Ok(StatusCode::CREATED.into_response())
        }
        SignatureOutcome::NoManifest => Err(ApiError::manifest_unknown(digest.as_str())),
        SignatureOutcome::NameTaken => refused(
            StatusCode::CONFLICT,
            "another signature has this name, draw a new one",
        ),
        SignatureOutcome::TooMany => refused(
            StatusCode::FORBIDDEN,
            "the manifest has as many signatures as it may have",
        ),
    }
}

async fn read_entry(body: Body, digest: &Digest) -> Result<SimpleSignature, ApiError> {
    let invalid = |message: String| ApiError::bad_request(ErrorCode::ManifestInvalid, message);
    let collected = Limited::new(body, MAX_BODY).collect().await;
    let bytes = collected
        .map_err(|_| {
            ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                ErrorCode::SizeInvalid,
                format!("a signature may have at most {MAX_BODY} bytes, sent whole"),
            )
        })?
        .to_bytes();
    let entry: Entry = serde_json::from_slice(&bytes)
        .map_err(|error| invalid(format!("the signature is not usable: {error}")))?;
    if entry.schema_version != 2 || entry.kind != "atomic" {
        return Err(invalid(
            "a signature has `schemaVersion` 2 and `type` `atomic`".to_owned(),
        ));
    }
    let name = entry
        .name
        .strip_prefix(digest.as_str())
        .and_then(|rest| rest.strip_prefix('@'))
        .filter(|name| name.len() == NAME_LEN)
        .filter(|name| name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
    let Some(name) = name else {
        let message = format!(
            "a signature's name is the digest of the address, `@` and {NAME_LEN} hexadecimal characters"
        );
        return Err(invalid(message));
    };
    let content = STANDARD.decode(&entry.content).ok();
    let content = content
        .filter(|content| !content.is_empty())
        .ok_or_else(|| invalid("the signature's content must be base64".to_owned()))?;
    Ok(SimpleSignature {
        name: name.to_owned(),
        content,
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn an_address_ends_with_a_digest() {
        let expected = Some(("a/signatures", "sha256:0".to_owned()));
        assert_eq!(address("a/signatures/signatures/sha256%3A0"), expected);
        assert_eq!(address("a/sha256:0"), None);
    }

    #[rstest]
    #[case("signature-1", Some(1))]
    #[case("signature-12", Some(12))]
    #[case("signature-0", None)]
    #[case("signature-01", None)]
    #[case("signature-+1", None)]
    #[case("signature-", None)]
    #[case("signature-99999999999999999999999", None)]
    #[case("other", None)]
    fn a_lookaside_file_is_a_signature_with_a_number(
        #[case] file: &str,
        #[case] expected: Option<usize>,
    ) {
        let path = format!("/lookaside/team/app@sha256={}/{file}", "a".repeat(64));
        let found = lookaside_address(&path).map(|(name, _, number)| {
            assert_eq!(name, "team/app");
            number
        });
        assert_eq!(found, expected);
    }
}

//! A strict provider of identities: it checks whatever a provider must check, and lies where a test tells it to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

pub(crate) const CLIENT_ID: &str = "tidegate";
pub(crate) const CLIENT_SECRET: &str = "canary-client-secret-9Zx";

/// What is wrong with what the provider says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lie {
    #[default]
    None,
    AlgNone,
    SignedWithTheClientSecret,
    SignedWithThePublicKey,
    ForeignKey,
    ForeignKeyInTheHeader,
    ForeignKeyByAddress,
    UnknownKey,
    Issuer,
    Audience,
    AnotherAudienceToo,
    Nonce,
    NoNonce,
    Expired,
    NoExpiry,
    IssuedLater,
    NotYetValid,
    NoIdToken,
    NoToken,
    UserInfoOfSomebodyElse,
    ChangedAfterSigning,
}

/// What the provider does when it is asked about somebody again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Again {
    /// It tells what it knows now.
    #[default]
    Tells,
    /// It does not vouch for them any more.
    Refuses,
    /// It answers with a fault.
    Fails,
    /// It tells about somebody else.
    OfSomebodyElse,
}

/// A key that signs tokens.
struct Key {
    id: String,
    pkcs8: Vec<u8>,
    point: Vec<u8>,
}

impl Key {
    fn new(id: &str) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            .unwrap()
            .as_ref()
            .to_vec();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).unwrap();
        Self {
            id: id.to_owned(),
            point: pair.public_key().as_ref().to_vec(),
            pkcs8,
        }
    }

    fn jwk(&self) -> Value {
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
            "x": URL_SAFE_NO_PAD.encode(&self.point[1..33]),
            "y": URL_SAFE_NO_PAD.encode(&self.point[33..]),
        })
    }
}

/// A code that was given out, and what it was given out for.
struct Code {
    redirect_uri: String,
    challenge: String,
    nonce: String,
    is_offline: bool,
}

struct Inner {
    lie: Lie,
    keys: Vec<Key>,
    claims: Value,
    user_info: Value,
    codes: BTreeMap<String, Code>,
    /// What may be asked with again: each once.
    renewals: BTreeSet<String>,
    again: Again,
    given: usize,
    asked: BTreeMap<String, usize>,
}

/// The provider, while it lives.
#[derive(Clone)]
pub(crate) struct Idp {
    pub(crate) issuer: String,
    inner: Arc<Mutex<Inner>>,
}

impl Idp {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}/realms/a", listener.local_addr().unwrap());
        let inner = Inner {
            lie: Lie::None,
            keys: vec![Key::new("key-1")],
            claims: json!({ "sub": "u-1", "preferred_username": "alice", "email": "alice@example.com", "groups": [] }),
            user_info: json!({ "sub": "u-1" }),
            codes: BTreeMap::new(),
            renewals: BTreeSet::new(),
            again: Again::Tells,
            given: 0,
            asked: BTreeMap::new(),
        };
        let idp = Self {
            issuer,
            inner: Arc::new(Mutex::new(inner)),
        };
        let router = Router::new()
            .route("/realms/a/.well-known/openid-configuration", get(describe))
            .route("/realms/a/jwks", get(keys))
            .route("/realms/a/token", post(token))
            .route("/realms/a/userinfo", get(user_info))
            .with_state(idp.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        idp
    }

    /// The same provider under another name than the one it gives itself.
    pub(crate) fn known_as(&self, issuer: String) -> Self {
        Self {
            issuer,
            inner: Arc::clone(&self.inner),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub(crate) fn lie(&self, lie: Lie) {
        self.inner().lie = lie;
    }

    pub(crate) fn when_asked_again(&self, again: Again) {
        self.inner().again = again;
    }

    /// Gives out what can be asked with again, once.
    fn renewal(&self) -> String {
        let mut inner = self.inner();
        inner.given += 1;
        let renewal = format!("canary-renewal-{}", inner.given);
        inner.renewals.insert(renewal.clone());
        renewal
    }

    /// Says who signs in next.
    pub(crate) fn claims(&self, claims: Value) {
        self.inner().claims = claims;
    }

    pub(crate) fn user_info(&self, claims: Value) {
        self.inner().user_info = claims;
    }

    /// Signs with a new key from now on; the old one is no longer published.
    pub(crate) fn rotate(&self, id: &str) {
        self.inner().keys = vec![Key::new(id)];
    }

    /// Returns how often an endpoint was asked.
    pub(crate) fn asked(&self, endpoint: &str) -> usize {
        self.inner().asked.get(endpoint).copied().unwrap_or(0)
    }

    fn count(&self, endpoint: &str) {
        *self.inner().asked.entry(endpoint.to_owned()).or_default() += 1;
    }

    /// Signs the browser in that was sent to `address`, and returns where it is sent back to.
    pub(crate) fn authorize(&self, address: &str) -> Url {
        let address = Url::parse(address).unwrap();
        assert_eq!(
            address.as_str().split('?').next().unwrap(),
            format!("{}/authorize", self.issuer)
        );
        let asked: BTreeMap<String, String> = address.query_pairs().into_owned().collect();
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["client_id"], CLIENT_ID);
        assert_eq!(asked["code_challenge_method"], "S256");
        assert_eq!(asked["code_challenge"].len(), 43);
        assert!(asked["state"].len() >= 20 && asked["nonce"].len() >= 20);
        assert_ne!(asked["state"], asked["nonce"]);
        let scopes: Vec<&str> = asked["scope"].split(' ').collect();
        assert!(scopes.contains(&"openid"), "{scopes:?}");
        assert!(!address.as_str().contains(CLIENT_SECRET));
        let redirect_uri = asked["redirect_uri"].clone();
        assert!(
            redirect_uri.ends_with("/sign-in/sso/callback"),
            "{redirect_uri}"
        );

        let mut inner = self.inner();
        inner.given += 1;
        let code = format!("code-{}", inner.given);
        let given = Code {
            redirect_uri: redirect_uri.clone(),
            challenge: asked["code_challenge"].clone(),
            nonce: asked["nonce"].clone(),
            is_offline: scopes.contains(&"offline_access"),
        };
        inner.codes.insert(code.clone(), given);
        let mut back = Url::parse(&redirect_uri).unwrap();
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &asked["state"])
            .append_pair("iss", &self.issuer);
        back
    }

    fn id_token(&self, nonce: &str) -> String {
        let inner = self.inner();
        let now = server::Clock::System.now().as_second();
        let mut claims = inner.claims.clone();
        claims["iss"] = json!(self.issuer);
        claims["aud"] = json!(CLIENT_ID);
        if !nonce.is_empty() {
            claims["nonce"] = json!(nonce);
        }
        claims["iat"] = json!(now);
        claims["exp"] = json!(now + 100_000);
        match inner.lie {
            Lie::Issuer => claims["iss"] = json!(format!("{}/", self.issuer)),
            Lie::Audience => claims["aud"] = json!("other"),
            Lie::AnotherAudienceToo => claims["aud"] = json!([CLIENT_ID, "other"]),
            Lie::Nonce => claims["nonce"] = json!("other"),
            Lie::NoNonce => drop(claims.as_object_mut().unwrap().remove("nonce")),
            Lie::Expired => claims["exp"] = json!(now - 1),
            Lie::NoExpiry => drop(claims.as_object_mut().unwrap().remove("exp")),
            Lie::IssuedLater => claims["iat"] = json!(now + 3_600),
            Lie::NotYetValid => claims["nbf"] = json!(now + 3_600),
            _ => {}
        }
        let key = &inner.keys[0];
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(key.id.clone());
        let sign = |header: &Header, key: &Key| {
            let signer = EncodingKey::from_ec_der(&key.pkcs8);
            jsonwebtoken::encode(header, &claims, &signer).unwrap()
        };
        let sign_with_text = |header: &Header, key: &[u8]| {
            jsonwebtoken::encode(header, &claims, &EncodingKey::from_secret(key)).unwrap()
        };
        match inner.lie {
            Lie::AlgNone => {
                let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
                format!("{}.{}.", part(&json!({ "alg": "none" })), part(&claims))
            }
            Lie::SignedWithTheClientSecret => {
                sign_with_text(&Header::new(Algorithm::HS256), CLIENT_SECRET.as_bytes())
            }
            Lie::SignedWithThePublicKey => {
                header.alg = Algorithm::HS256;
                sign_with_text(&header, &key.point)
            }
            Lie::ForeignKey => sign(&header, &Key::new("x")),
            Lie::ForeignKeyInTheHeader => {
                let foreign = Key::new(&key.id);
                header.jwk = Some(serde_json::from_value::<Jwk>(foreign.jwk()).unwrap());
                sign(&header, &foreign)
            }
            Lie::ForeignKeyByAddress => {
                header.jku = Some(format!("{}/foreign", self.issuer));
                sign(&header, &Key::new("x"))
            }
            Lie::UnknownKey => {
                header.kid = Some("../../key-0".to_owned());
                sign(&header, &Key::new("x"))
            }
            Lie::ChangedAfterSigning => {
                let token = sign(&header, key);
                let mut changed = claims.clone();
                changed["sub"] = json!("u-2");
                let parts: Vec<&str> = token.split('.').collect();
                let payload = URL_SAFE_NO_PAD.encode(changed.to_string());
                format!("{}.{payload}.{}", parts[0], parts[2])
            }
            _ => sign(&header, key),
        }
    }
}

async fn describe(State(idp): State<Idp>) -> Response {
    idp.count("description");
    let at = |path: &str| format!("{}/{path}", idp.issuer);
    axum::Json(json!({
        "issuer": idp.issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "userinfo_endpoint": at("userinfo"),
        "jwks_uri": at("jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        // What the provider says it may use is not what is accepted.
        "id_token_signing_alg_values_supported": ["ES256", "RS256", "HS256", "none"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
    }))
    .into_response()
}

async fn keys(State(idp): State<Idp>) -> Response {
    idp.count("keys");
    let keys: Vec<Value> = idp.inner().keys.iter().map(Key::jwk).collect();
    axum::Json(json!({ "keys": keys })).into_response()
}

async fn token(State(idp): State<Idp>, headers: HeaderMap, body: Bytes) -> Response {
    idp.count("token");
    let refused = |error: &str| {
        (
            StatusCode::BAD_REQUEST,
            axum::Json(json!({ "error": error })),
        )
            .into_response()
    };
    let expected = format!(
        "Basic {}",
        STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"))
    );
    if headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        != Some(&expected)
    {
        return refused("invalid_client");
    }
    let form: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    if field("grant_type") == "refresh_token" {
        return renew(&idp, field("refresh_token"));
    }
    if field("grant_type") != "authorization_code" || form.contains_key("client_secret") {
        return refused("invalid_request");
    }
    // A code is given for one token.
    let Some(code) = idp.inner().codes.remove(field("code")) else {
        return refused("invalid_grant");
    };
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, field("code_verifier").as_bytes()));
    if challenge != code.challenge || field("redirect_uri") != code.redirect_uri {
        return refused("invalid_grant");
    }
    let lie = idp.inner().lie;
    if lie == Lie::NoToken {
        return refused("invalid_grant");
    }
    let mut answer =
        json!({ "access_token": "access-1", "token_type": "Bearer", "expires_in": 60 });
    if lie != Lie::NoIdToken {
        answer["id_token"] = json!(idp.id_token(&code.nonce));
    }
    if code.is_offline {
        answer["refresh_token"] = json!(idp.renewal());
    }
    axum::Json(answer).into_response()
}

fn renew(idp: &Idp, renewal: &str) -> Response {
    let refused = || {
        let error = json!({ "error": "invalid_grant" });
        (StatusCode::BAD_REQUEST, axum::Json(error)).into_response()
    };
    let again = idp.inner().again;
    match again {
        Again::Fails => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Again::Refuses => return refused(),
        Again::Tells | Again::OfSomebodyElse => {}
    }
    if !idp.inner().renewals.remove(renewal) {
        return refused();
    }
    let kept = idp.inner().claims.clone();
    if again == Again::OfSomebodyElse {
        idp.inner().claims["sub"] = json!("u-2");
    }
    let token = idp.id_token("");
    idp.inner().claims = kept;
    axum::Json(json!({
        "access_token": "access-1", "token_type": "Bearer", "expires_in": 60,
        "id_token": token, "refresh_token": idp.renewal(),
    }))
    .into_response()
}

async fn user_info(State(idp): State<Idp>, headers: HeaderMap) -> Response {
    idp.count("user information");
    if headers
        .get(header::AUTHORIZATION)
        .is_none_or(|value| value != "Bearer access-1")
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let inner = idp.inner();
    let mut told = inner.user_info.clone();
    if inner.lie == Lie::UserInfoOfSomebodyElse {
        told["sub"] = json!("u-2");
    }
    axum::Json(told).into_response()
}

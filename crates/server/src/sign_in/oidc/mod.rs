//! Identity providers: OpenID Connect, the authorization code flow with PKCE.
//!
//! [`Provider::begin`] makes the address that the browser goes to; [`Provider::finish`] turns the code it comes back
//! with into a [`Person`]. What ties the two together is the browser's [`Ticket`]. [`Provider::renew`] asks again later
//! without the person, and [`recheck`] decides what follows. The provider is asked through
//! `outbound`, so an issuer on a private network must be listed there.
//!
//! An ID token counts only if a key of the issuer signed it with an asymmetric algorithm, and if issuer, audience, nonce
//! and times are right. What its header says about keys is not looked at.

mod claims;
mod known;
pub(crate) mod recheck;
mod ticket;

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreErrorResponseType, CoreIdToken,
    CoreIdTokenClaims, CoreJwsSigningAlgorithm, CoreProviderMetadata,
};
use openidconnect::{
    AccessToken, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret,
    CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, Nonce, NonceVerifier,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken,
    RequestTokenError, Scope, SignatureVerificationError, TokenResponse as _,
};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use self::claims::Claims;
use self::known::Known;
pub(crate) use self::ticket::{LIFETIME_SECS, Ticket};
use super::{OidcSettings, Person};
use crate::error::{Cause, chain};
use crate::outbound::{Outbound, bearer};

/// What may have signed an ID token. Nothing symmetric: the client's secret is no key. And not `none`.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];
/// How far the provider's clock may be ahead.
const SKEW: SignedDuration = SignedDuration::from_mins(1);
/// The longest answer of a provider, in bytes.
const MAX_ANSWER: u64 = 1 << 20;

/// The provider did not vouch for anybody.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderError {
    #[error("the provider's description or keys cannot be read")]
    Discovery(#[source] Cause),
    #[error("the setting makes no usable address")]
    Address(#[source] Cause),
    #[error("the provider does not give a token for the code")]
    Exchange(#[source] Cause),
    #[error("the provider does not vouch for the person any more")]
    Ended,
    #[error("the provider's answer holds no ID token")]
    NoIdToken,
    #[error("the ID token is not valid")]
    Token(#[source] ClaimsVerificationError),
    #[error("the ID token is not valid: {0}")]
    TokenClaim(&'static str),
    #[error("the provider's user information cannot be read")]
    UserInfo(#[source] Cause),
    #[error("neither the ID token nor the user information has the claim `{0}`")]
    NoClaim(String),
}

impl ProviderError {
    /// Whether the provider could not be asked, so that it may work later.
    pub(crate) fn is_of_the_network(&self) -> bool {
        matches!(self, Self::Discovery(_) | Self::UserInfo(_))
    }
}

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What a provider says of somebody who has just signed in, or was asked about again.
#[derive(Debug)]
pub(crate) struct Vouched {
    pub(crate) person: Person,
    /// What it can be asked with again; asked for by the scope `offline_access`.
    pub(crate) renewal: Option<SecretString>,
}

/// One configured provider.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) settings: OidcSettings,
    outbound: Outbound,
    known: Known,
}

impl Provider {
    pub(crate) fn new(settings: OidcSettings, outbound: Outbound) -> Self {
        Self {
            known: Known::default(),
            settings,
            outbound,
        }
    }

    /// Returns the provider's address where the browser signs in.
    ///
    /// # Errors
    /// The provider's description cannot be read.
    pub(crate) async fn begin(
        &self,
        redirect_uri: &str,
        ticket: &Ticket,
        now: Timestamp,
    ) -> Result<Url, ProviderError> {
        let metadata = self.known.get(&self.settings, &self.outbound, now).await?;
        let client = self.client(&metadata, Some(redirect_uri))?;
        let verifier = PkceCodeVerifier::new(ticket.pkce_verifier());
        let (state, nonce) = (ticket.state(), ticket.nonce());
        let (address, _, _) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .add_scopes(self.settings.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(address)
    }

    /// Turns the code that the browser brought into whom it stands for.
    ///
    /// # Errors
    /// The provider cannot be asked, gives no token, or one that is not valid.
    pub(crate) async fn finish(
        &self,
        redirect_uri: &str,
        code: &str,
        ticket: &Ticket,
        now: Timestamp,
    ) -> Result<Vouched, ProviderError> {
        let metadata = self.known.get(&self.settings, &self.outbound, now).await?;
        let client = self.client(&metadata, Some(redirect_uri))?;
        let exchange = |error: Cause| ProviderError::Exchange(error);
        let http = known::transport(&self.outbound);
        let answer = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|error| exchange(error.into()))?
            .set_pkce_verifier(PkceCodeVerifier::new(ticket.pkce_verifier()))
            .request_async(&http)
            .await
            .map_err(|error| exchange(chain(&error).into()))?;
        let token = answer.id_token().ok_or(ProviderError::NoIdToken)?;
        let nonce = Nonce::new(ticket.nonce());
        let (subject, claims) = self.read(&client, token, &nonce, now).await?;
        let claims = self
            .complete(&metadata, claims, &subject, answer.access_token())
            .await?;
        Ok(Vouched {
            person: self.person(subject, &claims)?,
            renewal: self.renewal_in(answer.refresh_token()),
        })
    }

    /// Asks again about somebody who signed in earlier, with what the provider gave for that.
    ///
    /// # Errors
    /// [`ProviderError::Ended`] if the provider does not know it any more; everything else says nothing about the person.
    ///
    /// # Source
    /// OpenID Connect Core, section 12: a new ID token is about the same person, need not be there, and has no nonce.
    pub(crate) async fn renew(
        &self,
        subject: &str,
        renewal: &SecretString,
        now: Timestamp,
    ) -> Result<Vouched, ProviderError> {
        let metadata = self.known.get(&self.settings, &self.outbound, now).await?;
        let client = self.client(&metadata, None)?;
        let exchange = |error: Cause| ProviderError::Exchange(error);
        let http = known::transport(&self.outbound);
        let renewal = RefreshToken::new(renewal.expose_secret().to_owned());
        let answer = client
            .exchange_refresh_token(&renewal)
            .map_err(|error| exchange(error.into()))?
            .request_async(&http)
            .await
            .map_err(|error| match error {
                RequestTokenError::ServerResponse(answer)
                    if *answer.error() == CoreErrorResponseType::InvalidGrant =>
                {
                    ProviderError::Ended
                }
                error => exchange(chain(&error).into()),
            })?;
        let claims = match answer.id_token() {
            Some(token) => {
                let no_nonce = |_: Option<&Nonce>| Ok(());
                let (told, claims) = self.read(&client, token, no_nonce, now).await?;
                if told != subject {
                    return Err(ProviderError::TokenClaim("it is about somebody else"));
                }
                claims
            }
            None => Claims::default(),
        };
        let claims = self
            .complete(&metadata, claims, subject, answer.access_token())
            .await?;
        Ok(Vouched {
            person: self.person(subject.to_owned(), &claims)?,
            // A provider that gives no new one goes on taking the old one (RFC 6749, section 6).
            renewal: self
                .renewal_in(answer.refresh_token())
                .or_else(|| Some(SecretString::from(renewal.into_secret()))),
        })
    }

    /// Verifies an ID token and returns whom it is about and what it says.
    async fn read(
        &self,
        client: &Client,
        token: &CoreIdToken,
        nonce: impl NonceVerifier + Clone,
        now: Timestamp,
    ) -> Result<(String, Claims), ProviderError> {
        let verified = match verify(client, token, nonce.clone(), now) {
            Err(ProviderError::Token(error)) if is_unknown_key(&error) => {
                // The provider may have new keys since it was asked.
                let metadata = self
                    .known
                    .renew(&self.settings, &self.outbound, now)
                    .await?;
                verify(&self.client(&metadata, None)?, token, nonce, now).cloned()
            }
            verified => verified.cloned(),
        };
        let subject = verified?.subject().as_str().to_owned();
        let claims = Claims::of_token(&token.to_string())
            .ok_or(ProviderError::TokenClaim("its claims cannot be read"))?;
        claims.check_not_before(now.saturating_add(SKEW).unwrap_or(now))?;
        Ok((subject, claims))
    }

    fn person(&self, subject: String, claims: &Claims) -> Result<Person, ProviderError> {
        let username = claims
            .text(&self.settings.username_claim)
            .ok_or_else(|| ProviderError::NoClaim(self.settings.username_claim.clone()))?;
        Ok(Person {
            issuer: self.settings.issuer.clone(),
            subject,
            username,
            email: claims.text("email"),
            groups: claims.list(&self.settings.groups_claim),
        })
    }

    /// What ends with the person's visit is no use here, so it is not kept where nothing else was asked for.
    fn renewal_in(&self, token: Option<&RefreshToken>) -> Option<SecretString> {
        let token = token.filter(|_| self.settings.asks_for_renewal())?;
        Some(SecretString::from(token.secret().clone()))
    }

    fn client(
        &self,
        metadata: &CoreProviderMetadata,
        redirect_uri: Option<&str>,
    ) -> Result<Client, ProviderError> {
        let secret = self.settings.client_secret.as_ref();
        let secret = secret.map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
        let id = ClientId::new(self.settings.client_id.clone());
        let mut client = CoreClient::from_provider_metadata(metadata.clone(), id, secret);
        if let Some(address) = redirect_uri {
            let redirect = RedirectUrl::new(address.to_owned())
                .map_err(|error| ProviderError::Address(error.into()))?;
            client = client.set_redirect_uri(redirect);
        }
        // Without a word about it a provider takes Basic credentials (OpenID Connect Discovery, section 3).
        let methods = metadata.token_endpoint_auth_methods_supported();
        let takes = |method| methods.is_none_or(|methods| methods.contains(&method));
        Ok(
            if takes(CoreClientAuthMethod::ClientSecretBasic)
                || !takes(CoreClientAuthMethod::ClientSecretPost)
            {
                client.set_auth_type(AuthType::BasicAuth)
            } else {
                client.set_auth_type(AuthType::RequestBody)
            },
        )
    }

    /// Asks for the user information where the ID token says too little, as many providers' do.
    async fn complete(
        &self,
        metadata: &CoreProviderMetadata,
        claims: Claims,
        subject: &str,
        access_token: &AccessToken,
    ) -> Result<Claims, ProviderError> {
        let is_complete =
            claims.has(&self.settings.username_claim) && claims.has(&self.settings.groups_claim);
        let Some(endpoint) = metadata.userinfo_endpoint().filter(|_| !is_complete) else {
            return Ok(claims);
        };
        let failed = |cause: Cause| ProviderError::UserInfo(cause);
        let mut request = reqwest::Request::new(reqwest::Method::GET, endpoint.url().clone());
        let token = SecretString::from(access_token.secret().to_owned());
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, bearer(&token));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let answer = self.outbound.send(request).await;
        let answer = answer.map_err(|error| failed(error.into()))?;
        if !answer.status().is_success() {
            return Err(failed(format!("status {}", answer.status()).into()));
        }
        let body = answer.bytes(MAX_ANSWER).await;
        let body = body.map_err(|error| failed(error.into()))?;
        let told = Claims::of_json(&body).ok_or_else(|| failed("it is no JSON object".into()))?;
        // OpenID Connect Core, section 5.3.2: whoever it is about must be the one the token is about.
        if told.text("sub").as_deref() != Some(subject) {
            return Err(ProviderError::TokenClaim(
                "the user information is about somebody else",
            ));
        }
        Ok(claims.or(told))
    }
}

fn verify<'a>(
    client: &Client,
    token: &'a CoreIdToken,
    nonce: impl NonceVerifier,
    now: Timestamp,
) -> Result<&'a CoreIdTokenClaims, ProviderError> {
    let since_epoch = Duration::from_secs(u64::try_from(now.as_second()).unwrap_or(0));
    let instant = SystemTime::UNIX_EPOCH + since_epoch;
    let latest = now.saturating_add(SKEW).unwrap_or(now).as_second();
    let verifier = client
        .id_token_verifier()
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || instant.into())
        .set_issue_time_verifier_fn(move |issued| {
            if issued.timestamp() <= latest {
                Ok(())
            } else {
                Err("issued in the future".to_owned())
            }
        });
    token.claims(&verifier, nonce).map_err(ProviderError::Token)
}

fn is_unknown_key(error: &ClaimsVerificationError) -> bool {
    matches!(
        error,
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)
    )
}

//! The part that talks to Rollcall, by way of the `openidconnect` crate.

use crate::{Parameters, Person, back_channel};
use anyhow::{Context, bail, ensure};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreIdToken, CoreJsonWebKey,
};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, LogoutRequest, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, Scope, TokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::str::FromStr;

/// What an application knows of its provider.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Rollcall's address.
    pub issuer: String,
    /// The id that the operator gave the application.
    pub client_id: String,
    /// The secret that goes with it.
    pub client_secret: String,
}

/// A client with the addresses that discovery names.
type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Claims beyond those of OpenID Connect: roles, organizations, tenant and grade.
#[derive(Debug, Deserialize, Serialize)]
struct Schooling(BTreeMap<String, Value>);

impl AdditionalClaims for Schooling {}

/// A sign-in that was begun.
pub(crate) struct Begun {
    pub(crate) url: String,
    pub(crate) state: String,
    pub(crate) verifier: PkceCodeVerifier,
    pub(crate) nonce: Nonce,
}

/// Rollcall, as this application sees it.
pub(crate) struct Provider {
    settings: Settings,
    own_url: String,
    http: reqwest::Client,
}

impl Provider {
    pub(crate) fn new(settings: Settings, own_url: String) -> anyhow::Result<Self> {
        // Whoever follows redirects here can be sent to other servers of this network.
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            settings,
            own_url,
            http,
        })
    }

    async fn discover(&self) -> anyhow::Result<ProviderMetadataWithLogout> {
        let issuer = IssuerUrl::new(self.settings.issuer.clone())?;
        let discovered = ProviderMetadataWithLogout::discover_async(issuer, &self.http).await;
        discovered.context("discovery failed")
    }

    async fn client(&self) -> anyhow::Result<Client> {
        let client = CoreClient::from_provider_metadata(
            self.discover().await?,
            ClientId::new(self.settings.client_id.clone()),
            Some(ClientSecret::new(self.settings.client_secret.clone())),
        );
        let redirect = RedirectUrl::new(format!("{}/callback", self.own_url))?;
        Ok(client.set_redirect_uri(redirect))
    }

    /// Begins a sign-in. `asked` is what a third party asked for, if one did.
    pub(crate) async fn begin(&self, asked: &Parameters) -> anyhow::Result<Begun> {
        if let Some(issuer) = asked.get("iss") {
            ensure!(
                *issuer == self.settings.issuer,
                "an unknown issuer began this"
            );
        }
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = self.client().await?;
        let mut request = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        );
        for scope in ["profile", "email", "roster"] {
            request = request.add_scope(Scope::new(scope.to_owned()));
        }
        for name in ["tenant", "login_hint", "prompt", "max_age"] {
            if let Some(value) = asked.get(name) {
                request = request.add_extra_param(name, value);
            }
        }
        let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
        Ok(Begun {
            url: url.into(),
            state: state.into_secret(),
            verifier,
            nonce,
        })
    }

    /// Redeems the code that came back, checks the id token and asks who it is.
    pub(crate) async fn finish(
        &self,
        answer: &Parameters,
        verifier: PkceCodeVerifier,
        nonce: &Nonce,
    ) -> anyhow::Result<Person> {
        // RFC 9207: the answer has to come from whom it was asked of.
        ensure!(
            answer.get("iss") == Some(&self.settings.issuer),
            "another provider answered"
        );
        if let Some(error) = answer.get("error") {
            bail!("the sign-in was refused: {error}");
        }
        let code = answer.get("code").context("there is no code")?;
        let client = self.client().await?;
        let exchange = client.exchange_code(AuthorizationCode::new(code.clone()))?;
        let tokens = exchange
            .set_pkce_verifier(verifier)
            .request_async(&self.http)
            .await;
        let tokens = tokens.context("the code was not redeemed")?;
        let id_token = tokens.id_token().context("there is no id token")?;
        let id_verifier = client.id_token_verifier();
        let claims = id_token
            .claims(&id_verifier, nonce)
            .context("the id token is refused")?;
        if let Some(expected) = claims.access_token_hash() {
            let algorithm = id_token.signing_alg()?;
            let key = id_token.signing_key(&id_verifier)?;
            let actual = AccessTokenHash::from_token(tokens.access_token(), algorithm, key)?;
            ensure!(
                actual == *expected,
                "the access token is not that of the id token"
            );
        }
        let access_token = tokens.access_token().clone();
        let asking = client.user_info(access_token, Some(claims.subject().clone()))?;
        let told: UserInfoClaims<Schooling, CoreGenderClaim> = asking
            .request_async(&self.http)
            .await
            .context("userinfo failed")?;
        Ok(Person {
            subject: claims.subject().to_string(),
            id_token: id_token.to_string(),
            claims: serde_json::to_value(told)?,
        })
    }

    /// Where the browser signs out of Rollcall.
    pub(crate) async fn end_session(&self, id_token: &str) -> anyhow::Result<String> {
        let metadata = self.discover().await?.additional_metadata().clone();
        let endpoint = metadata
            .end_session_endpoint
            .context("there is no way to sign out")?;
        let back = PostLogoutRedirectUrl::new(format!("{}/", self.own_url))?;
        let request = LogoutRequest::from(endpoint)
            .set_id_token_hint(&CoreIdToken::from_str(id_token)?)
            .set_client_id(ClientId::new(self.settings.client_id.clone()))
            .set_post_logout_redirect_uri(back);
        Ok(request.http_get_url().into())
    }

    /// Who is signed out, according to a logout token that holds.
    pub(crate) async fn signed_out(&self, token: &str) -> anyhow::Result<String> {
        let keys: Vec<CoreJsonWebKey> = self.discover().await?.jwks().keys().clone();
        let expected = back_channel::Expected {
            issuer: &self.settings.issuer,
            audience: &self.settings.client_id,
        };
        back_channel::verify(token, &keys, &expected)
    }
}

/// A value that nobody guesses.
pub(crate) fn random() -> String {
    CsrfToken::new_random_len(32).into_secret()
}

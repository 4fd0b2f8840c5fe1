//! The floor: what downloading and parsing the same pages costs a native program that does nothing
//! else. It asks with the application's own requests.

use anyhow::{Context, bail};
use bytes::Bytes;
use connectors::base_url::BaseUrl;
use connectors::google::directory::{Directory, Population, USERS_PAGE_SIZE};
use fake_providers::google::{CLIENT_ID, CLIENT_SECRET, FakeGoogle, Outcome};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::Deserialize;
use std::time::Duration;

/// Fits RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The least that a sync has to know of a page.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    next_page_token: Option<String>,
    #[serde(default)]
    users: Vec<User>,
}

/// The least that a sync has to know of a person.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: String,
    primary_email: String,
    name: Name,
    org_unit_path: String,
    suspended: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Name {
    given_name: String,
    family_name: String,
}

impl User {
    /// Reads every field, so that no parser can leave one out.
    fn text_bytes(&self) -> usize {
        let name = self.name.given_name.len() + self.name.family_name.len();
        let rest = self.id.len() + self.primary_email.len() + self.org_unit_path.len();
        name + rest + usize::from(self.suspended)
    }
}

/// A native client with an access token.
pub(crate) struct Floor {
    client: reqwest::Client,
    directory: Directory,
    access_token: String,
}

/// What a download brought.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Downloaded {
    /// People.
    pub(crate) people: u64,
    text_bytes: usize,
}

impl Floor {
    /// Authorises as the application is authorised.
    pub(crate) async fn open(google: &FakeGoogle, redirect: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .build()?;
        let base = google.base_url();
        let scope = "https://www.googleapis.com/auth/admin.directory.user.readonly";
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("client_id", CLIENT_ID),
                ("redirect_uri", redirect),
                ("response_type", "code"),
                ("scope", scope),
                ("state", "floor"),
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        let outcome = Outcome::allow(&google.accounts().super_admin);
        let back = google
            .consent(&format!("{base}/o/oauth2/v2/auth?{query}"), &outcome)
            .map_err(|page| anyhow::anyhow!("Google showed the error page {page:?}"))?;
        let code = url::Url::parse(&back)?
            .query_pairs()
            .find(|(name, _)| name == "code")
            .map(|(_, code)| code.into_owned())
            .context("consent gave no code")?;
        let form = [
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("redirect_uri", redirect),
            ("grant_type", "authorization_code"),
            ("code_verifier", VERIFIER),
            ("code", &code),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let answer = client
            .post(format!("{base}/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await?;
        let tokens: serde_json::Value = serde_json::from_slice(&answer.bytes().await?)?;
        Ok(Self {
            client,
            directory: Directory::new(BaseUrl::parse(base)?, Population::Customer),
            access_token: driver::text(&tokens, "access_token")?.to_owned(),
        })
    }

    /// Downloads and parses all pages of these units over so many connections at once; returns
    /// what there was and how long it took.
    pub(crate) async fn download(
        &self,
        units: &[String],
        connections: usize,
    ) -> anyhow::Result<(Downloaded, Duration)> {
        let watch = crate::figures::Watch::start();
        let chains = stream::iter(units.iter().map(|unit| self.chain(unit)));
        let all = chains
            .buffer_unordered(connections)
            .try_fold(Downloaded::default(), async |sum, chain| {
                Ok(Downloaded {
                    people: sum.people + chain.people,
                    text_bytes: sum.text_bytes + chain.text_bytes,
                })
            })
            .await?;
        let took = watch.elapsed();
        if all.text_bytes == 0 {
            bail!("the floor read nobody");
        }
        Ok((all, took))
    }

    async fn chain(&self, unit: &str) -> anyhow::Result<Downloaded> {
        let mut sum = Downloaded::default();
        let mut page_token: Option<String> = None;
        loop {
            let token = page_token.as_deref();
            let request: http::Request<Bytes> =
                self.directory
                    .users(Some(unit), USERS_PAGE_SIZE, token, &self.access_token)?;
            let answer = self.client.execute(request.try_into()?).await?;
            if !answer.status().is_success() {
                bail!("the floor was answered {}", answer.status());
            }
            let body = answer.bytes().await?;
            // On a thread that may compute, so that several connections use several processors.
            let page: Page = tokio::task::spawn_blocking(move || serde_json::from_slice(&body))
                .await?
                .context("reading a page")?;
            sum.people += page.users.len() as u64;
            sum.text_bytes += page.users.iter().map(User::text_bytes).sum::<usize>();
            match page.next_page_token {
                Some(next) => page_token = Some(next),
                None => return Ok(sum),
            }
        }
    }
}

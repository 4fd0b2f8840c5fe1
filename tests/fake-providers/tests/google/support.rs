//! A district with a client that knows its way.

use std::collections::BTreeMap;

use fake_providers::district::{District, DistrictShape};
use fake_providers::google::{CLIENT_ID, CLIENT_SECRET, Config, FakeGoogle, Outcome};
use reqwest::{Client, Response};
use serde_json::Value;
use url::form_urlencoded::Serializer;

pub(crate) const REDIRECT: &str = "http://127.0.0.1:3000/oauth/google/callback";
pub(crate) const SCOPE: &str = "https://www.googleapis.com/auth/";
/// From RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) struct World {
    pub(crate) fake: FakeGoogle,
    pub(crate) http: Client,
}

impl World {
    pub(crate) async fn of(size: usize) -> Self {
        Self::with(size, Config::with_redirect(REDIRECT)).await
    }

    pub(crate) async fn with(size: usize, config: Config) -> Self {
        let shape = DistrictShape::default().with_student_domain();
        let district = District::generate(42, size, shape);
        let fake = FakeGoogle::start(district, config).await.unwrap();
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_gzip()
            .build()
            .unwrap();
        Self { fake, http }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.fake.base_url())
    }

    /// The authorization address for scopes, with parameters changed or (empty) left out.
    pub(crate) fn authorize_url(&self, scopes: &str, changes: &[(&str, &str)]) -> String {
        let mut parameters = BTreeMap::from([
            ("client_id", CLIENT_ID),
            ("redirect_uri", REDIRECT),
            ("response_type", "code"),
            ("scope", scopes),
            ("state", "s t&te"),
            ("access_type", "offline"),
            ("prompt", "consent"),
            ("nonce", "n-1"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]);
        parameters.extend(changes.iter().copied());
        parameters.retain(|_, value| !value.is_empty());
        let query = Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        self.url(&format!("/o/oauth2/v2/auth?{query}"))
    }

    /// A code for the account.
    pub(crate) fn code(&self, account: &str, scopes: &str, changes: &[(&str, &str)]) -> String {
        let url = self.authorize_url(scopes, changes);
        let back = self.fake.consent(&url, &Outcome::allow(account)).unwrap();
        parameters_of(&back).remove("code").unwrap()
    }

    /// Posts to the token endpoint, fields changed or (empty) left out.
    pub(crate) async fn exchange(&self, fields: &[(&str, &str)]) -> (u16, Value) {
        let mut form = BTreeMap::from([
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("redirect_uri", REDIRECT),
            ("grant_type", "authorization_code"),
            ("code_verifier", VERIFIER),
        ]);
        form.extend(fields.iter().copied());
        form.retain(|_, value| !value.is_empty());
        self.post("/token", &form.into_iter().collect::<Vec<_>>())
            .await
    }

    pub(crate) async fn refresh(&self, token: &str) -> (u16, Value) {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("code_verifier", ""),
            ("redirect_uri", ""),
        ];
        self.exchange(&fields).await
    }

    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http.post(self.url(path)).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        answer(request.send().await.unwrap()).await
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(self.url(path)).json(body);
        answer(request.send().await.unwrap()).await
    }

    /// An access token of an account for short-named scopes of the Directory API.
    pub(crate) async fn token(&self, account: &str, scopes: &[&str]) -> String {
        let scopes: Vec<_> = scopes
            .iter()
            .map(|name| format!("{SCOPE}admin.directory.{name}"))
            .collect();
        let code = self.code(account, &scopes.join(" "), &[]);
        let (status, body) = self.exchange(&[("code", &code)]).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    /// The first administrator's token for everything read here.
    pub(crate) async fn admin_token(&self) -> String {
        let admin = self.fake.accounts().super_admin;
        let scopes = [
            "user.readonly",
            "orgunit.readonly",
            "group.readonly",
            "group.member.readonly",
            "domain.readonly",
            "customer.readonly",
        ];
        self.token(&admin, &scopes).await
    }

    pub(crate) async fn get_raw(
        &self,
        token: &str,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Response {
        self.http
            .get(self.url(&format!("/admin/directory/v1/{path}")))
            .query(parameters)
            .bearer_auth(token)
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn get(
        &self,
        token: &str,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> (u16, Value) {
        answer(self.get_raw(token, path, parameters).await).await
    }

    /// All records of a listing, page by page.
    pub(crate) async fn all(
        &self,
        token: &str,
        path: &str,
        list: &str,
        parameters: &[(&str, &str)],
    ) -> Vec<Value> {
        let mut records = Vec::new();
        let mut next = None::<String>;
        loop {
            let mut asked = parameters.to_vec();
            asked.extend(next.as_deref().map(|next| ("pageToken", next)));
            let (status, mut body) = self.get(token, path, &asked).await;
            assert_eq!(status, 200, "{body}");
            if let Some(Value::Array(page)) = body.get_mut(list).map(Value::take) {
                records.extend(page);
            }
            match body["nextPageToken"].as_str() {
                Some(token) => next = Some(token.to_owned()),
                None => return records,
            }
        }
    }
}

pub(crate) async fn answer(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// The parameters of an address, decoded once.
pub(crate) fn parameters_of(url: &str) -> BTreeMap<String, String> {
    let query = url.split_once('?').unwrap().1;
    url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// The reason in Google's error envelope.
pub(crate) fn reason(body: &Value) -> &str {
    body["error"]["errors"][0]["reason"]
        .as_str()
        .unwrap_or_default()
}

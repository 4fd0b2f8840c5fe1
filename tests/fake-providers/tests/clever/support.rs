//! A district with a client that knows its way.

use std::collections::BTreeSet;

use fake_providers::clever::{CLIENT_ID, CLIENT_SECRET, Change, Config, FakeClever, Role, User};
use fake_providers::district::District;
use reqwest::{Client, Response};
use serde_json::Value;
use url::form_urlencoded::Serializer;

pub(crate) const REDIRECT: &str = "http://127.0.0.1:3000/oauth/clever/callback";

pub(crate) struct World {
    pub(crate) fake: FakeClever,
    pub(crate) http: Client,
}

impl World {
    pub(crate) async fn of(size: usize) -> Self {
        Self::with(size, Config::with_redirect(REDIRECT)).await
    }

    pub(crate) async fn with(size: usize, config: Config) -> Self {
        let district = District::maple_grove(42, size);
        let fake = FakeClever::start(district, config).await.unwrap();
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

    pub(crate) async fn get_raw(&self, token: &str, path: &str) -> Response {
        let request = self.http.get(self.url(path)).bearer_auth(token);
        request.send().await.unwrap()
    }

    /// Asks with a token.
    pub(crate) async fn get_as(&self, token: &str, path: &str) -> (u16, Value) {
        answer(self.get_raw(token, path).await).await
    }

    /// Asks with the district's token.
    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let token = self.fake.district_token().unwrap();
        self.get_as(&token, path).await
    }

    /// The same for what must be there.
    pub(crate) async fn ok(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// All records of a list, page by page.
    pub(crate) async fn all(&self, path: &str) -> Vec<Value> {
        let mut records = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let body = self.ok(&path).await;
            records.extend(data(&body));
            next = link(&body, "next");
        }
        records
    }

    /// The district tokens listed for a client.
    pub(crate) async fn tokens(&self, secret: &str, query: &str) -> (u16, Value) {
        let request = self.http.get(self.url(&format!("/oauth/tokens?{query}")));
        let request = request.basic_auth(CLIENT_ID, Some(secret));
        answer(request.send().await.unwrap()).await
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(self.url(path)).json(body);
        answer(request.send().await.unwrap()).await
    }

    /// Exchanges a code.
    pub(crate) async fn exchange(&self, code: &str, redirect_uri: &str) -> (u16, Value) {
        let form = Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", redirect_uri)
            .finish();
        let request = self.http.post(self.url("/oauth/tokens")).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request.basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
        answer(request.send().await.unwrap()).await
    }

    /// The token of somebody who signs in from the portal.
    pub(crate) async fn user_token(&self, user: &str) -> String {
        let back = self.fake.launch(user).unwrap();
        let code = parameter(&back, "code").unwrap();
        let (status, body) = self.exchange(&code, REDIRECT).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    /// The first user, by id, of whom something holds.
    pub(crate) fn user(&self, holds: impl Fn(&User) -> bool) -> User {
        let found = |user: &User| holds(user);
        self.fake.with_roster(|roster| {
            roster
                .users()
                .find(|user| found(user))
                .unwrap()
                .into_owned()
        })
    }

    pub(crate) fn first(&self, role: Role) -> User {
        self.user(|user| user.has(role))
    }

    /// The id of a school that somebody is in, but not everybody.
    pub(crate) fn school(&self) -> String {
        let student = self.first(Role::Student);
        student.roles[&Role::Student].schools[0].to_string()
    }

    /// Makes a change and gives how many events tell of it.
    pub(crate) fn change(&self, change: &Change) -> usize {
        self.fake.change(change).unwrap().events
    }
}

pub(crate) async fn answer(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// The records of a page.
pub(crate) fn data(body: &Value) -> Vec<Value> {
    let items = body["data"].as_array().unwrap().iter();
    items.map(|item| item["data"].clone()).collect()
}

/// The ids of records, none of which may be there twice.
pub(crate) fn ids(records: &[Value]) -> BTreeSet<String> {
    let ids: BTreeSet<_> = records.iter().map(id).collect();
    assert_eq!(ids.len(), records.len(), "a record came twice");
    ids
}

pub(crate) fn id(record: &Value) -> String {
    record["id"].as_str().unwrap().to_owned()
}

/// Where a link leads.
pub(crate) fn link(body: &Value, rel: &str) -> Option<String> {
    let mut links = body["links"].as_array().unwrap().iter();
    let link = links.find(|link| link["rel"] == rel)?;
    Some(link["uri"].as_str().unwrap().to_owned())
}

/// A parameter of an address.
pub(crate) fn parameter(url: &str, name: &str) -> Option<String> {
    let query = url.split_once('?').unwrap().1;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
    pairs
        .find(|(given, _)| given == name)
        .map(|(_, value)| value)
}

pub(crate) fn is_html(response: &Response) -> bool {
    let content_type = response.headers()["content-type"].to_str().unwrap();
    content_type.starts_with("text/html")
}

//! A server with a client that knows its way.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fake_providers::district::District;
use fake_providers::oneroster::{
    CLIENT_ID, CLIENT_SECRET, Config, FakeOneRoster, Quirks, Security,
};
use reqwest::{Client, Response};
use serde_json::Value;
use url::form_urlencoded::Serializer;

pub(crate) const BEARER: &str = "a bearer that always works";
pub(crate) const V1P2_SCOPE: &str = "https://purl.imsglobal.org/spec/or/v1p2/scope/";
pub(crate) const V1P1_SCOPE: &str = "https://purl.imsglobal.org/spec/or/v1p1/scope/";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Version {
    V1p1,
    V1p2,
}

pub(crate) use Version::{V1p1, V1p2};

pub(crate) struct World {
    pub(crate) fake: FakeOneRoster,
    pub(crate) http: Client,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn list(&self, name: &str) -> &Vec<Value> {
        self.body[name].as_array().unwrap()
    }

    pub(crate) fn ids(&self, name: &str) -> Vec<String> {
        ids(self.list(name))
    }

    pub(crate) fn total(&self) -> usize {
        self.header("x-total-count").unwrap().parse().unwrap()
    }

    /// The minor code of an error of version 1.2.
    pub(crate) fn minor(&self) -> &str {
        self.body["imsx_CodeMinor"]["imsx_codeMinorField"][0]["imsx_codeMinorFieldValue"]
            .as_str()
            .unwrap_or_default()
    }
}

pub(crate) fn ids(records: &[Value]) -> Vec<String> {
    let id = |record: &Value| record["sourcedId"].as_str().unwrap().to_owned();
    records.iter().map(id).collect()
}

impl World {
    pub(crate) async fn of(size: usize) -> Self {
        Self::with(size, Config::default()).await
    }

    pub(crate) async fn quirky(size: usize, quirks: Quirks) -> Self {
        Self::with(size, Config::with_quirks(quirks)).await
    }

    pub(crate) async fn with(size: usize, mut config: Config) -> Self {
        let bearer = &mut config.security.static_bearer;
        bearer.get_or_insert_with(|| BEARER.to_owned());
        let district = District::maple_grove(42, size);
        let fake = FakeOneRoster::start(district, config).await.unwrap();
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_gzip()
            .build()
            .unwrap();
        Self { fake, http }
    }

    pub(crate) fn url(&self, version: Version, path: &str) -> String {
        let base = match version {
            V1p1 => self.fake.v1p1_url(),
            V1p2 => self.fake.v1p2_url(),
        };
        format!("{base}/{path}")
    }

    /// A read by somebody who may read everything.
    pub(crate) async fn get(
        &self,
        version: Version,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Got {
        self.get_as(BEARER, &self.url(version, path), parameters)
            .await
    }

    pub(crate) async fn get_as(&self, bearer: &str, url: &str, parameters: &[(&str, &str)]) -> Got {
        let query = Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        let url = if query.is_empty() {
            url.to_owned()
        } else {
            format!("{url}?{query}")
        };
        got(self.http.get(url).bearer_auth(bearer).send().await.unwrap()).await
    }

    /// All records of a list, page by page; pages are told by `X-Total-Count`.
    pub(crate) async fn all(&self, version: Version, path: &str, name: &str) -> Vec<Value> {
        let mut records = Vec::new();
        loop {
            let offset = records.len().to_string();
            let parameters = [("limit", "1000"), ("offset", offset.as_str())];
            let mut page = self.get(version, path, &parameters).await;
            assert_eq!(page.status, 200, "{}", page.text);
            let total = page.total();
            let Value::Array(more) = page.body[name].take() else {
                return records;
            };
            records.extend(more);
            if records.len() >= total {
                return records;
            }
        }
    }

    pub(crate) async fn first_id(&self, path: &str, name: &str) -> String {
        let got = self.get(V1p1, path, &[("limit", "1")]).await;
        got.ids(name).remove(0)
    }

    pub(crate) async fn count(&self, version: Version, path: &str, filter: &str) -> usize {
        let got = self.get(version, path, &[("filter", filter)]).await;
        assert_eq!(got.status, 200, "{filter}: {}", got.text);
        got.total()
    }

    /// Asks the token endpoint the usual way.
    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> Got {
        let basic = format!("{CLIENT_ID}:{CLIENT_SECRET}");
        let basic = format!("Basic {}", STANDARD.encode(basic));
        self.ask_for_token(form, Some(&basic)).await
    }

    pub(crate) async fn ask_for_token(
        &self,
        form: &[(&str, &str)],
        authorization: Option<&str>,
    ) -> Got {
        self.post_form(&self.fake.token_url(), form, authorization)
            .await
    }

    pub(crate) async fn post_form(
        &self,
        url: &str,
        form: &[(&str, &str)],
        authorization: Option<&str>,
    ) -> Got {
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let mut request = self.http.post(url).body(body);
        request = request.header("content-type", "application/x-www-form-urlencoded");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        got(request.send().await.unwrap()).await
    }

    /// A token for scopes, each without what comes before the last slash.
    pub(crate) async fn token_for(&self, version: Version, scopes: &[&str]) -> String {
        let prefix = match version {
            V1p1 => V1P1_SCOPE,
            V1p2 => V1P2_SCOPE,
        };
        let scopes: Vec<String> = scopes
            .iter()
            .map(|name| format!("{prefix}{name}"))
            .collect();
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", &scopes.join(" ")),
        ];
        let got = self.token(&form).await;
        got.body["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn admin(
        &self,
        method: reqwest::Method,
        path: &str,
        body: &Value,
    ) -> (u16, Value) {
        let url = format!("{}/_fake/{path}", self.fake.base_url());
        let request = self.http.request(method, url).body(body.to_string());
        let got = got(request.send().await.unwrap()).await;
        (got.status, got.body)
    }

    pub(crate) fn set_quirks(&self, change: impl FnOnce(&mut Quirks)) {
        let mut quirks = Quirks::default();
        change(&mut quirks);
        self.fake.set_quirks(quirks);
    }

    pub(crate) fn set_security(&self, change: impl FnOnce(&mut Security)) {
        let mut security = Security {
            static_bearer: Some(BEARER.to_owned()),
            ..Security::default()
        };
        change(&mut security);
        self.fake.set_security(security);
    }
}

pub(crate) async fn got(response: Response) -> Got {
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or_default();
    Got {
        status,
        headers,
        text,
        body,
    }
}

/// The relations and addresses of a `Link` header that follows the standard.
pub(crate) fn links(header: &str) -> BTreeMap<String, String> {
    header
        .split(", ")
        .map(|link| {
            let (url, relation) = link.split_once(">; rel=\"").unwrap();
            let relation = relation.strip_suffix('"').unwrap();
            (relation.to_owned(), url[1..].to_owned())
        })
        .collect()
}

pub(crate) fn distinct(ids: &[String]) -> usize {
    ids.iter().collect::<BTreeSet<_>>().len()
}

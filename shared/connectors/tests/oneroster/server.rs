//! A OneRoster service in memory (PROVIDERS 6), with the quirks of real ones (PROVIDERS 11).

use super::district::{Lists, district};
use bytes::Bytes;
use connectors::oneroster::Version;
use http::{Request, Response};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) const TOKEN: &str = "good-token";

/// How a service differs from the specification.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each quirk is there or not, whatever the others are"
)]
pub(crate) struct Quirks {
    /// What is said of the number of rows.
    pub total: Total,
    /// Most rows that a page has, whatever it is asked for.
    pub cap: usize,
    pub ignores_offset: bool,
    pub ignores_limit: bool,
    /// The first row is number 1.
    pub counts_from_one: bool,
    /// An empty page is a 404.
    pub empty_is_404: bool,
    /// The key of a list is the last part of the path of something else.
    pub key: Option<&'static str>,
    pub refuses_sort: bool,
    pub refuses_filter: bool,
    pub ignores_filter: bool,
    pub link: Option<&'static str>,
    /// Pages larger than this are a 502.
    pub gateway: Option<usize>,
    pub error_shape: char,
    /// A page beyond the last is the last again.
    pub clamps: bool,
    /// Asking for what is beyond the last row is a 400.
    pub refuses_past_end: bool,
    /// Asking for more rows than this is a 400.
    pub refuses_limit_over: Option<usize>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Total {
    Right,
    Missing,
    /// So many more, or fewer.
    Off(i64),
    /// The rows of the page.
    OfPage,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            total: Total::Right,
            cap: usize::MAX,
            ignores_offset: false,
            ignores_limit: false,
            counts_from_one: false,
            empty_is_404: false,
            key: None,
            refuses_sort: false,
            refuses_filter: false,
            ignores_filter: false,
            link: None,
            gateway: None,
            error_shape: 'a',
            clamps: false,
            refuses_past_end: false,
            refuses_limit_over: None,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub version: Version,
    pub lists: Lists,
    pub quirks: Quirks,
    pub headers: BTreeMap<&'static str, String>,
}

impl Server {
    pub(crate) fn new(version: Version, students: usize) -> Self {
        Self {
            version,
            lists: district(version, students),
            quirks: Quirks::default(),
            headers: BTreeMap::new(),
        }
    }

    pub(crate) fn with(students: usize, quirks: Quirks) -> Self {
        Self {
            quirks,
            ..Self::new(Version::V1_1, students)
        }
    }

    pub(crate) fn users(&mut self) -> &mut Vec<Value> {
        self.lists.get_mut("users").unwrap()
    }

    pub(crate) fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let authorization = request.headers()["authorization"].to_str().unwrap();
        if authorization != format!("Bearer {TOKEN}") && !authorization.starts_with("OAuth ") {
            return raw(401, "text/html", "<html>Sign in</html>");
        }
        let path = request.uri().path();
        let service = match self.version {
            Version::V1_1 => "/api/ims/oneroster/v1p1/",
            Version::V1_2 => "/api/ims/oneroster/rostering/v1p2/",
        };
        let path = path.strip_prefix(service).expect("the service's path");
        match path.split_once('/') {
            None => self.page(path, &parameters(request)),
            Some(("users", id)) => self.user(id),
            Some(other) => panic!("nobody asks for {other:?}"),
        }
    }

    fn user(&self, id: &str) -> Response<Bytes> {
        let id = percent_decode_str(id).decode_utf8().unwrap();
        match self.lists["users"]
            .iter()
            .find(|user| user["sourcedId"] == id.as_ref())
        {
            Some(user) => ok(&json!({ "user": user })),
            None => self.error(404, "unknownobject"),
        }
    }

    fn page(&self, name: &str, parameters: &BTreeMap<String, String>) -> Response<Bytes> {
        let quirks = &self.quirks;
        let number =
            |name: &str, or: usize| parameters.get(name).map_or(or, |n| n.parse().unwrap());
        if parameters.contains_key("sort") && quirks.refuses_sort {
            return self.error(400, "invalid_sort_field");
        }
        let mut rows: Vec<&Value> = self.lists[name].iter().collect();
        if let Some(filter) = parameters.get("filter") {
            if quirks.refuses_filter {
                return self.error(400, "invalid_filter_field");
            }
            let bound = filter
                .strip_prefix("dateLastModified>'")
                .expect("the filter");
            let bound = bound.strip_suffix('\'').expect("a quoted value");
            if !quirks.ignores_filter {
                rows.retain(|row| row["dateLastModified"].as_str().unwrap_or("9") > bound);
            }
        }
        if parameters.contains_key("sort") {
            assert_eq!(
                (&*parameters["sort"], &*parameters["orderBy"]),
                ("sourcedId", "asc")
            );
            rows.sort_by_cached_key(|row| row["sourcedId"].to_string());
        }
        let limit = if quirks.ignores_limit {
            usize::MAX
        } else {
            number("limit", 100)
        };
        let limit = limit.min(quirks.cap);
        if quirks.gateway.is_some_and(|most| limit > most) {
            return raw(502, "text/html", "<html>Bad Gateway</html>");
        }
        let mut offset = number("offset", 0);
        if quirks.counts_from_one {
            offset = offset.saturating_sub(1);
        }
        if quirks.refuses_past_end && offset >= rows.len() {
            return self.error(400, "invaliddata");
        }
        if (quirks.refuses_limit_over).is_some_and(|most| number("limit", 100) > most) {
            return raw(400, "text/plain", "The limit is too high");
        }
        if quirks.clamps && offset >= rows.len() {
            offset = rows.len().saturating_sub(1) / limit.max(1) * limit;
        }
        if quirks.ignores_offset {
            offset = 0;
        }
        let page: Vec<&Value> = rows.iter().skip(offset).take(limit).copied().collect();
        if page.is_empty() && quirks.empty_is_404 {
            return self.error(404, "unknownobject");
        }
        let total = i64::try_from(rows.len()).unwrap();
        let mut response = ok(&json!({ quirks.key.unwrap_or(name): page }));
        let total = match quirks.total {
            Total::Right => Some(total),
            Total::Missing => None,
            Total::Off(by) => Some((total + by).max(0)),
            Total::OfPage => Some(i64::try_from(page.len()).unwrap()),
        };
        let mut add = |name: &'static str, value: &str| {
            response.headers_mut().insert(name, value.parse().unwrap());
        };
        if let Some(total) = total {
            add("x-total-count", &total.to_string());
        }
        if let Some(link) = quirks.link {
            add("link", link);
        }
        for (name, value) in &self.headers {
            add(name, value);
        }
        response
    }

    pub(crate) fn error(&self, status: u16, minor: &str) -> Response<Bytes> {
        let body = match self.quirks.error_shape {
            'a' => {
                json!({ "imsx_codeMajor": "failure", "imsx_severity": "error", "imsx_description": "x", "imsx_CodeMinor": { "imsx_codeMinorField": [{ "imsx_codeMinorFieldName": "TargetEndSystem", "imsx_codeMinorFieldValue": minor }] } })
            }
            'b' => {
                json!({ "statusInfoSet": [{ "imsx_codeMajor": "failure", "imsx_severity": "error", "imsx_codeMinor": minor }] })
            }
            _ => {
                json!({ "CodeMajor": "failure", "Severity": "error", "CodeMinor": minor, "Description": "x" })
            }
        };
        raw(status, "application/json", &body.to_string())
    }
}

pub(crate) fn parameters(request: &Request<Bytes>) -> BTreeMap<String, String> {
    let query = request.uri().query().unwrap_or_default();
    let decode = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

pub(crate) fn ok(body: &Value) -> Response<Bytes> {
    raw(200, "application/json; charset=utf-8", &body.to_string())
}

pub(crate) fn raw(status: u16, kind: &str, body: &str) -> Response<Bytes> {
    let response = Response::builder()
        .status(status)
        .header("content-type", kind);
    response
        .body(Bytes::copy_from_slice(body.as_bytes()))
        .unwrap()
}

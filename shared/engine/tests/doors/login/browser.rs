//! A browser: it keeps cookies, says where its forms come from, and follows nothing by itself.

use super::School;
use crate::google::pairs;
use bytes::Bytes;
use http::{Method, StatusCode};
use std::collections::BTreeMap;

pub(super) struct Browser<'a> {
    school: &'a School,
    pub(super) cookies: BTreeMap<String, String>,
    pub(super) address: String,
    /// The headers that tell where a form comes from.
    pub(super) origin: Vec<(&'static str, &'static str)>,
}

/// A page, or where a browser is sent.
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) headers: http::HeaderMap,
    pub(super) html: String,
    pub(super) what: String,
}

impl<'a> Browser<'a> {
    pub(super) fn new(school: &'a School, address: &str) -> Self {
        Self {
            school,
            cookies: BTreeMap::new(),
            address: address.to_owned(),
            origin: vec![
                ("origin", "https://sync.example"),
                ("sec-fetch-site", "same-origin"),
            ],
        }
    }

    pub(super) fn get(&mut self, path: &str) -> Page {
        self.open(Method::GET, path, None)
    }

    /// Sends a form.
    pub(super) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.open(Method::POST, path, Some(form.finish()))
    }

    /// Sends the form of a page with these fields filled in, hidden ones as they are.
    pub(super) fn submit(&mut self, page: &Page, fields: &[(&str, &str)]) -> Page {
        let hidden = page.hidden();
        let mut all: Vec<(&str, &str)> = hidden
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        all.extend(fields);
        let action = page.html.split("action=\"").nth(1).unwrap();
        let action = action.split('"').next().unwrap().to_owned();
        self.post(&action, &all)
    }

    pub(super) fn open(&mut self, method: Method, path: &str, form: Option<String>) -> Page {
        let what = format!("{method} {path:.200}");
        let mut request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("spin-client-addr", &self.address);
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.header("cookie", cookies.join("; "));
        }
        if form.is_some() {
            request = request.header("content-type", "application/x-www-form-urlencoded");
            for (name, value) in &self.origin {
                request = request.header(*name, *value);
            }
        }
        let body = Bytes::from(form.unwrap_or_default());
        let response = self.school.send(request.body(body).unwrap());
        for cookie in response.headers().get_all("set-cookie") {
            self.keep(cookie.to_str().unwrap());
        }
        let page = Page {
            status: response.status(),
            html: String::from_utf8(response.body().to_vec()).unwrap(),
            headers: response.headers().clone(),
            what,
        };
        page.check();
        page
    }

    /// Keeps a cookie as a browser does, and asserts that it is as safe as it can be.
    fn keep(&mut self, cookie: &str) {
        for flag in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
            assert!(cookie.contains(flag), "{cookie}");
        }
        assert!(cookie.starts_with("__Host-rollcall-"), "{cookie}");
        assert!(!cookie.contains("Domain"), "{cookie}");
        let (pair, flags) = cookie.split_once(';').unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        if flags.contains("Max-Age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    pub(super) fn session(&self) -> Option<&String> {
        self.cookies.get("__Host-rollcall-session")
    }
}

impl Page {
    /// What holds for every page.
    fn check(&self) {
        let header = |name: &str| self.headers.get(name).map(|v| v.to_str().unwrap());
        assert_eq!(header("cache-control"), Some("no-store"), "{}", self.what);
        assert_ne!(
            self.status,
            StatusCode::INTERNAL_SERVER_ERROR,
            "{}: {}",
            self.what,
            self.html
        );
        if header("content-type") == Some("text/html; charset=utf-8") {
            let policy = header("content-security-policy").unwrap();
            assert!(policy.starts_with("default-src 'none'"), "{policy}");
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
            assert!(!self.html.contains("<script"), "{}", self.html);
            for part in [
                "<html lang=\"en\">",
                "<main>",
                "</main>",
                "<h1>",
                "<title>",
                "name=\"viewport\"",
            ] {
                assert!(self.html.contains(part) || self.html.is_empty(), "{part}");
            }
        }
    }

    /// Asserts the status and that the page says something.
    pub(super) fn says(&self, status: StatusCode, text: &str) -> &Self {
        assert_eq!(self.status, status, "{}: {}", self.what, self.html);
        assert!(self.html.contains(text), "{}: {}", self.what, self.html);
        self
    }

    /// Where the browser is sent.
    pub(super) fn location(&self) -> String {
        assert_eq!(
            self.status,
            StatusCode::SEE_OTHER,
            "{}: {}",
            self.what,
            self.html
        );
        self.headers["location"].to_str().unwrap().to_owned()
    }

    /// Where the browser is sent, and with what.
    pub(super) fn sent_to(&self) -> (String, BTreeMap<String, String>) {
        let location = self.location();
        let (base, query) = location.split_once('?').unwrap_or((&location, ""));
        (base.to_owned(), pairs(query))
    }

    /// The address of a link.
    pub(super) fn link(&self, label: &str) -> String {
        let (before, _) = self
            .html
            .split_once(&format!("\">{label}</a>"))
            .unwrap_or_else(|| panic!("no link {label}: {}", self.html));
        let (_, address) = before.rsplit_once("href=\"").unwrap();
        address.replace("&amp;", "&")
    }

    /// The hidden fields.
    fn hidden(&self) -> Vec<(String, String)> {
        let inputs = self.html.split("<input type=\"hidden\" name=\"").skip(1);
        let field = inputs.map(|input| {
            let (name, rest) = input.split_once("\" value=\"").unwrap();
            let value = rest.split('"').next().unwrap();
            (name.to_owned(), value.replace("&amp;", "&"))
        });
        field.collect()
    }
}

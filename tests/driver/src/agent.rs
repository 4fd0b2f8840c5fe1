//! A browser without pages: follows redirects one by one, keeps cookies as a browser does, and shows
//! every step.

use anyhow::{Context, bail};
use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url};
use std::collections::BTreeMap;
use std::time::Duration;

/// Redirects in a row that are followed.
const REDIRECTS_MAX: usize = 20;

/// What came back.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it is.
    pub url: Url,
    /// The status.
    pub status: StatusCode,
    /// The header.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Page {
    /// A header's text; empty without it.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// Where it leads by itself, if it does: by a redirect, or as a page that leads on.
    fn next(&self) -> Option<String> {
        let location = self.headers.get(LOCATION);
        if let Some(location) = location.filter(|_| self.status.is_redirection()) {
            return location.to_str().ok().map(str::to_owned);
        }
        let (_, rest) = self
            .text
            .split_once("<meta http-equiv=\"refresh\" content=\"0;url=")?;
        Some(unescaped(rest.split('"').next()?))
    }

    /// Whether it leads on by itself.
    pub fn leads_on(&self) -> bool {
        self.next().is_some()
    }

    /// Where it leads by itself.
    pub fn location(&self) -> anyhow::Result<Url> {
        let Some(location) = self.next() else {
            bail!(
                "{} of {} leads nowhere: {}",
                self.status,
                self.url,
                self.text
            )
        };
        Ok(self.url.join(&location)?)
    }

    /// The value of the field with a name in the page's forms.
    pub fn field(&self, name: &str) -> anyhow::Result<String> {
        let value = fields(&self.text)
            .into_iter()
            .find(|(found, _)| found == name);
        let value = value.map(|(_, value)| value);
        value.with_context(|| format!("no field {name} in {}", self.text))
    }

    /// Where the page's only form is sent.
    pub fn action(&self) -> anyhow::Result<Url> {
        let (_, rest) = self.text.split_once("<form").context("there is no form")?;
        let tag = rest.split('>').next().unwrap_or_default();
        let action = attribute(tag, "action").unwrap_or_default();
        Ok(self.url.join(&action)?)
    }
}

/// The named inputs of a page with their values.
pub fn fields(page: &str) -> Vec<(String, String)> {
    let tags = page.split("<input").skip(1);
    tags.filter_map(|rest| {
        let tag = rest.split('>').next()?;
        let name = attribute(tag, "name")?;
        Some((name, attribute(tag, "value").unwrap_or_default()))
    })
    .collect()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}="))?;
    let value = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => rest.split([' ', '>']).next()?,
    };
    Some(unescaped(value))
}

/// Text as it was before it was put into HTML.
fn unescaped(text: &str) -> String {
    let text = text.replace("&quot;", "\"").replace("&#39;", "'");
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    text.replace("&amp;", "&")
}

/// The value of a parameter of an address.
pub fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs.find_map(|(found, value)| (found == name).then(|| value.into_owned()))
}

/// Somebody's browser.
#[derive(Clone, Debug)]
pub struct Agent {
    client: Client,
    /// By host and port: stricter than a browser, which knows only hosts.
    jar: BTreeMap<String, BTreeMap<String, String>>,
}

impl Agent {
    /// A browser that was never used.
    pub fn new() -> anyhow::Result<Self> {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_mins(1))
            .build()?;
        Ok(Self {
            client,
            jar: BTreeMap::new(),
        })
    }

    /// The cookies for an address.
    pub fn cookies(&self, url: &str) -> BTreeMap<String, String> {
        let url = Url::parse(url).ok();
        let cookies = url.and_then(|url| self.jar.get(url.authority()).cloned());
        cookies.unwrap_or_default()
    }

    /// Puts a cookie into the jar, as somebody who tampers does.
    pub fn set_cookie(&mut self, url: &str, name: &str, value: &str) -> anyhow::Result<()> {
        let authority = Url::parse(url)?.authority().to_owned();
        let cookies = self.jar.entry(authority).or_default();
        cookies.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// Forgets the cookies of an address that a test does not keep.
    pub fn keep_cookies(&mut self, url: &str, keeps: impl Fn(&str) -> bool) {
        let url = Url::parse(url).ok();
        let jar = url.and_then(|url| self.jar.get_mut(url.authority()));
        if let Some(jar) = jar {
            jar.retain(|name, _| keeps(name));
        }
    }

    /// Opens an address and goes nowhere from there.
    pub async fn get(&mut self, url: &str) -> anyhow::Result<Page> {
        self.send(Method::GET, url, |request| request).await
    }

    /// Sends a form and goes nowhere from there. A browser says which site the form was on.
    pub async fn post(&mut self, url: &str, form: &[(&str, &str)]) -> anyhow::Result<Page> {
        let origin = Url::parse(url)?.origin().ascii_serialization();
        let with = |request: RequestBuilder| request.form(form).header("origin", origin);
        self.send(Method::POST, url, with).await
    }

    /// Opens an address and follows redirects to the page that stays.
    pub async fn open(&mut self, url: &str) -> anyhow::Result<Page> {
        let page = self.get(url).await?;
        self.follow(page, |_| false).await
    }

    /// Follows redirects, until a page stays or the next address is one to stop before.
    pub async fn follow(
        &mut self,
        mut page: Page,
        stops_before: impl Fn(&Url) -> bool,
    ) -> anyhow::Result<Page> {
        for _ in 0..REDIRECTS_MAX {
            if !page.leads_on() {
                return Ok(page);
            }
            let next = page.location()?;
            if stops_before(&next) {
                return Ok(page);
            }
            page = self.get(next.as_str()).await?;
        }
        bail!("redirects without end, last to {}", page.url)
    }

    /// Sends a request that may be anything.
    pub async fn send(
        &mut self,
        method: Method,
        url: &str,
        with: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> anyhow::Result<Page> {
        let url = Url::parse(url).with_context(|| format!("{url} is no address"))?;
        let mut request = self.client.request(method, url.clone());
        if let Some(cookies) = self.jar.get(url.authority()).filter(|jar| !jar.is_empty()) {
            let pairs: Vec<String> = cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
            request = request.header(COOKIE, pairs.join("; "));
        }
        let sent = with(request).send().await;
        let response = sent.with_context(|| format!("asking for {url}"))?;
        self.keep(&url, response.headers());
        Ok(Page {
            status: response.status(),
            headers: response.headers().clone(),
            text: response.text().await?,
            url,
        })
    }

    fn keep(&mut self, url: &Url, headers: &HeaderMap) {
        let cookies = self.jar.entry(url.authority().to_owned()).or_default();
        for cookie in headers.get_all(SET_COOKIE) {
            let Some((pair, attributes)) = cookie
                .to_str()
                .ok()
                .map(|text| text.split_once(';').unwrap_or((text, "")))
            else {
                continue;
            };
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            let attributes = attributes.to_ascii_lowercase();
            if attributes.split(';').any(|one| one.trim() == "max-age=0") {
                cookies.remove(name.trim());
            } else {
                cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
    }
}

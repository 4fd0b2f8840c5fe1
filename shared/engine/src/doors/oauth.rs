//! The door of the `oauth` component: authorising a Google connection in a browser, and, over
//! service chaining, what an administrator does with a connection that needs Google.
//!
//! Variables: `seal_keys`, `public_url`, `google_client_id`, `google_client_secret`,
//! `google_accounts_url`, `google_oauth_url`, `google_api_url`, `google_certs_url`. It reaches the
//! hosts of the last three.

mod connection;

use crate::authorize::{self, AuthorizeError, CALLBACK_PATH, Finished, OAuthSettings, START_PATH};
use crate::doors::asked::ConnectionRequest;
use crate::doors::page::{escape, page};
use crate::ports::Ports;
use crate::problem::{Kind, Problem, parse_json};
use crate::settings;
use bytes::Bytes;
use connectors::google::oauth::ConsentError;
use http::{HeaderValue, Method, StatusCode, header};

/// Serves one request.
pub async fn handle<P: Ports>(ports: &P, request: http::Request<Bytes>) -> http::Response<Bytes> {
    // No route leads here from outside.
    if request.uri().path() == "/connection" {
        let answer = match parse_json::<ConnectionRequest>(&request) {
            Ok(asked) => connection::perform(ports, &asked).await,
            Err(problem) => Err(problem),
        };
        return answer.unwrap_or_else(|problem| problem.to_response());
    }
    match serve(ports, &request).await {
        Ok(response) => response,
        Err(problem) if accepts_html(&request) => {
            let text = format!(
                "<p role=\"alert\">{}</p>{}",
                escape(&problem.detail),
                help()
            );
            page(problem.kind.status(), "This did not work", &text)
        }
        Err(problem) => problem.to_response(),
    }
}

async fn serve<P: Ports>(
    ports: &P,
    request: &http::Request<Bytes>,
) -> Result<http::Response<Bytes>, Problem> {
    let path = request.uri().path();
    let query = request.uri().query().unwrap_or_default();
    let token = path.strip_prefix(START_PATH);
    if token.is_none() && path != CALLBACK_PATH {
        return Err(Problem::not_found());
    }
    if request.method() != Method::GET {
        let mut problem = Problem::new(Kind::MethodNotAllowed, "this path takes GET alone");
        problem.allow = Some("GET".to_owned());
        return Err(problem);
    }
    let settings = OAuthSettings {
        seal_keys: settings::seal_keys(ports).await?,
        public_url: settings::public_url(ports).await?,
        google: settings::google(ports).await?,
    };
    let Some(token) = token else {
        let finished = authorize::finish(ports, &settings, query, request.headers()).await?;
        return Ok(finished_page(&finished));
    };
    if query == "continue=1" {
        let begun = authorize::begin(ports, &settings, token).await?;
        return redirect(&begun.location, &begun.cookie);
    }
    if !authorize::is_open(ports, token).await? {
        return Err(AuthorizeError::State.into());
    }
    Ok(start_page())
}

fn redirect(location: &str, cookie: &str) -> Result<http::Response<Bytes>, Problem> {
    let unusable = || Problem::new(Kind::Internal, "the address of Google's page can't be used");
    let mut response = http::Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    let location = HeaderValue::from_str(location).map_err(|_| unusable())?;
    headers.insert(header::LOCATION, location);
    let cookie = HeaderValue::from_str(cookie).map_err(|_| unusable())?;
    headers.insert(header::SET_COOKIE, cookie);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    Ok(response)
}

fn accepts_html(request: &http::Request<Bytes>) -> bool {
    request
        .headers()
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("text/html"))
}

fn start_page() -> http::Response<Bytes> {
    let main = format!(
        "<p>Google will ask whether Rollcall may read your district's users and organizational units. Use an administrator's account of the district; one that can only read users and organizational units is enough.</p><p><a class=\"go\" href=\"?continue=1\">Continue to Google</a></p>{}",
        help()
    );
    page(StatusCode::OK, "Authorise Rollcall at Google", &main)
}

fn finished_page(finished: &Finished) -> http::Response<Bytes> {
    let missing = finished
        .connection
        .last_test
        .as_ref()
        .filter(|_| finished.untested.is_none())
        .map(|test| test.missing.as_slice());
    let found = match (missing, &finished.untested) {
        (Some([]), _) => "<p>The connection test passed: everything that a sync needs can be read. You can close this page; the connection is ready to be saved.</p>".to_owned(),
        (Some(missing), _) => {
            let items = missing.iter().fold(String::new(), |items, text| {
                items + "<li>" + &escape(text) + "</li>"
            });
            format!("<p role=\"alert\">The connection test found something missing. Give the account these permissions and test again:</p><ul>{items}</ul>")
        }
        (None, reason) => format!(
            "<p role=\"alert\">The connection test could not be made: {}. Test again later.</p>",
            escape(reason.as_deref().unwrap_or("Google did not answer"))
        ),
    };
    page(StatusCode::OK, "Rollcall is authorised", &found)
}

/// What the errors mean that Google shows on its own pages and never reports back.
fn help() -> String {
    let entries = ConsentError::ALL
        .into_iter()
        .fold(String::new(), |entries, error| {
            let text = escape(&error.to_string());
            entries + "<dt><code>" + error.code() + "</code></dt><dd>" + &text + "</dd>"
        });
    format!(
        "<h2>Did Google show an error?</h2><p>Google does not tell us about errors on its own pages. Look for the code on the page, for instance after &quot;Error 400:&quot;</p><dl>{entries}</dl>"
    )
}

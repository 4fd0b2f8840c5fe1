//! What an application writes to sign people in with Rollcall: an ordinary OpenID Connect client.
//!
//! It knows nothing of Google, Clever, ClassLink or passwords. [`serve`] answers at
//! - `/`: who is signed in;
//! - `/login`: sends the browser to Rollcall, and is the `initiate_login_uri` too: whoever starts at
//!   a school's website or in a portal comes by here;
//! - `/callback`: the `redirect_uri`;
//! - `/logout`: signs out here and at Rollcall;
//! - `/backchannel-logout`: where Rollcall says that somebody may no longer be signed in.
//!
//! Sessions are kept in memory, and discovery is asked each time: an application that is more than a
//! demonstration keeps both.

mod back_channel;
mod pages;
mod provider;

use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use openidconnect::{Nonce, PkceCodeVerifier};
use provider::Provider;
pub use provider::Settings;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Somebody who is signed in.
struct Person {
    subject: String,
    /// For signing out.
    id_token: String,
    /// What userinfo says.
    claims: serde_json::Value,
}

/// The application.
struct Demo {
    provider: Provider,
    /// Sign-ins under way, by state.
    begun: Mutex<BTreeMap<String, (PkceCodeVerifier, Nonce)>>,
    /// Who is signed in, by the value of the cookie.
    sessions: Mutex<BTreeMap<String, Person>>,
}

type Parameters = BTreeMap<String, String>;

/// Serves the application at the address of a listener, until the end.
pub async fn serve(listener: tokio::net::TcpListener, settings: Settings) -> anyhow::Result<()> {
    let own_url = format!("http://{}", listener.local_addr()?);
    let demo = Demo {
        provider: Provider::new(settings, own_url)?,
        begun: Mutex::default(),
        sessions: Mutex::default(),
    };
    let router = Router::new()
        .route("/", get(home))
        .route("/login", get(login))
        .route("/callback", get(callback))
        .route("/logout", get(logout))
        .route("/backchannel-logout", post(backchannel_logout))
        .with_state(Arc::new(demo));
    Ok(axum::serve(listener, router).await?)
}

async fn home(State(demo): State<Arc<Demo>>, headers: HeaderMap) -> Html<String> {
    let sessions = lock(&demo.sessions);
    let person = cookie(&headers, SESSION).and_then(|session| sessions.get(session));
    Html(pages::home(person.map(|person| &person.claims)))
}

async fn login(
    State(demo): State<Arc<Demo>>,
    Query(asked): Query<Parameters>,
) -> Result<Response, Failed> {
    let begun = demo.provider.begin(&asked).await?;
    lock(&demo.begun).insert(begun.state.clone(), (begun.verifier, begun.nonce));
    // Only the browser that began may come back with the state.
    Ok((set_cookie(BEGUN, &begun.state), Redirect::to(&begun.url)).into_response())
}

async fn callback(
    State(demo): State<Arc<Demo>>,
    headers: HeaderMap,
    Query(answer): Query<Parameters>,
) -> Result<Response, Failed> {
    let state = cookie(&headers, BEGUN)
        .filter(|state| answer.get("state").is_some_and(|given| given == state));
    let begun = state.and_then(|state| lock(&demo.begun).remove(state));
    let (verifier, nonce) =
        begun.ok_or_else(|| anyhow::anyhow!("the sign-in was not begun in this browser"))?;
    let person = demo.provider.finish(&answer, verifier, &nonce).await?;
    let session = provider::random();
    lock(&demo.sessions).insert(session.clone(), person);
    Ok((set_cookie(SESSION, &session), Redirect::to("/")).into_response())
}

async fn logout(State(demo): State<Arc<Demo>>, headers: HeaderMap) -> Result<Redirect, Failed> {
    let session = cookie(&headers, SESSION).unwrap_or_default();
    let person = lock(&demo.sessions).remove(session);
    let Some(person) = person else {
        return Ok(Redirect::to("/"));
    };
    Ok(Redirect::to(
        &demo.provider.end_session(&person.id_token).await?,
    ))
}

async fn backchannel_logout(
    State(demo): State<Arc<Demo>>,
    Form(form): Form<Parameters>,
) -> Result<(), Failed> {
    let token = form.get("logout_token").map_or("", String::as_str);
    let subject = demo.provider.signed_out(token).await?;
    lock(&demo.sessions).retain(|_, person| person.subject != subject);
    Ok(())
}

const BEGUN: &str = "demo-begun";
const SESSION: &str = "demo-session";

type SetCookie = AppendHeaders<[(header::HeaderName, String); 1]>;

fn set_cookie(name: &str, value: &str) -> SetCookie {
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax");
    AppendHeaders([(header::SET_COOKIE, cookie)])
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let mut pairs = cookies
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(found, value)| (found == name).then_some(value))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What went wrong, told to whoever looks: this is a demonstration.
struct Failed(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let page = pages::failed(&format!("{:#}", self.0));
        (StatusCode::BAD_REQUEST, Html(page)).into_response()
    }
}

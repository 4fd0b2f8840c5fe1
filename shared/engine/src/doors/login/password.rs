//! The form for a name and a password.

use super::answers::{Answer, redirect, with_cookie};
use super::browser::{Browser, handle};
use super::change;
use super::forms;
use super::outcomes::{self, Ways, address};
use crate::doors::page::{escape, page_with_forms};
use crate::metrics::{self, Counter};
use crate::ports::Ports;
use crate::problem::Problem;
use crate::signin::entering::{Entrant, enter};
use crate::signin::passwords::{self, Outcome, Typed};
use crate::signin::{Method, settings};
use crate::tenants::Tenant;
use bytes::Bytes;
use http::StatusCode;

/// What the form is for.
const PURPOSE: &str = "password";

/// What is said of a name and a password that do not belong together, whoever has an account.
const WRONG: &str = "The name and the password do not belong together. Check both and try again.";

/// What is said of a form that is not from here.
const STALE: &str = "The page was open for too long, or this browser does not keep cookies. Type your name and password again.";

/// What a form shows again.
#[derive(Clone, Copy, Debug)]
struct Shown<'a> {
    status: StatusCode,
    /// What went wrong.
    alert: Option<&'a str>,
    name: &'a str,
    wants_change: bool,
    request: Option<&'a str>,
}

/// `GET /login/{tenant}/password`.
pub(super) async fn show<P: Ports>(browser: &Browser<'_, P>, tenant: &Tenant) -> Answer {
    let waiting = browser.waiting();
    if let Some(response) = off(browser, tenant, waiting.as_deref()).await? {
        return Ok(response);
    }
    let asking = browser.asking(waiting.as_deref()).await?;
    let hint = asking.and_then(|asking| asking.login_hint);
    let shown = Shown {
        status: StatusCode::OK,
        alert: None,
        name: hint.as_deref().unwrap_or_default(),
        wants_change: browser.query().split('&').any(|pair| pair == "change=1"),
        request: waiting.as_deref(),
    };
    form(browser, tenant, shown).await
}

/// The page that says that passwords are off, if they are.
async fn off<P: Ports>(
    browser: &Browser<'_, P>,
    tenant: &Tenant,
    request: Option<&str>,
) -> Result<Option<http::Response<Bytes>>, Problem> {
    let settings = settings::read(browser.ports, &tenant.id).await?;
    if settings.methods.contains(&Method::Password) {
        return Ok(None);
    }
    let ways = Ways::of(&tenant.id, request);
    Ok(Some(outcomes::method_off(tenant, Method::Password, ways)))
}

async fn form<P: Ports>(browser: &Browser<'_, P>, tenant: &Tenant, shown: Shown<'_>) -> Answer {
    let asking = browser.asking(shown.request).await?;
    let leads_to = browser.leads_to(&tenant.id, asking.as_ref()).await?;
    let token = forms::token(browser, &tenant.id, PURPOSE);
    let alert = shown.alert.map_or_else(String::new, |alert| {
        format!("<p role=\"alert\" id=\"alert\">{}</p>", escape(alert))
    });
    let described = match shown.alert {
        Some(_) => " aria-describedby=\"alert\"",
        None => "",
    };
    let waiting = hidden("request", shown.request.unwrap_or_default());
    let change = hidden("change", if shown.wants_change { "1" } else { "" });
    let name = escape(shown.name);
    let other = if shown.wants_change {
        String::new()
    } else {
        let there = address(&tenant.id, "/password", shown.request);
        let join = if there.contains('?') { '&' } else { '?' };
        format!(
            "<li><a href=\"{}\">Change your password</a></li>",
            escape(&format!("{there}{join}change=1"))
        )
    };
    let back = escape(&address(&tenant.id, "", shown.request));
    let main = format!(
        "{alert}<form method=\"post\" action=\"/login/{id}/password\">{token}{waiting}{change}<label for=\"name\">Email address or username</label><input id=\"name\" name=\"name\" type=\"text\" value=\"{name}\" autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" required maxlength=\"254\"{described}><label for=\"password\">Password or code</label><input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" required{described}><p><button>Sign in</button></p></form><nav aria-label=\"Other ways\"><ul>{other}<li><a href=\"{back}\">All ways to sign in</a></li></ul></nav><p>If you do not know your password, ask the administrator of your school for a code.</p>",
        id = tenant.id,
        token = token.field,
    );
    let title = if shown.wants_change {
        "First, your present password".to_owned()
    } else {
        format!("Sign in to {}", tenant.name)
    };
    let response = page_with_forms(shown.status, (&title, &main), &leads_to);
    match token.cookie {
        Some(cookie) => with_cookie(response, &cookie),
        None => Ok(response),
    }
}

fn hidden(name: &str, value: &str) -> String {
    if value.is_empty() {
        String::new()
    } else {
        format!(
            "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
            escape(value)
        )
    }
}

/// A form that is not from here: it is shown again, with nothing in it.
async fn stale<P: Ports>(browser: &Browser<'_, P>, tenant: &Tenant) -> Answer {
    metrics::count(browser.ports, Counter::SignInNotTaken, 1).await?;
    let request = forms::carried(browser);
    if let Some(response) = off(browser, tenant, request.as_deref()).await? {
        return Ok(response);
    }
    let shown = Shown {
        status: StatusCode::FORBIDDEN,
        alert: Some(STALE),
        name: "",
        wants_change: false,
        request: request.as_deref(),
    };
    form(browser, tenant, shown).await
}

/// `POST /login/{tenant}/password`.
pub(super) async fn attempt<P: Ports>(browser: &Browser<'_, P>, tenant: &Tenant) -> Answer {
    let Ok(sent) = browser.form(&tenant.id, PURPOSE) else {
        return stale(browser, tenant).await;
    };
    let request = handle(sent.field("request"));
    let request = request.as_deref();
    if let Some(response) = off(browser, tenant, request).await? {
        return Ok(response);
    }
    let typed = Typed {
        name: sent.field("name"),
        password: sent.field("password"),
        address: browser.address().await?,
        wants_change: sent.field("change") == "1",
    };
    let at = browser.at();
    let outcome = passwords::attempt(browser.ports, &browser.key, at, &tenant.id, typed).await?;
    answer(browser, tenant, outcome, (typed, request)).await
}

async fn answer<P: Ports>(
    browser: &Browser<'_, P>,
    tenant: &Tenant,
    outcome: Outcome,
    (typed, request): (Typed<'_>, Option<&str>),
) -> Answer {
    let ways = Ways::of(&tenant.id, request).by(Method::Password);
    match outcome {
        Outcome::Limited { until_ms } => {
            metrics::count(browser.ports, Counter::SignInLimited, 1).await?;
            let left_ms = until_ms.saturating_sub(browser.ports.now().as_millisecond());
            Ok(outcomes::limited((left_ms + 999) / 1_000, ways))
        }
        Outcome::Wrong => {
            metrics::count(browser.ports, Counter::SignInWrong, 1).await?;
            let shown = Shown {
                status: StatusCode::FORBIDDEN,
                alert: Some(WRONG),
                name: typed.name,
                wants_change: typed.wants_change,
                request,
            };
            form(browser, tenant, shown).await
        }
        Outcome::Refused(refused) => {
            metrics::count(browser.ports, Counter::SignInRefused, 1).await?;
            let why = (Method::Password, refused.cause);
            Ok(outcomes::refused(tenant, why, ways))
        }
        Outcome::MustChange { handle, known } => {
            let there = address(&tenant.id, "/password/change", request);
            let response = with_cookie(redirect(&there)?, &known)?;
            with_cookie(response, &change::set_cookie(&browser.public_url, &handle))
        }
        Outcome::SignedIn { account, known } => {
            let entrant = Entrant {
                tenant: &tenant.id,
                account: &account,
                method: Method::Password,
                after_ms: None,
                request,
            };
            let response = signed_in(browser, tenant, entrant).await?;
            with_cookie(response, &known)
        }
    }
}

/// Signs somebody in who sent a form.
pub(super) async fn signed_in<P: Ports>(
    browser: &Browser<'_, P>,
    tenant: &Tenant,
    entrant: Entrant<'_>,
) -> Answer {
    let entered = enter(browser.ports, browser.at(), entrant).await?;
    metrics::count(browser.ports, Counter::SignInDone, 1).await?;
    let home = address(&tenant.id, "/signed-in", None);
    let response = redirect(entered.location.as_deref().unwrap_or(&home))?;
    with_cookie(response, &entered.cookie)
}

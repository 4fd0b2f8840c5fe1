//! The form for a new password.

use super::answers::{Answer, with_cookie};
use super::browser::{Browser, handle};
use super::forms;
use super::outcomes::{self, Ways};
use super::password::signed_in;
use crate::cookies;
use crate::doors::page::{escape, page_with_forms};
use crate::metrics::{self, Counter};
use crate::ports::Ports;
use crate::settings::{PublicUrl, Secret};
use crate::signin::entering::Entrant;
use crate::signin::passwords::{self, CHANGE_MS, CHARACTERS_MIN, Changed};
use crate::signin::{Method, refusals};
use crate::tenants::Tenant;
use http::StatusCode;

/// What the form is for.
const PURPOSE: &str = "change";

/// The cookie with what opens the change.
const COOKIE: &str = "rollcall-change";

/// What is said of a form that is not from here.
const STALE: &str = "The page was open for too long, or this browser does not keep cookies. Type the new password again.";

/// `GET /login/{tenant}/password/change`.
pub(super) async fn show<P: Ports>(browser: &Browser<'_, P>, tenant: &Tenant) -> Answer {
    let request = browser.waiting();
    form(browser, tenant, (StatusCode::OK, None), request.as_deref()).await
}

async fn form<P: Ports>(
    browser: &Browser<'_, P>,
    tenant: &Tenant,
    (status, alert): (StatusCode, Option<&str>),
    request: Option<&str>,
) -> Answer {
    let opened = held(browser).unwrap_or_default();
    let Some(name) = passwords::changing(browser.ports, &tenant.id, opened).await? else {
        return Ok(outcomes::change_expired(Ways::of(&tenant.id, request)));
    };
    let asking = browser.asking(request).await?;
    let leads_to = browser.leads_to(&tenant.id, asking.as_ref()).await?;
    let token = forms::token(browser, &tenant.id, PURPOSE);
    let (alert, described) = match alert {
        Some(alert) => (
            format!("<p role=\"alert\" id=\"alert\">{}</p>", escape(alert)),
            "alert rule",
        ),
        None => (String::new(), "rule"),
    };
    let waiting = request.map_or_else(String::new, |request| {
        format!("<input type=\"hidden\" name=\"request\" value=\"{request}\">")
    });
    let main = format!(
        "{alert}<p id=\"rule\">Choose a password that nobody else knows, with at least {CHARACTERS_MIN} characters. A sentence is easy to remember. You may paste it, and let your browser keep it.</p><form method=\"post\" action=\"/login/{id}/password/change\">{token}{waiting}<label for=\"name\">Your name to sign in with</label><input id=\"name\" type=\"text\" value=\"{name}\" autocomplete=\"username\" readonly><label for=\"new\">New password</label><input id=\"new\" name=\"new\" type=\"password\" autocomplete=\"new-password\" required minlength=\"{CHARACTERS_MIN}\" aria-describedby=\"{described}\"><label for=\"again\">The same again</label><input id=\"again\" name=\"again\" type=\"password\" autocomplete=\"new-password\" required minlength=\"{CHARACTERS_MIN}\"><p><button>Set the password and sign in</button></p></form>",
        id = tenant.id,
        token = token.field,
        name = escape(&name),
    );
    let response = page_with_forms(status, ("Choose a new password", &main), &leads_to);
    match token.cookie {
        Some(cookie) => with_cookie(response, &cookie),
        None => Ok(response),
    }
}

/// `POST /login/{tenant}/password/change`.
pub(super) async fn choose<P: Ports>(browser: &Browser<'_, P>, tenant: &Tenant) -> Answer {
    let Ok(sent) = browser.form(&tenant.id, PURPOSE) else {
        metrics::count(browser.ports, Counter::SignInNotTaken, 1).await?;
        let request = forms::carried(browser);
        let again = (StatusCode::FORBIDDEN, Some(STALE));
        return form(browser, tenant, again, request.as_deref()).await;
    };
    let request = handle(sent.field("request"));
    let request = request.as_deref();
    let ways = Ways::of(&tenant.id, request).by(Method::Password);
    let opened = held(browser).unwrap_or_default();
    let new = (sent.field("new"), sent.field("again"));
    match passwords::change(browser.ports, &tenant.id, opened, new).await? {
        Changed::Expired => Ok(outcomes::change_expired(ways)),
        Changed::Refused(refused) => {
            let who = (Method::Password, None);
            refusals::note(browser.ports, &tenant.id, who, &refused).await?;
            metrics::count(browser.ports, Counter::SignInRefused, 1).await?;
            Ok(outcomes::refused(
                tenant,
                (Method::Password, refused.cause),
                ways,
            ))
        }
        Changed::Weak(weakness) => {
            let alert = weakness.to_string();
            let again = (StatusCode::UNPROCESSABLE_ENTITY, Some(alert.as_str()));
            form(browser, tenant, again, request).await
        }
        Changed::Set { account, after_ms } => {
            let entrant = Entrant {
                tenant: &tenant.id,
                account: &account,
                method: Method::Password,
                after_ms: Some(after_ms),
                request,
            };
            let response = signed_in(browser, tenant, entrant).await?;
            with_cookie(
                response,
                &cookies::set(&browser.public_url, COOKIE, "", Some(0)),
            )
        }
    }
}

fn held<'a, P: Ports>(browser: &Browser<'a, P>) -> Option<&'a str> {
    cookies::read(&browser.public_url, browser.headers(), COOKIE)
}

/// The `Set-Cookie` with which a browser may choose a password.
pub(super) fn set_cookie(public_url: &PublicUrl, handle: &Secret) -> String {
    cookies::set(public_url, COOKIE, handle.expose(), Some(CHANGE_MS / 1_000))
}

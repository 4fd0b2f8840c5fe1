//! Choosing how to sign in, and going there.

use super::answers::{Answer, redirect, with_cookie};
use super::browser::Browser;
use super::forms;
use super::outcomes::{self, Ways, address};
use crate::connections::{self, DistrictId, Domain};
use crate::doors::nudge::Nudge;
use crate::doors::page::{escape, page};
use crate::oidc::{self, Refusal};
use crate::ports::{Ports, VariableError};
use crate::problem::{Kind, Problem};
use crate::signin::districts::{self, Districts};
use crate::signin::providers::{Hints, Provider};
use crate::signin::settings::Settings;
use crate::signin::{Method, flow, sessions, settings};
use crate::tenants::Tenant;
use http::StatusCode;
use mapping::ids::TenantId;

/// What the sign-out form is for.
const SIGN_OUT: &str = "sign-out";

/// `GET /login/{tenant}`.
pub(super) async fn choose<P: Ports>(browser: &Browser<'_, P>, tenant: &Tenant) -> Answer {
    let settings = settings::read(browser.ports, &tenant.id).await?;
    if settings.methods.is_empty() {
        return Ok(outcomes::no_method(tenant));
    }
    let districts = districts_of(browser.ports, &settings, &tenant.id).await?;
    let waiting = browser.waiting();
    let mut items: Vec<String> = Vec::new();
    for method in &settings.methods {
        if is_ready(browser.ports, *method, &districts).await? {
            let there = address(
                &tenant.id,
                &format!("/{}", method.as_str()),
                waiting.as_deref(),
            );
            items.push(format!(
                "<li><a class=\"go\" href=\"{}\">Sign in with {}</a></li>",
                escape(&there),
                method.title()
            ));
        }
    }
    if items.is_empty() {
        return Ok(outcomes::no_method(tenant));
    }
    let asking = browser.asking(waiting.as_deref()).await?;
    let on = asking.map_or_else(String::new, |asking| {
        format!("<p>to go on to {}</p>", escape(&asking.application))
    });
    let main = format!(
        "{on}<nav aria-label=\"Ways to sign in\"><ul>{}</ul></nav>",
        items.concat()
    );
    let title = format!("Sign in to {}", tenant.name);
    Ok(page(StatusCode::OK, &title, &main))
}

/// The districts whose people sign in, as far as a method that is on needs any.
pub(super) async fn districts_of<P: Ports>(
    ports: &P,
    settings: &Settings,
    tenant: &TenantId,
) -> Result<Districts, Problem> {
    let needs = [Method::Classlink, Method::Clever];
    if !needs.iter().any(|method| settings.methods.contains(method)) {
        return Ok(Districts::default());
    }
    let connections = connections::list(ports, tenant).await?;
    Ok(districts::all(ports, tenant, &connections).await?)
}

/// Whether a method that is on can be used: the operator has an application at the provider, and
/// the tenant a district.
pub(super) async fn is_ready<P: Ports>(
    ports: &P,
    method: Method,
    districts: &Districts,
) -> Result<bool, Problem> {
    let has_district = districts.of(method).is_none_or(|ids| !ids.is_empty());
    match Provider::read(ports, method).await {
        Ok(_) => Ok(has_district),
        Err(VariableError::Missing(_)) => Ok(false),
        Err(error @ VariableError::Unusable { .. }) => Err(error.into()),
    }
}

/// `GET /login/{tenant}/{method}`: straight to the provider.
pub(super) async fn away<P: Ports>(
    browser: &Browser<'_, P>,
    tenant: &Tenant,
    method: Method,
) -> Answer {
    let settings = settings::read(browser.ports, &tenant.id).await?;
    let waiting = browser.waiting();
    let ways = Ways::of(&tenant.id, waiting.as_deref()).by(method);
    if !settings.methods.contains(&method) {
        return Ok(outcomes::method_off(tenant, method, ways));
    }
    let districts = districts_of(browser.ports, &settings, &tenant.id).await?;
    if !is_ready(browser.ports, method, &districts).await? {
        return Ok(outcomes::not_set_up(Some(tenant), method, ways));
    }
    let Some(provider) = Provider::read(browser.ports, method).await? else {
        return Err(Problem::not_found());
    };
    let asking = browser.asking(waiting.as_deref()).await?;
    let mut clever = districts.clever.iter();
    let mut domains = settings.google_domains.iter();
    let hints = Hints {
        clever_district: only(&mut clever).map(DistrictId::as_str),
        google_domain: only(&mut domains).map(Domain::as_str),
        login: asking
            .as_ref()
            .and_then(|asking| asking.login_hint.as_deref()),
    };
    let to = (Some(&tenant.id), waiting.as_deref());
    send_away(browser, &provider, to, hints).await
}

/// The only one of several.
fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    match (items.next(), items.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// Sends a browser to a provider.
pub(super) async fn send_away<P: Ports>(
    browser: &Browser<'_, P>,
    provider: &Provider,
    to: (Option<&TenantId>, Option<&str>),
    hints: Hints<'_>,
) -> Answer {
    let begun = flow::begin(browser.ports, &browser.public_url, provider, to, hints).await?;
    let begun = begun.map_err(|error| Problem::new(Kind::Internal, error.to_string()))?;
    let mut response = redirect(&begun.location)?;
    for cookie in &begun.cookies {
        response = with_cookie(response, cookie)?;
    }
    Ok(response)
}

/// `GET /login/{tenant}/cancel`: back to the application without signing in.
pub(super) async fn cancel<P: Ports>(browser: &Browser<'_, P>, tenant: &Tenant) -> Answer {
    let waiting = browser.waiting();
    let refusal = Refusal::AccessDenied;
    match oidc::refuse(browser.ports, waiting.as_deref(), refusal).await? {
        Some(location) => redirect(&location),
        None => redirect(&address(&tenant.id, "", None)),
    }
}

/// `GET /login/{tenant}/signed-in`.
pub(super) async fn signed_in<P: Ports>(browser: &Browser<'_, P>, tenant: &Tenant) -> Answer {
    let held = sessions::find(browser.ports, &browser.public_url, browser.headers()).await?;
    let session = held.map(|held| held.session);
    let session = session.filter(|session| session.tenant == tenant.id);
    let is_signed_in = match &session {
        Some(session) => sessions::look(browser.ports, session).await?.is_ok(),
        None => false,
    };
    if !is_signed_in {
        return redirect(&address(&tenant.id, "", None));
    }
    let token = forms::token(browser, &tenant.id, SIGN_OUT);
    let response = outcomes::signed_in(tenant, &token.field);
    match token.cookie {
        Some(cookie) => with_cookie(response, &cookie),
        None => Ok(response),
    }
}

/// `POST /login/{tenant}/sign-out`.
pub(super) async fn sign_out<P: Ports>(browser: &Browser<'_, P>, tenant: &Tenant) -> Answer {
    if browser.form(&tenant.id, SIGN_OUT).is_err() {
        return redirect(&address(&tenant.id, "/signed-in", None));
    }
    let held = sessions::find(browser.ports, &browser.public_url, browser.headers()).await?;
    if let Some(held) = &held {
        sessions::end(browser.ports, held.place).await?;
        oidc::tell_session(browser.ports, held).await?;
    }
    let mut response = redirect(&address(&tenant.id, "/signed-out", None))?;
    if let Some(held) = held {
        let tenant = held.session.tenant;
        response.extensions_mut().insert(Nudge { tenant });
    }
    with_cookie(response, &sessions::clear_cookie(&browser.public_url))
}

//! The way back from a provider: who it was, whose account that is, and on to the application.

use super::answers::{Answer, redirect, with_cookie};
use super::browser::Browser;
use super::outcomes::{self, Ways, address};
use super::start::send_away;
use crate::metrics::{self, Counter};
use crate::ports::{Ports, VariableError};
use crate::problem::Problem;
use crate::signin::entering::{Entrant, enter};
use crate::signin::flow::{self, Returned};
use crate::signin::providers::{self, Failed, Hints, IdentifyError, Provider};
use crate::signin::recognising::recognise;
use crate::signin::refusals::{self, Somebody};
use crate::signin::standing::Standings;
use crate::signin::{Method, districts};
use crate::tenants::{self, Tenant};
use bytes::Bytes;
use connectors::signin::ProviderIdentity;

/// `GET /callback/{method}`.
pub(super) async fn serve<P: Ports>(browser: &Browser<'_, P>, method: Method) -> Answer {
    let redirected = providers::redirected(method, browser.query());
    let Some(state) = &redirected.state else {
        return match redirected.brought {
            Ok(_) => launched(browser, method).await,
            Err(failed) => not_signed_in(browser, method, &failed, None).await,
        };
    };
    let taken = flow::take(browser.ports, browser.at(), method, state).await?;
    let response = match taken {
        Ok(returned) => returned_with(browser, method, &returned, redirected.brought).await?,
        Err(refusal) => {
            metrics::count(browser.ports, Counter::SignInNotTaken, 1).await?;
            outcomes::not_taken(method, &refusal)
        }
    };
    if flow::was_launched(&browser.public_url, browser.headers(), method) {
        return with_cookie(response, &flow::forget_launch(&browser.public_url));
    }
    Ok(response)
}

/// A code that nobody asked for. Whoever has it may be anybody, so it is not used: the browser is
/// sent on a way of its own, once.
async fn launched<P: Ports>(browser: &Browser<'_, P>, method: Method) -> Answer {
    if flow::was_launched(&browser.public_url, browser.headers(), method) {
        metrics::count(browser.ports, Counter::SignInFailed, 1).await?;
        let response = outcomes::looping(method);
        return with_cookie(response, &flow::forget_launch(&browser.public_url));
    }
    let ways = Ways {
        tenant: None,
        method: Some(method),
        request: None,
    };
    let provider = match Provider::read(browser.ports, method).await {
        Ok(Some(provider)) => provider,
        Ok(None) => return Err(Problem::not_found()),
        Err(VariableError::Missing(_)) => return Ok(outcomes::not_set_up(None, method, ways)),
        Err(error @ VariableError::Unusable { .. }) => return Err(error.into()),
    };
    send_away(browser, &provider, (None, None), Hints::default()).await
}

async fn not_signed_in<P: Ports>(
    browser: &Browser<'_, P>,
    method: Method,
    failed: &Failed,
    returned: Option<&Returned>,
) -> Answer {
    metrics::count(browser.ports, Counter::SignInFailed, 1).await?;
    let ways = Ways {
        tenant: returned.and_then(|returned| returned.tenant.as_ref()),
        method: Some(method),
        request: returned.and_then(|returned| returned.request.as_deref()),
    };
    Ok(outcomes::failed(method, failed, ways))
}

/// A browser that is the one that was sent away.
async fn returned_with<P: Ports>(
    browser: &Browser<'_, P>,
    method: Method,
    returned: &Returned,
    brought: Result<String, Failed>,
) -> Answer {
    let code = match brought {
        Ok(code) => code,
        Err(failed) => return not_signed_in(browser, method, &failed, Some(returned)).await,
    };
    let Some(provider) = Provider::read(browser.ports, method).await? else {
        return Err(Problem::not_found());
    };
    let proof = (code.as_str(), returned.browser.as_str());
    let identified = provider.identify(browser.ports, &browser.public_url, proof);
    match identified.await {
        Ok(identity) => identified_as(browser, method, returned, &identity).await,
        Err(IdentifyError::Failed(failed)) => {
            not_signed_in(browser, method, &failed, Some(returned)).await
        }
        Err(IdentifyError::Engine(error)) => Err(error.into()),
    }
}

/// Somebody for whom the provider vouches.
async fn identified_as<P: Ports>(
    browser: &Browser<'_, P>,
    method: Method,
    returned: &Returned,
    identity: &ProviderIdentity,
) -> Answer {
    let ports = browser.ports;
    let tenant = match tenant_of(browser, method, returned, identity).await? {
        Ok(tenant) => tenant,
        Err(response) => {
            metrics::count(ports, Counter::SignInRefused, 1).await?;
            return Ok(response);
        }
    };
    let standings = Standings::open(ports, &tenant.id).await?;
    let request = returned.request.as_deref();
    let ways = Ways::of(&tenant.id, request).by(method);
    if !standings.settings().methods.contains(&method) {
        metrics::count(ports, Counter::SignInRefused, 1).await?;
        return Ok(outcomes::method_off(&tenant, method, ways));
    }
    let account = match recognise(ports, &standings, method, identity).await? {
        Ok(account) => account,
        Err(refused) => {
            let somebody = Some(Somebody::of(method, identity));
            refusals::note(ports, &tenant.id, (method, somebody), &refused).await?;
            metrics::count(ports, Counter::SignInRefused, 1).await?;
            return Ok(outcomes::refused(&tenant, (method, refused.cause), ways));
        }
    };
    let entrant = Entrant {
        tenant: &tenant.id,
        account: &account.id,
        method,
        after_ms: None,
        request,
    };
    let entered = enter(ports, browser.at(), entrant).await?;
    metrics::count(ports, Counter::SignInDone, 1).await?;
    let home = address(&tenant.id, "/signed-in", None);
    let response = redirect(entered.location.as_deref().unwrap_or(&home))?;
    with_cookie(response, &entered.cookie)
}

/// The tenant that somebody signs in to: the one that they wanted to, if they are of its district;
/// after a launch the one that has their district.
async fn tenant_of<P: Ports>(
    browser: &Browser<'_, P>,
    method: Method,
    returned: &Returned,
    identity: &ProviderIdentity,
) -> Result<Result<Tenant, http::Response<Bytes>>, Problem> {
    let wanted = match &returned.tenant {
        Some(id) => tenants::read(browser.ports, id).await?,
        None => None,
    };
    if method == Method::Google {
        return Ok(wanted.ok_or_else(outcomes::no_tenant));
    }
    let named = identity.district.as_deref().unwrap_or_default();
    let has_it = match districts::district(method, named) {
        Some(district) => districts::of_tenant(browser.ports, &district).await?,
        None => None,
    };
    let ways = Ways {
        tenant: returned.tenant.as_ref(),
        method: Some(method),
        request: returned.request.as_deref(),
    };
    let foreign = || outcomes::foreign_district((method, named), wanted.as_ref(), ways);
    Ok(match (&returned.tenant, has_it) {
        (Some(id), Some(has_it)) if *id == has_it => wanted.clone().ok_or_else(outcomes::no_tenant),
        (None, Some(has_it)) => {
            let tenant = tenants::read(browser.ports, &has_it).await?;
            tenant.ok_or_else(foreign)
        }
        (_, _) => Err(foreign()),
    })
}

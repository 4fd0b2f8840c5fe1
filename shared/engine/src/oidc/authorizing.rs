//! The authorization endpoint, and how a sign-in that it asked for comes back to it.

use super::clients::{self, Client};
use super::redirecting::{Refusal, Return, with_query};
use super::request::{self, Parameters, Prompt, Request};
use super::{AUTHORIZE_PATH, Authorized, Resumed, Untrusted, codes, id_token};
use crate::ephemeral::{self, Drawer};
use crate::error::Error;
use crate::ports::Ports;
use crate::settings::{self, PublicUrl};
use crate::signin::sessions::{self, Held};
use crate::tenants;
use bytes::Bytes;
use form_urlencoded::Serializer;
use http::Method;
use mapping::ids::{ClientId, TenantId};

/// How long a person may take to sign in for an application, in milliseconds.
const REQUEST_MS: i64 = 600_000;

/// Answers an authorization request, `GET` or a `POST` of a form.
pub async fn authorize<P: Ports>(
    ports: &P,
    request: &http::Request<Bytes>,
) -> Result<Authorized, Error> {
    let issuer = settings::public_url(ports).await?;
    let is_form = *request.method() == Method::POST;
    let text = if is_form {
        request.body().as_ref()
    } else {
        request.uri().query().unwrap_or_default().as_bytes()
    };
    let Some(parameters) = Parameters::parse(text) else {
        return Ok(Authorized::Refused(Untrusted::Request));
    };
    let (client, redirect_uri) = match trusted(ports, &parameters).await? {
        Ok(trusted) => trusted,
        Err(untrusted) => return Ok(Authorized::Refused(untrusted)),
    };
    if is_form {
        // A browser sends no cookie with another site's form; it does when it is then sent here.
        return Ok(Authorized::Redirect(again(&issuer, &parameters)));
    }
    let now_ms = ports.now().as_millisecond();
    let asked = match request::check(&parameters, (&client.id, &redirect_uri), now_ms) {
        Ok(asked) => asked,
        Err(refusal) => {
            let to = Return {
                redirect_uri: &redirect_uri,
                state: parameters.one("state").ok().flatten(),
            };
            return Ok(Authorized::Redirect(to.with_refusal(&issuer, refusal)));
        }
    };
    let mut held = sessions::find(ports, &issuer, request.headers()).await?;
    if let Some(token) = parameters.one("id_token_hint").ok().flatten() {
        let Some(hint) = id_token::read_hint(ports, &issuer, token).await? else {
            let refusal = Refusal::InvalidRequest("id_token_hint is not an id token of ours");
            let location = asked.to_return().with_refusal(&issuer, refusal);
            return Ok(Authorized::Redirect(location));
        };
        // Whoever else is signed in is not whom the application asks for.
        held = held.filter(|held| held.session.account.as_str() == hint.sub);
    }
    answer(ports, (&issuer, &client), (asked, &parameters), held).await
}

/// The client and the address to return to, which nothing may be sent to before it is known to be
/// the client's.
async fn trusted<P: Ports>(
    ports: &P,
    parameters: &Parameters,
) -> Result<Result<(Client, String), Untrusted>, Error> {
    let Ok(Some(id)) = parameters.one("client_id") else {
        return Ok(Err(Untrusted::Client));
    };
    let Ok(id) = ClientId::parse(id) else {
        return Ok(Err(Untrusted::Client));
    };
    let Some(client) = clients::read(ports, &id).await? else {
        return Ok(Err(Untrusted::Client));
    };
    match parameters.one("redirect_uri") {
        Ok(Some(uri)) if client.settings.redirect_uris.contains(uri) => {
            let uri = uri.to_owned();
            Ok(Ok((client, uri)))
        }
        _ => Ok(Err(Untrusted::RedirectUri)),
    }
}

fn again(issuer: &PublicUrl, parameters: &Parameters) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(&parameters.0);
    with_query(&issuer.at(AUTHORIZE_PATH), &query.finish())
}

async fn answer<P: Ports>(
    ports: &P,
    (issuer, client): (&PublicUrl, &Client),
    (mut asked, parameters): (Request, &Parameters),
    held: Option<Held>,
) -> Result<Authorized, Error> {
    let named = parameters.one("tenant").ok().flatten();
    let mut unknown = None;
    if let Some(named) = named {
        asked.tenant = known_tenant(ports, client, named).await?;
        if asked.tenant.is_none() {
            unknown = Some(named.to_owned());
        }
    }
    if unknown.is_none()
        && let Some(held) = &held
        && asked.prompt != Prompt::Login
        && let Some(location) = satisfy(ports, (issuer, client), &asked, held).await?
    {
        return Ok(Authorized::Redirect(location));
    }
    if asked.prompt == Prompt::None {
        let location = asked
            .to_return()
            .with_refusal(issuer, Refusal::LoginRequired);
        return Ok(Authorized::Redirect(location));
    }
    let session = held.map(|held| held.session.tenant);
    let decided = asked
        .tenant
        .clone()
        .or_else(|| client.only_tenant().cloned())
        .or_else(|| session.filter(|tenant| client.has(tenant)));
    let Some(tenant) = decided.filter(|_| unknown.is_none()) else {
        return Ok(ask_tenant(parameters, unknown));
    };
    asked.tenant = Some(tenant.clone());
    let until_ms = asked.at_ms.saturating_add(REQUEST_MS);
    let request = ephemeral::put(ports, Drawer::AuthorizationRequest, until_ms, &asked).await?;
    Ok(Authorized::SignIn { tenant, request })
}

async fn known_tenant<P: Ports>(
    ports: &P,
    client: &Client,
    named: &str,
) -> Result<Option<TenantId>, Error> {
    let Ok(tenant) = TenantId::parse(named.trim().to_lowercase()) else {
        return Ok(None);
    };
    let is_known = client.has(&tenant) && tenants::read(ports, &tenant).await?.is_some();
    Ok(is_known.then_some(tenant))
}

fn ask_tenant(parameters: &Parameters, unknown: Option<String>) -> Authorized {
    let others = parameters.0.iter().filter(|(name, _)| name != "tenant");
    Authorized::AskTenant {
        parameters: others.cloned().collect(),
        unknown,
    }
}

/// The way back with a code, if a session is what the application asked for.
async fn satisfy<P: Ports>(
    ports: &P,
    (issuer, client): (&PublicUrl, &Client),
    asked: &Request,
    held: &Held,
) -> Result<Option<String>, Error> {
    let session = &held.session;
    let now_ms = ports.now().as_millisecond();
    let is_of_tenant = asked
        .tenant
        .as_ref()
        .is_none_or(|tenant| *tenant == session.tenant);
    if !is_of_tenant || !client.has(&session.tenant) || !asked.accepts(session.at_ms, now_ms) {
        return Ok(None);
    }
    if sessions::look(ports, session).await?.is_err() {
        return Ok(None);
    }
    let code = codes::issue(ports, client, asked, held).await?;
    Ok(Some(asked.to_return().with_code(issuer, code.expose())))
}

/// Gives the application that waits for a sign-in its answer. `request` is the handle from
/// [`Authorized::SignIn`], `held` the session that has just begun.
pub async fn resume<P: Ports>(
    ports: &P,
    request: Option<&str>,
    held: &Held,
) -> Result<Resumed, Error> {
    let Some((asked, client)) = take(ports, request).await? else {
        return Ok(Resumed::NoRequest);
    };
    let issuer = settings::public_url(ports).await?;
    let location = satisfy(ports, (&issuer, &client), &asked, held).await?;
    let refused = || {
        asked
            .to_return()
            .with_refusal(&issuer, Refusal::AccessDenied)
    };
    Ok(Resumed::Redirect(location.unwrap_or_else(refused)))
}

/// The way back to the application that waits for a sign-in that does not come, if one waits.
pub async fn refuse<P: Ports>(
    ports: &P,
    request: Option<&str>,
    refusal: Refusal,
) -> Result<Option<String>, Error> {
    let Some((asked, _)) = take(ports, request).await? else {
        return Ok(None);
    };
    let issuer = settings::public_url(ports).await?;
    Ok(Some(asked.to_return().with_refusal(&issuer, refusal)))
}

/// Takes a request out, once, if its client is still registered as it was.
async fn take<P: Ports>(
    ports: &P,
    request: Option<&str>,
) -> Result<Option<(Request, Client)>, Error> {
    let drawer = Drawer::AuthorizationRequest;
    let Some(handle) = request else {
        return Ok(None);
    };
    let Some(found) = ephemeral::find::<Request>(ports, drawer, handle).await? else {
        return Ok(None);
    };
    if ephemeral::count_use(ports, drawer, found.place).await? != 1 {
        return Ok(None);
    }
    ephemeral::remove(ports, drawer, found.place).await?;
    let client = clients::read(ports, &found.value.client).await?;
    let client = client.filter(|client| {
        client
            .settings
            .redirect_uris
            .contains(&found.value.redirect_uri)
    });
    Ok(client.map(|client| (found.value, client)))
}

/// What a sign-in page can say about the application that waits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asking {
    /// The application's name.
    pub application: String,
    /// Where the answer goes, which browsers have to be told before they send a form that leads
    /// there.
    pub returns_to: String,
    /// Who the application thinks will sign in: an address or a username, or anything else.
    pub login_hint: Option<String>,
    /// The district whose people it asked for.
    pub tenant: Option<TenantId>,
}

/// The application that waits for a sign-in, if it still does. Uses nothing up.
pub async fn asking<P: Ports>(ports: &P, request: &str) -> Result<Option<Asking>, Error> {
    let drawer = Drawer::AuthorizationRequest;
    let Some(found) = ephemeral::find::<Request>(ports, drawer, request).await? else {
        return Ok(None);
    };
    let client = clients::read(ports, &found.value.client).await?;
    Ok(client.map(|client| Asking {
        application: client.settings.name,
        returns_to: found.value.redirect_uri,
        login_hint: found.value.login_hint,
        tenant: found.value.tenant,
    }))
}

/// Where somebody goes who signed in without an application that waits: to the only application of
/// their tenant that begins sign-ins of its own (OpenID Connect Core section 4). It will ask us, and
/// find them signed in.
pub async fn home<P: Ports>(ports: &P, tenant: &TenantId) -> Result<Option<String>, Error> {
    let all = clients::all(ports).await?;
    let mut addresses = all
        .iter()
        .filter(|client| client.has(tenant))
        .filter_map(|client| client.settings.initiate_login_uri.as_deref());
    let (Some(address), None) = (addresses.next(), addresses.next()) else {
        return Ok(None);
    };
    let issuer = settings::public_url(ports).await?.at("");
    let mut query = Serializer::new(String::new());
    query.append_pair("iss", &issuer);
    Ok(Some(with_query(address, &query.finish())))
}

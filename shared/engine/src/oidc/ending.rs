//! Signing out (OpenID Connect RP-Initiated Logout 1.0).

use super::clients::{self, Client};
use super::id_token::{self, Hint};
use super::redirecting::with_query;
use super::request::Parameters;
use super::{Ended, LOGOUT_PATH, sign_outs};
use crate::cookies;
use crate::error::Error;
use crate::ports::Ports;
use crate::secrets;
use crate::settings::{self, PublicUrl};
use crate::signin::sessions::{self, Held};
use bytes::Bytes;
use form_urlencoded::Serializer;
use http::{HeaderMap, Method};
use mapping::ids::ClientId;

/// Answers a request to sign out, `GET` or a `POST` of a form.
pub async fn end_session<P: Ports>(
    ports: &P,
    request: &http::Request<Bytes>,
) -> Result<Ended, Error> {
    let issuer = settings::public_url(ports).await?;
    let is_form = *request.method() == Method::POST;
    let text = if is_form {
        request.body().as_ref()
    } else {
        request.uri().query().unwrap_or_default().as_bytes()
    };
    let Some(parameters) = Parameters::parse(text).filter(|found| !found.has_twins()) else {
        return Ok(Ended::Unreadable);
    };
    let confirmed = parameters.one("confirm").ok().flatten();
    if is_form && confirmed.is_none() {
        // A browser sends no cookie with another site's form; it does when it is then sent here.
        let mut query = Serializer::new(String::new());
        query.extend_pairs(&parameters.0);
        let location = with_query(&issuer.at(LOGOUT_PATH), &query.finish());
        return Ok(Ended::Again(location));
    }
    let Some((client, hint)) = client(ports, &issuer, &parameters).await? else {
        return Ok(Ended::Unreadable);
    };
    let location = client
        .as_ref()
        .and_then(|client| way_back(client, &parameters));
    let Some(held) = sessions::find(ports, &issuer, request.headers()).await? else {
        return Ok(Ended::SignedOut {
            location,
            tenant: None,
        });
    };
    // An application that shows an id token about who is signed in has them sign out.
    let is_hinted = hint.is_some_and(|hint| hint.sub == held.session.account.as_str());
    let proof = proof(&issuer, request.headers());
    let is_confirmed = is_form && confirmed.is_some_and(|word| secrets::is_equal(word, &proof));
    if !is_hinted && !is_confirmed {
        let others = parameters.0.iter().filter(|(name, _)| name != "confirm");
        return Ok(Ended::Confirm {
            parameters: others.cloned().collect(),
            proof,
            leads_to: location,
        });
    }
    end(ports, &held).await?;
    Ok(Ended::SignedOut {
        location,
        tenant: Some(held.session.tenant),
    })
}

/// What only a page of ours can know that was shown to the browser with this session.
fn proof(issuer: &PublicUrl, headers: &HeaderMap) -> String {
    let cookie = cookies::read(issuer, headers, sessions::COOKIE).unwrap_or_default();
    secrets::digest(&format!("sign out of {cookie}"))
}

/// The application that asks, and what its id token says. `None` when the two contradict each other
/// or the token is not ours.
async fn client<P: Ports>(
    ports: &P,
    issuer: &PublicUrl,
    parameters: &Parameters,
) -> Result<Option<(Option<Client>, Option<Hint>)>, Error> {
    let get = |name| parameters.one(name).ok().flatten();
    let hint = match get("id_token_hint") {
        None => None,
        Some(token) => match id_token::read_hint(ports, issuer, token).await? {
            None => return Ok(None),
            found => found,
        },
    };
    let hinted = hint.as_ref().map(|hint| hint.aud.as_str());
    let named = get("client_id");
    if let (Some(named), Some(hinted)) = (named, hinted)
        && named != hinted
    {
        return Ok(None);
    }
    let id = hinted.or(named).map(ClientId::parse);
    let client = match id {
        Some(Ok(id)) => clients::read(ports, &id).await?,
        Some(Err(_)) | None => None,
    };
    Ok(Some((client, hint)))
}

/// Where the browser goes once it is signed out: an address that is registered for it, or nowhere.
fn way_back(client: &Client, parameters: &Parameters) -> Option<String> {
    let wanted = parameters.one("post_logout_redirect_uri").ok().flatten()?;
    let address = client.settings.post_logout_redirect_uris.get(wanted)?;
    let Some(state) = parameters.one("state").ok().flatten() else {
        return Some(address.clone());
    };
    let mut query = Serializer::new(String::new());
    query.append_pair("state", state);
    Some(with_query(address, &query.finish()))
}

/// What applications are told is kept before the session ends: if we die in between, the person
/// signs out again.
async fn end<P: Ports>(ports: &P, held: &Held) -> Result<(), Error> {
    sign_outs::tell_session(ports, held).await?;
    sessions::end(ports, held.place).await
}

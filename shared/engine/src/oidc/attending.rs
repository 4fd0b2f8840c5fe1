//! What has to be done for the OpenID provider though nobody asks: telling applications who is signed
//! out, and making the next signing key. The tick looks whether there is something, and has the
//! `oidc` component do it, which alone has the seal keys and reaches applications.

use super::signing::{self, SigningError};
use super::{notices, sign_outs};
use crate::error::Error;
use crate::ports::{Clock, Ports, Store, Transport};
use crate::seal::SealKeys;
use crate::settings::PublicUrl;
use crate::slices::{self, Done};
use jiff::SignedDuration;
use mapping::ids::TenantId;
use serde::{Deserialize, Serialize};

/// The component that does it.
pub const COMPONENT: &str = "oidc";

/// For how long a tenant is looked after in a row: with the last answer of an application within what
/// every host allows a request.
const LOOKS_FOR: SignedDuration = SignedDuration::from_secs(8);

/// A request to the `oidc` component to tell a tenant's applications who is signed out.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The tenant.
    pub tenant: TenantId,
}

/// What that came to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LookedAfter {
    /// True when there is more to do at once.
    pub more: bool,
}

/// Has a tenant's applications told who is signed out, if there is something to tell. Returns whether
/// there is more, or why it could not be done: the next tick tries again.
pub async fn attend(
    ports: &(impl Store + Clock + Transport),
    tenant: &TenantId,
) -> Result<Result<bool, String>, Error> {
    let Some(has_moved) = sign_outs::is_due(ports, tenant).await? else {
        return Ok(Ok(false));
    };
    if !has_moved && !notices::is_due(ports, tenant).await? {
        return Ok(Ok(false));
    }
    let question = Question {
        tenant: tenant.clone(),
    };
    let answer: Result<LookedAfter, _> =
        slices::call(ports, COMPONENT, "/sign-outs", &question).await;
    Ok(answer
        .map(|answer| answer.more)
        .map_err(|error| format!("sign-outs: {error}")))
}

/// Has the signing keys looked after, if they need it. Returns why it could not be done.
pub async fn attend_keys(
    ports: &(impl Store + Clock + Transport),
) -> Result<Option<String>, Error> {
    if !signing::is_due(ports).await? {
        return Ok(None);
    }
    let done: Result<Done, _> = slices::call(ports, COMPONENT, "/keys", &Done {}).await;
    Ok(done.err().map(|error| format!("signing keys: {error}")))
}

/// Finds out who of a tenant is signed out, and tells applications.
pub async fn look_after<P: Ports>(
    ports: &P,
    (issuer, seal_keys): (&PublicUrl, &SealKeys),
    tenant: &TenantId,
) -> Result<LookedAfter, SigningError> {
    let deadline = ports.now() + LOOKS_FOR;
    let mut more = sign_outs::compare(ports, tenant, deadline).await?;
    more |= notices::deliver(ports, (issuer, seal_keys), tenant, deadline).await?;
    Ok(LookedAfter { more })
}

//! Whether what an application was given is still good: looked at anew at every use.

use super::clients::Client;
use super::grants::Grant;
use super::request::Scope;
use crate::error::Error;
use crate::ports::{Clock, Store};
use crate::signin::sessions;
use mapping::account::Account;

/// The account of a grant, if it may still be signed in and the client may still have it: the tenant
/// is one of the client's, refresh tokens are still allowed, the account may sign in by the method
/// that it used and was not signed out since, and the session has not ended, where the grant ends
/// with it.
pub(super) async fn of_grant(
    ports: &(impl Store + Clock),
    client: &Client,
    grant: &Grant,
) -> Result<Option<Account>, Error> {
    if !client.has(&grant.session.tenant) {
        return Ok(None);
    }
    let is_offline = grant.scopes.contains(&Scope::OfflineAccess);
    let goes_on = if is_offline {
        client.settings.offline_access
    } else {
        sessions::is_open(ports, grant.sid).await?
    };
    if !goes_on {
        return Ok(None);
    }
    Ok(sessions::look(ports, &grant.session).await?.ok())
}

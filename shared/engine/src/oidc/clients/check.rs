//! What the operator may say of a client.

use super::{ADDRESSES_MAX, ClientError, ClientSettings, TENANTS_MAX};
use crate::oidc::address;
use crate::ports::Store;
use crate::tenants::{self, TenantError};
use std::collections::BTreeSet;

/// Checks settings against every rule, and trims the name.
pub(super) async fn check(
    store: &impl Store,
    mut settings: ClientSettings,
) -> Result<ClientSettings, ClientError> {
    settings.name = check_name(&settings.name)?;
    if settings.redirect_uris.is_empty() {
        return Err(invalid("redirect_uris", "needs an address"));
    }
    check_addresses("redirect_uris", &settings.redirect_uris)?;
    check_addresses(
        "post_logout_redirect_uris",
        &settings.post_logout_redirect_uris,
    )?;
    for (field, address) in [
        ("initiate_login_uri", &settings.initiate_login_uri),
        ("backchannel_logout_uri", &settings.backchannel_logout_uri),
    ] {
        if let Some(address) = address {
            address::check(address).map_err(|reason| invalid(field, reason))?;
        }
    }
    check_tenants(store, &settings).await?;
    Ok(settings)
}

fn check_name(name: &str) -> Result<String, ClientError> {
    match tenants::check_name("name", name) {
        Ok(name) => Ok(name),
        Err(TenantError::Invalid { reason, .. }) => Err(invalid("name", &reason)),
        Err(
            error @ (TenantError::Changed
            | TenantError::Engine(_)
            | TenantError::Exists
            | TenantError::NotFound),
        ) => Err(invalid("name", &error.to_string())),
    }
}

fn check_addresses(field: &str, addresses: &BTreeSet<String>) -> Result<(), ClientError> {
    if addresses.len() > ADDRESSES_MAX {
        let reason = format!("may have at most {ADDRESSES_MAX} addresses");
        return Err(invalid(field, &reason));
    }
    for (index, address) in addresses.iter().enumerate() {
        let field = format!("{field}[{index}]");
        address::check(address).map_err(|reason| invalid(&field, reason))?;
    }
    Ok(())
}

async fn check_tenants(store: &impl Store, settings: &ClientSettings) -> Result<(), ClientError> {
    let Some(bound) = &settings.tenants else {
        return Ok(());
    };
    if bound.is_empty() || bound.len() > TENANTS_MAX {
        let reason = format!("must name 1 to {TENANTS_MAX} tenants, or be absent for all of them");
        return Err(invalid("tenants", &reason));
    }
    for (index, tenant) in bound.iter().enumerate() {
        if tenants::read(store, tenant).await?.is_none() {
            let field = format!("tenants[{index}]");
            return Err(invalid(&field, "is not a tenant"));
        }
    }
    Ok(())
}

fn invalid(field: &str, reason: &str) -> ClientError {
    ClientError::Invalid {
        field: field.to_owned(),
        reason: reason.to_owned(),
    }
}

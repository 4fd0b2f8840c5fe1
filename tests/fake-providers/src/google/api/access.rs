//! Who may make a call.

use std::collections::BTreeSet;

use crate::google::directory::{AdminRole, CUSTOMER, Directory, OrgUnitSlot, Privilege, UserId};
use crate::google::reply::ApiError;

const PREFIX: &str = "https://www.googleapis.com/auth/admin.directory.";

/// What a call asks of its caller.
pub(crate) struct Rights {
    pub(crate) method: &'static str,
    pub(crate) scopes: &'static [&'static str],
    pub(crate) privilege: Option<Privilege>,
}

/// Who makes a call, by access token.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) client_id: String,
    pub(crate) email: String,
    /// The user of this directory; none for accounts from elsewhere.
    pub(crate) user: Option<UserId>,
    pub(crate) scopes: BTreeSet<String>,
}

impl Rights {
    /// Checks the token's scopes, then the user's role.
    pub(crate) fn check(
        &self,
        caller: &Caller,
        directory: &Directory,
        public_view: bool,
    ) -> Result<(), ApiError> {
        let has = |scope: &str| caller.scopes.contains(&format!("{PREFIX}{scope}"));
        if !self.scopes.iter().any(|scope| has(scope)) {
            let method = format!("ccc.hosted.frontend.directory.v1.{}", self.method);
            let scopes: Vec<String> = self
                .scopes
                .iter()
                .map(|scope| format!("{PREFIX}{scope}"))
                .collect();
            return Err(ApiError::insufficient_scope(&method, &scopes.join(" ")));
        }
        let user = caller.user.ok_or_else(ApiError::forbidden)?;
        let role = directory.role(user);
        let allowed = match self.privilege {
            Some(privilege) => role.allows(privilege),
            None => role != &AdminRole::None,
        };
        if allowed || public_view {
            Ok(())
        } else {
            Err(ApiError::forbidden())
        }
    }
}

/// The org units the caller may see; all of them for most.
pub(crate) fn visible_units(caller: &Caller, directory: &Directory) -> Option<Vec<OrgUnitSlot>> {
    let limit = directory.role(caller.user?).limited_to()?;
    Some(directory.org_units().subtree(limit))
}

/// Checks that a customer is the caller's own.
pub(crate) fn check_customer(customer: &str) -> Result<(), ApiError> {
    if customer == "my_customer" || customer == CUSTOMER {
        return Ok(());
    }
    let is_id = customer.starts_with('C') && customer.chars().all(|c| c.is_ascii_alphanumeric());
    if is_id {
        return Err(ApiError::forbidden());
    }
    Err(ApiError::new(400, "invalid", "Invalid Customer Id"))
}

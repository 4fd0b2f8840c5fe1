//! Who signed in (PROVIDERS 4.2 and A.4).

use super::{Me, success};
use crate::clever::objects::{Person, UserRole, parse_person};
use crate::signin::{Kind, ProviderIdentity, SignInError, username};
use bytes::Bytes;
use http::Response;
use mapping::account::Email;
use mapping::ids::ExternalId;
use std::collections::BTreeSet;

/// Somebody who signed in at Clever.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CleverIdentity {
    /// Clever's id of the person.
    pub user_id: ExternalId,
    /// Clever's id of the district.
    pub district: ExternalId,
    /// Every role that the person has. A student is never anything else too (C2); one role that
    /// is not known is left out.
    pub roles: BTreeSet<UserRole>,
    /// The address that the district gave Clever, if it is one. Two people may have the same
    /// (C2).
    pub email: Option<Email>,
    /// Clever vouches for no address. This is true only when its domain is one of which the
    /// tenant has shown that it is the district's, as for people who are read from Clever.
    pub email_is_verified: bool,
    /// The name to sign in with that the district gave, in lower case.
    pub username: Option<String>,
    /// The given name; may be empty.
    pub given_name: String,
    /// The family name; may be empty.
    pub family_name: String,
}

impl CleverIdentity {
    /// The same in words that do not depend on the provider.
    pub fn identity(self) -> ProviderIdentity {
        let is_student = self.roles.contains(&UserRole::Student);
        ProviderIdentity {
            kind: match (is_student, self.roles.len()) {
                (true, 1) => Kind::Student,
                (false, 1..) => Kind::Adult,
                (true | false, _) => Kind::Unknown,
            },
            user_id: self.user_id,
            district: Some(self.district.into()),
            email: self.email,
            email_is_verified: self.email_is_verified,
            username: self.username,
            sourced_id: None,
            given_name: self.given_name,
            family_name: self.family_name,
        }
    }
}

/// Reads the answer to [`super::user_request`]: `me` says who it has to be about.
/// `verified_domains` are those of which the tenant has shown that they are the district's, in
/// lower case.
pub fn parse_user(
    response: &Response<Bytes>,
    me: &Me,
    verified_domains: &BTreeSet<String>,
) -> Result<CleverIdentity, SignInError> {
    let person = parse_person(success(response)?, verified_domains);
    let Person {
        record,
        roles,
        district,
        issues: _,
    } = person.map_err(|_| SignInError::Malformed)?;
    if record.external_id != me.user_id || district.as_ref() != Some(&me.district) {
        return Err(SignInError::Malformed);
    }
    Ok(CleverIdentity {
        user_id: record.external_id,
        district: me.district.clone(),
        roles,
        email: record.email,
        email_is_verified: record.email_verified,
        username: record.username.as_deref().and_then(username),
        given_name: record.given_name,
        family_name: record.family_name,
    })
}

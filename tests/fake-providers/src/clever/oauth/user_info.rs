//! Who signed in, as OpenID Connect tells it: with the role of this sign-in only.

use serde_json::json;

use super::grant;
use crate::clever::State;
use crate::clever::api::Grant;
use crate::clever::exchange::Exchange;
use crate::clever::reply::{Reply, not_found, unauthorized};
use crate::clever::roster::{Part, Role, User};
use crate::lock::read;

/// The role for which somebody with several signs in.
const SIGN_IN_ROLES: [Role; 5] = [
    Role::Student,
    Role::Teacher,
    Role::DistrictAdmin,
    Role::Staff,
    Role::Contact,
];

/// The role for which a user signs in.
pub(super) fn sign_in_role(user: &User) -> Option<(Role, &Part)> {
    let mut roles = SIGN_IN_ROLES.into_iter();
    roles.find_map(|role| Some((role, user.roles.get(&role)?)))
}

/// Answers `GET /userinfo`.
pub(in super::super) fn user_info(state: &State, exchange: &Exchange) -> Reply {
    let Some((_, Grant::User(id))) = grant(state, exchange) else {
        return unauthorized();
    };
    let roster = read(&state.roster);
    let Some(user) = roster.user(id) else {
        return not_found();
    };
    let Some((role, part)) = sign_in_role(&user) else {
        return not_found();
    };
    let district = roster.district().id;
    let info = json!({
        "sub": id, "user_id": part.legacy_id, "multi_role_user_id": id, "user_type": role.name(),
        "district": district, "district_id": district, "email": user.email,
        "email_verified": false,
        "name": { "first": user.first, "middle": user.middle, "last": user.last },
        "given_name": user.first, "family_name": user.last, "schools": part.schools,
        "authorized_by": "district",
    });
    Reply::json(200, &info)
}

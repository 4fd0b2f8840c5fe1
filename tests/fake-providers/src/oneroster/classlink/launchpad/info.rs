//! Who somebody is.

use serde_json::{Value, json};

use super::{role_of, user_number};
use crate::lock::{lock, read};
use crate::oneroster::State;
use crate::oneroster::dataset::{Kind, Row, User};
use crate::oneroster::exchange::Exchange;
use crate::reply::Reply;

/// Answers `GET /v2/my/info`.
pub(in crate::oneroster) fn info(state: &State, exchange: &Exchange) -> Reply {
    let now_ms = state.now_ms();
    let token = exchange.authorization("Bearer").unwrap_or_default();
    let granted = lock(&state.launchpad).tokens.get(token).cloned();
    let granted = granted.filter(|granted| now_ms < granted.ends_ms);
    let dataset = read(&state.dataset);
    let row = granted.and_then(|granted| dataset.row(Kind::User, &granted.user));
    match row.and_then(|row| Some((row, row.user()?))) {
        Some((row, user)) => Reply::json(200, &profile(state, row, user)),
        None => Reply::json(401, &json!({ "message": "Invalid token" })),
    }
}

fn profile(state: &State, row: &Row, user: &User) -> Value {
    let class_link = read(&state.class_link);
    let (role, level, profile) = role_of(user);
    let mut orgs: Vec<&str> = Vec::new();
    for role in &user.roles {
        if !orgs.contains(&role.org.as_str()) {
            orgs.push(&role.org);
        }
    }
    let org_id = match orgs.as_slice() {
        [org] if !class_link.org_ids_as_list => json!(org),
        orgs => json!(orgs),
    };
    let or_empty = |is_told: bool, text: &str| {
        if is_told {
            text.to_owned()
        } else {
            String::new()
        }
    };
    let number = |number: u64| {
        if class_link.ids_as_text {
            json!(number.to_string())
        } else {
            json!(number)
        }
    };
    let tenant = format!("{} Schools", state.district.shape().name);
    json!({
        "UserId": number(user_number(user)), "TenantId": number(class_link.tenant_id),
        "StateId": 35, "StateName": "New Jersey",
        "BuildingId": 44, "AuthenticationType": "Active Directory",
        "DisplayName": format!("{} {}", user.given_name, user.family_name),
        "FirstName": user.given_name, "LastName": user.family_name,
        "Email": or_empty(class_link.tells_emails, &user.email),
        "LoginId": user.username, "ImagePath": "", "LanguageId": 1, "Language": "English",
        "DefaultTimeFormat": 0, "Profile": profile, "ProfileId": 221, "Tenant": tenant,
        "Building": "", "Role": role, "Role_Level": level,
        "LastAccessTime": "2026-08-20T11:02:00.000Z", "OrgId": org_id,
        "SourcedId": or_empty(class_link.has_roster_server, &row.sourced_id), "or_email": "",
    })
}

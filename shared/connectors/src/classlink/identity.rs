//! Who signed in (PROVIDERS 5.1).

use crate::signin::{ANSWER_BYTES_MAX, Kind, ProviderIdentity, SignInError, name, username};
use bytes::Bytes;
use http::{Response, StatusCode};
use mapping::account::Email;
use mapping::ids::ExternalId;
use serde_json::{Map, Value};

/// The level of roles that teachers have.
const LEVEL_TEACHER: u64 = 3;

/// The level of roles that students have.
const LEVEL_STUDENT: u64 = 4;

/// Somebody who signed in at ClassLink.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClasslinkIdentity {
    /// ClassLink's id of the district. Only together with it does [`ClasslinkIdentity::user_id`]
    /// name a person.
    pub tenant_id: ExternalId,
    /// ClassLink's id of the person.
    pub user_id: ExternalId,
    /// The person's id in the district's roster; `None` when the district has no Roster Server.
    pub sourced_id: Option<ExternalId>,
    /// What kind of person it is, by the role and its level.
    pub kind: Kind,
    /// The person's address, if it is one. It is never proof of anything: where districts allow
    /// it, people write it themselves.
    pub email: Option<Email>,
    /// The name to sign in with in the district's own directory, in lower case.
    pub login_id: Option<String>,
    /// The given name; may be empty.
    pub given_name: String,
    /// The family name; may be empty.
    pub family_name: String,
}

impl ClasslinkIdentity {
    /// The same in words that do not depend on the provider.
    pub fn identity(self) -> ProviderIdentity {
        ProviderIdentity {
            user_id: self.user_id,
            district: Some(self.tenant_id.into()),
            email: self.email,
            email_is_verified: false,
            username: self.login_id,
            sourced_id: self.sourced_id,
            kind: self.kind,
            given_name: self.given_name,
            family_name: self.family_name,
        }
    }
}

/// Reads the answer to [`super::info_request`]. What nothing is made of may have any type: `OrgId`
/// for one is a text or a list.
pub fn parse_info(response: &Response<Bytes>) -> Result<ClasslinkIdentity, SignInError> {
    let fields = success(response)?;
    let get = |name: &str| fields.get(name).unwrap_or(&Value::Null);
    let needed = |name: &str| id(get(name))?.ok_or(SignInError::Malformed);
    let text = |name: &str| get(name).as_str().unwrap_or_default();
    Ok(ClasslinkIdentity {
        tenant_id: needed("TenantId")?,
        user_id: needed("UserId")?,
        sourced_id: id(get("SourcedId"))?,
        kind: kind(text("Role"), get("Role_Level")),
        email: Email::parse(text("Email")).ok(),
        login_id: username(text("LoginId")),
        given_name: name(text("FirstName")),
        family_name: name(text("LastName")),
    })
}

fn success(response: &Response<Bytes>) -> Result<Map<String, Value>, SignInError> {
    if let Some(trouble) = SignInError::trouble(response) {
        return Err(trouble);
    }
    let body = response.body();
    match response.status() {
        StatusCode::OK if body.len() > ANSWER_BYTES_MAX => Err(SignInError::Malformed),
        StatusCode::OK => serde_json::from_slice(body).map_err(|_| SignInError::Malformed),
        StatusCode::UNAUTHORIZED => Err(SignInError::Token),
        StatusCode::FORBIDDEN => Err(SignInError::NotShared),
        status => Err(SignInError::Refused {
            status: status.as_u16(),
        }),
    }
}

/// An id, written as a text or as a whole number; none where there is nothing, which is how a
/// missing one is written. Anything else is no answer: guessing ids would sign in somebody else.
fn id(value: &Value) -> Result<Option<ExternalId>, SignInError> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_u64().ok_or(SignInError::Malformed)?.to_string(),
        Value::Array(_) | Value::Bool(_) | Value::Object(_) => return Err(SignInError::Malformed),
    };
    let id = ExternalId::parse(text).map_err(|_| SignInError::Malformed)?;
    Ok(Some(id))
}

/// Districts make roles of their own, so a name that is not known says nothing, and a level that
/// contradicts the name takes away what the name says.
fn kind(role: &str, level: &Value) -> Kind {
    let by_name = match role.trim().to_lowercase().as_str() {
        "student" | "students" => Kind::Student,
        "administrator"
        | "aide"
        | "guardian"
        | "parent"
        | "school administrator"
        | "staff"
        | "teacher"
        | "tenant administrator" => Kind::Adult,
        _ => Kind::Unknown,
    };
    let level = (level.as_u64()).or_else(|| level.as_str()?.trim().parse().ok());
    let by_level = match level {
        Some(LEVEL_STUDENT) => Kind::Student,
        Some(LEVEL_TEACHER) => Kind::Adult,
        Some(_) | None => Kind::Unknown,
    };
    match (by_name, by_level) {
        (Kind::Unknown, kind) | (kind, Kind::Unknown) => kind,
        (one, other) if one == other => one,
        _ => Kind::Unknown,
    }
}

//! Writes the resources of the Directory API.

use jiff::Timestamp;

use crate::google::directory::{
    AdminRole, CUSTOMER, Directory, Group, Member, MemberKey, OrgUnit, User,
};
use crate::google::json::Object;

/// Which custom schemas an answer has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Projection {
    Basic,
    /// The schemas named.
    Custom(Vec<String>),
    Full,
}

impl Projection {
    fn has(&self, schema: &str) -> bool {
        match self {
            Self::Basic => false,
            Self::Custom(schemas) => schemas.iter().any(|name| name == schema),
            Self::Full => true,
        }
    }
}

/// RFC 3339 with milliseconds, as Google writes instants.
pub(super) fn instant(at_ms: i64) -> String {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{at:.3}")
}

pub(super) fn user(
    object: &mut Object<'_>,
    user: &User,
    directory: &Directory,
    projection: &Projection,
) {
    let role = directory.role(user.id);
    head(object, user, role);
    object.boolean("agreedToTerms", true);
    object.boolean("suspended", user.suspended);
    if user.suspended {
        object.string("suspensionReason", "ADMIN");
    }
    object.boolean("archived", user.archived);
    object.boolean("changePasswordAtNextLogin", false);
    object.boolean("ipWhitelisted", false);
    let addresses: Vec<(&str, bool)> = std::iter::once((user.email.as_ref(), true))
        .chain(user.aliases.iter().map(|alias| (alias.as_ref(), false)))
        .collect();
    object.objects("emails", &addresses, |object, (address, is_primary)| {
        object.string("address", address);
        if *is_primary {
            object.boolean("primary", true);
        }
    });
    object.objects("externalIds", user.number.as_slice(), |object, number| {
        object.string_with("value", || number.to_string());
        object.string("type", "organization");
    });
    let titles = if user.title.is_empty() {
        &[][..]
    } else {
        &[user.title][..]
    };
    object.objects("organizations", titles, |object, title| {
        object.string("title", title);
        object.boolean("primary", true);
        object.string("customType", "");
    });
    object.strings("aliases", &user.aliases);
    object.string("customerId", CUSTOMER);
    object.string("orgUnitPath", directory.org_units().path(user.org_unit));
    object.boolean("isMailboxSetup", true);
    object.boolean("isEnrolledIn2Sv", role != &AdminRole::None);
    object.boolean("isEnforcedIn2Sv", false);
    object.boolean("includeInGlobalAddressList", user.grade.is_none());
    if projection.has("SIS") && (user.grade.is_some() || !user.schools.is_empty()) {
        object.object("customSchemas", |object| {
            object.object("SIS", |object| sis(object, user));
        });
    }
}

/// What live and deleted users have in common.
fn head(object: &mut Object<'_>, user: &User, role: &AdminRole) {
    object.string("kind", "admin#directory#user");
    object.string_with("id", || user.id.to_string());
    object.string_with("etag", || user.etag());
    object.string("primaryEmail", &user.email);
    object.object("name", |object| {
        object.string("givenName", &user.given);
        object.string("familyName", &user.family);
        object.string_with("fullName", || format!("{} {}", user.given, user.family));
    });
    object.boolean("isAdmin", role == &AdminRole::Super);
    object.boolean("isDelegatedAdmin", matches!(role, AdminRole::Delegated(_)));
    object.string_with("lastLoginTime", || {
        instant(user.last_login_at_s.unwrap_or(0) * 1_000)
    });
    object.string_with("creationTime", || instant(user.created_at_s * 1_000));
}

fn sis(object: &mut Object<'_>, user: &User) {
    object.string_with("role", || user.title.to_lowercase());
    if let Some(grade) = &user.grade {
        object.string("grade", grade);
    }
    object.objects("schools", &user.schools, |object, school| {
        object.string("value", school);
    });
}

pub(super) fn deleted_user(object: &mut Object<'_>, user: &User) {
    head(object, user, &AdminRole::None);
    object.string_with("deletionTime", || instant(user.deleted_at_ms.unwrap_or(0)));
    object.string("customerId", CUSTOMER);
}

/// What everybody in the domain may see of a user.
pub(super) fn public_user(object: &mut Object<'_>, user: &User) {
    object.string("kind", "admin#directory#user");
    object.string_with("id", || user.id.to_string());
    object.string_with("etag", || user.etag());
    object.string("primaryEmail", &user.email);
    object.object("name", |object| {
        object.string("givenName", &user.given);
        object.string("familyName", &user.family);
        object.string_with("fullName", || format!("{} {}", user.given, user.family));
    });
}

pub(super) fn org_unit(object: &mut Object<'_>, unit: &OrgUnit, directory: &Directory) {
    object.string("kind", "admin#directory#orgUnit");
    object.string_with("etag", || org_unit_etag(unit));
    object.string("name", &unit.name);
    object.string("description", &unit.description);
    object.string("orgUnitPath", &unit.path);
    object.string("orgUnitId", &unit.id);
    if let Some(parent) = unit
        .parent
        .and_then(|parent| directory.org_units().get(parent))
    {
        object.string("parentOrgUnitPath", &parent.path);
        object.string("parentOrgUnitId", &parent.id);
    }
}

pub(super) fn org_unit_etag(unit: &OrgUnit) -> String {
    format!(
        "\"ou-demo/{}-{}\"",
        unit.id.trim_start_matches("id:"),
        unit.version
    )
}

pub(super) fn group(object: &mut Object<'_>, group: &Group) {
    object.string("kind", "admin#directory#group");
    object.string("id", &group.id);
    object.string_with("etag", || group_etag(group));
    object.string("email", &group.email);
    object.string("name", &group.name);
    object.string_with("directMembersCount", || group.members.len().to_string());
    object.string("description", &group.description);
    object.boolean("adminCreated", true);
    object.strings("aliases", &group.aliases);
}

pub(super) fn group_etag(group: &Group) -> String {
    format!("\"g-demo/{}-{}\"", group.id, group.version)
}

pub(super) fn member(object: &mut Object<'_>, member: &Member, directory: &Directory) {
    object.string("kind", "admin#directory#member");
    let user = match &member.key {
        MemberKey::User(id) => directory.user_by_id(*id),
        MemberKey::Customer | MemberKey::External(_) | MemberKey::Group(_) => None,
    };
    let (kind, id, email) = match &member.key {
        MemberKey::Customer => ("CUSTOMER", CUSTOMER.to_owned(), None),
        MemberKey::External(email) => ("EXTERNAL", external_id(email), Some(email.as_ref())),
        MemberKey::Group(id) => (
            "GROUP",
            id.clone(),
            directory.group(id).map(|group| group.email.as_ref()),
        ),
        MemberKey::User(id) => ("USER", id.to_string(), user.map(|user| user.email.as_ref())),
    };
    object.string("id", &id);
    object.string_with("etag", || {
        format!("\"m-demo/{id}-{}\"", member.role.as_str())
    });
    if let Some(email) = email {
        object.string("email", email);
    }
    object.string("role", member.role.as_str());
    object.string("type", kind);
    // A customer as a member has no status.
    if member.key != MemberKey::Customer {
        let suspended = user.is_some_and(|user| user.suspended);
        object.string("status", if suspended { "SUSPENDED" } else { "ACTIVE" });
    }
}

/// An id for an address outside the customer, as long as Google's.
fn external_id(email: &str) -> String {
    let number = crate::google::page::digest(email.as_bytes()) % 1_000_000_000_000_000_000;
    format!("119{number:018}")
}

//! Which fields the answers can have, for field masks (schemas of `admin.directory_v1`).

use crate::google::fields::Known::{self, Any, Leaf, Object};

pub(super) const USER: Known = Object(&[
    ("addresses", Any),
    ("agreedToTerms", Leaf),
    ("aliases", Leaf),
    ("archivalTime", Leaf),
    ("archived", Leaf),
    ("changePasswordAtNextLogin", Leaf),
    ("creationTime", Leaf),
    ("customSchemas", Any),
    ("customerId", Leaf),
    ("deletionTime", Leaf),
    ("emails", Any),
    ("etag", Leaf),
    ("externalIds", Any),
    ("gender", Any),
    ("guestAccountInfo", Any),
    ("hashFunction", Leaf),
    ("id", Leaf),
    ("ims", Any),
    ("includeInGlobalAddressList", Leaf),
    ("ipWhitelisted", Leaf),
    ("isAdmin", Leaf),
    ("isDelegatedAdmin", Leaf),
    ("isEnforcedIn2Sv", Leaf),
    ("isEnrolledIn2Sv", Leaf),
    ("isGuestUser", Leaf),
    ("isMailboxSetup", Leaf),
    ("keywords", Any),
    ("kind", Leaf),
    ("languages", Any),
    ("lastLoginTime", Leaf),
    ("locations", Any),
    (
        "name",
        Object(&[
            ("displayName", Leaf),
            ("familyName", Leaf),
            ("fullName", Leaf),
            ("givenName", Leaf),
        ]),
    ),
    ("nonEditableAliases", Leaf),
    ("notes", Any),
    ("orgUnitPath", Leaf),
    ("organizations", Any),
    ("password", Leaf),
    ("phones", Any),
    ("posixAccounts", Any),
    ("primaryEmail", Leaf),
    ("recoveryEmail", Leaf),
    ("recoveryPhone", Leaf),
    ("relations", Any),
    ("sshPublicKeys", Any),
    ("suspended", Leaf),
    ("suspensionReason", Leaf),
    ("suspensionTime", Leaf),
    ("thumbnailPhotoEtag", Leaf),
    ("thumbnailPhotoUrl", Leaf),
    ("websites", Any),
]);

pub(super) const USERS: Known = Object(&[
    ("etag", Leaf),
    ("kind", Leaf),
    ("nextPageToken", Leaf),
    ("trigger_event", Leaf),
    ("users", USER),
]);

pub(super) const ORG_UNIT: Known = Object(&[
    ("blockInheritance", Leaf),
    ("description", Leaf),
    ("etag", Leaf),
    ("kind", Leaf),
    ("name", Leaf),
    ("orgUnitId", Leaf),
    ("orgUnitPath", Leaf),
    ("parentOrgUnitId", Leaf),
    ("parentOrgUnitPath", Leaf),
]);

pub(super) const ORG_UNITS: Known = Object(&[
    ("etag", Leaf),
    ("kind", Leaf),
    ("organizationUnits", ORG_UNIT),
]);

pub(super) const GROUP: Known = Object(&[
    ("adminCreated", Leaf),
    ("aliases", Leaf),
    ("description", Leaf),
    ("directMembersCount", Leaf),
    ("email", Leaf),
    ("etag", Leaf),
    ("externalIds", Any),
    ("id", Leaf),
    ("kind", Leaf),
    ("name", Leaf),
    ("nonEditableAliases", Leaf),
]);

pub(super) const GROUPS: Known = Object(&[
    ("etag", Leaf),
    ("groups", GROUP),
    ("kind", Leaf),
    ("nextPageToken", Leaf),
]);

pub(super) const MEMBER: Known = Object(&[
    ("delivery_settings", Leaf),
    ("email", Leaf),
    ("etag", Leaf),
    ("id", Leaf),
    ("kind", Leaf),
    ("role", Leaf),
    ("status", Leaf),
    ("type", Leaf),
]);

pub(super) const MEMBERS: Known = Object(&[
    ("etag", Leaf),
    ("kind", Leaf),
    ("members", MEMBER),
    ("nextPageToken", Leaf),
]);

pub(super) const HAS_MEMBER: Known = Object(&[("isMember", Leaf)]);

pub(super) const DOMAINS: Known = Object(&[
    (
        "domains",
        Object(&[
            ("creationTime", Leaf),
            ("domainAliases", Any),
            ("domainName", Leaf),
            ("etag", Leaf),
            ("isPrimary", Leaf),
            ("kind", Leaf),
            ("verified", Leaf),
        ]),
    ),
    ("etag", Leaf),
    ("kind", Leaf),
]);

pub(super) const CUSTOMER: Known = Object(&[
    ("alternateEmail", Leaf),
    ("customerCreationTime", Leaf),
    ("customerDomain", Leaf),
    ("etag", Leaf),
    ("id", Leaf),
    ("kind", Leaf),
    ("language", Leaf),
    ("phoneNumber", Leaf),
    ("postalAddress", Any),
]);

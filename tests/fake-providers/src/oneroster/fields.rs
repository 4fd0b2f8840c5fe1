//! The fields of objects, version by version (PROVIDERS 6.6).

use super::call::Set;
use super::dataset::Kind;
use super::render::Version;

/// What every object has.
const COMMON: [&str; 4] = ["sourcedId", "status", "dateLastModified", "metadata"];

const DEMOGRAPHICS: [&str; 13] = [
    "birthDate",
    "sex",
    "americanIndianOrAlaskaNative",
    "asian",
    "blackOrAfricanAmerican",
    "nativeHawaiianOrOtherPacificIslander",
    "white",
    "demographicRaceTwoOrMoreRaces",
    "hispanicOrLatinoEthnicity",
    "countryOfBirthCode",
    "stateOfBirthAbbreviation",
    "cityOfBirth",
    "publicSchoolResidenceStatus",
];

const SESSION: [&str; 7] = [
    "title",
    "startDate",
    "endDate",
    "type",
    "parent",
    "children",
    "schoolYear",
];

const CLASS: [&str; 12] = [
    "title",
    "classCode",
    "classType",
    "location",
    "grades",
    "subjects",
    "subjectCodes",
    "periods",
    "course",
    "school",
    "terms",
    "resources",
];

const COURSE: [&str; 8] = [
    "title",
    "schoolYear",
    "courseCode",
    "grades",
    "subjects",
    "subjectCodes",
    "org",
    "resources",
];

const ENROLLMENT: [&str; 7] = [
    "user",
    "class",
    "school",
    "role",
    "primary",
    "beginDate",
    "endDate",
];

const ORG: [&str; 5] = ["name", "type", "identifier", "parent", "children"];

const USER_V1P1: [&str; 15] = [
    "username",
    "userIds",
    "enabledUser",
    "givenName",
    "familyName",
    "middleName",
    "role",
    "identifier",
    "email",
    "sms",
    "phone",
    "agents",
    "orgs",
    "grades",
    "password",
];

const USER_V1P2: [&str; 21] = [
    "userMasterIdentifier",
    "username",
    "userIds",
    "enabledUser",
    "givenName",
    "familyName",
    "middleName",
    "preferredFirstName",
    "preferredMiddleName",
    "preferredLastName",
    "pronouns",
    "roles",
    "userProfiles",
    "primaryOrg",
    "identifier",
    "email",
    "sms",
    "phone",
    "agents",
    "grades",
    "resources",
];

/// The fields of a set's objects in a version.
pub(super) fn fields_of(set: Set, version: Version) -> Vec<&'static str> {
    let own: &[&str] = match (set.kind(), version) {
        _ if set == Set::Demographics => &DEMOGRAPHICS,
        (Kind::AcademicSession, _) => &SESSION,
        (Kind::Class, _) => &CLASS,
        (Kind::Course, _) => &COURSE,
        (Kind::Enrollment, _) => &ENROLLMENT,
        (Kind::Org, _) => &ORG,
        (Kind::User, Version::V1p1) => &USER_V1P1,
        (Kind::User, Version::V1p2) => &USER_V1P2,
    };
    COMMON.into_iter().chain(own.iter().copied()).collect()
}

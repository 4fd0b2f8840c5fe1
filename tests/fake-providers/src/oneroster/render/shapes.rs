//! The objects field by field, in the order of the specification.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{Kind, Row, Style, View};
use crate::oneroster::dataset::{
    AcademicSession, Class, Course, Enrollment, Org, SessionType, User,
};

/// What every object starts with.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Common<'a> {
    pub(super) sourced_id: &'a str,
    pub(super) status: &'static str,
    pub(super) date_last_modified: String,
}

/// A reference to another object.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reference<'a> {
    pub(super) href: String,
    pub(super) sourced_id: &'a str,
    #[serde(rename = "type")]
    pub(super) of_type: &'static str,
}

#[derive(Serialize)]
pub(super) struct OrgShape<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    name: &'a str,
    #[serde(rename = "type")]
    org_type: &'a str,
    identifier: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<Reference<'a>>,
    children: Vec<Reference<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionShape<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    title: &'a str,
    start_date: &'a str,
    end_date: &'a str,
    #[serde(rename = "type")]
    session_type: SessionType,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<Reference<'a>>,
    children: Vec<Reference<'a>>,
    school_year: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CourseShape<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    title: &'a str,
    course_code: &'a str,
    grades: &'a [String],
    subjects: &'a [String],
    subject_codes: [&'a str; 0],
    school_year: Reference<'a>,
    org: Reference<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClassShape<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    title: &'a str,
    class_code: &'a str,
    class_type: &'a str,
    location: &'a str,
    grades: &'a [String],
    subjects: &'a [String],
    subject_codes: [&'a str; 0],
    periods: &'a [String],
    course: Reference<'a>,
    school: Reference<'a>,
    terms: Vec<Reference<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnrollmentShape<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    role: String,
    primary: Value,
    user: Reference<'a>,
    class: Reference<'a>,
    school: Reference<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    begin_date: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_date: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DemographicsShape<'a> {
    #[serde(flatten)]
    pub(super) common: Common<'a>,
    pub(super) birth_date: &'a str,
    pub(super) sex: &'a str,
    pub(super) asian: Value,
    pub(super) white: Value,
    pub(super) hispanic_or_latino_ethnicity: Value,
    pub(super) public_school_residence_status: &'a str,
}

#[derive(Serialize)]
struct UserId {
    #[serde(rename = "type")]
    id_type: &'static str,
    identifier: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserV1p1<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a BTreeMap<String, String>>,
    username: String,
    user_ids: Vec<UserId>,
    enabled_user: Value,
    given_name: String,
    family_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    middle_name: Option<&'a str>,
    role: String,
    identifier: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sms: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    agents: Vec<Reference<'a>>,
    orgs: Vec<Reference<'a>>,
    grades: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoleShape<'a> {
    role_type: &'static str,
    role: String,
    org: Reference<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserV1p2<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a BTreeMap<String, String>>,
    user_master_identifier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    user_ids: Vec<UserId>,
    enabled_user: Value,
    given_name: String,
    family_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    middle_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_first_name: Option<&'a str>,
    roles: Vec<RoleShape<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_org: Option<Reference<'a>>,
    identifier: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    agents: Vec<Reference<'a>>,
    grades: &'a [String],
}

impl Style<'_> {
    pub(super) fn org<'r>(&self, row: &'r Row, org: &'r Org) -> OrgShape<'r> {
        OrgShape {
            common: self.common(row),
            name: &org.name,
            org_type: &org.org_type,
            identifier: &org.identifier,
            parent: org.parent.as_deref().map(|id| self.org_reference(id)),
            children: org
                .children
                .iter()
                .map(|id| self.org_reference(id))
                .collect(),
        }
    }

    pub(super) fn session<'r>(
        &self,
        row: &'r Row,
        session: &'r AcademicSession,
    ) -> SessionShape<'r> {
        let reference = |id: &'r String| self.session_reference(id);
        SessionShape {
            common: self.common(row),
            title: &session.title,
            start_date: &session.start_date,
            end_date: &session.end_date,
            session_type: session.session_type,
            parent: session.parent.as_ref().map(reference),
            children: session.children.iter().map(reference).collect(),
            school_year: &session.school_year,
        }
    }

    pub(super) fn course<'r>(&self, row: &'r Row, course: &'r Course) -> CourseShape<'r> {
        CourseShape {
            common: self.common(row),
            title: &course.title,
            course_code: &course.course_code,
            grades: &course.grades,
            subjects: &course.subjects,
            subject_codes: [],
            school_year: self.session_reference(&course.school_year),
            org: self.org_reference(&course.org),
        }
    }

    pub(super) fn class<'r>(&self, row: &'r Row, class: &'r Class) -> ClassShape<'r> {
        ClassShape {
            common: self.common(row),
            title: &class.title,
            class_code: &class.class_code,
            class_type: &class.class_type,
            location: &class.location,
            grades: &class.grades,
            subjects: &class.subjects,
            subject_codes: [],
            periods: &class.periods,
            course: self.reference(Kind::Course, "courses", &class.course),
            school: self.org_reference(&class.school),
            terms: class
                .terms
                .iter()
                .map(|id| self.session_reference(id))
                .collect(),
        }
    }

    pub(super) fn enrollment<'r>(
        &self,
        row: &'r Row,
        enrollment: &'r Enrollment,
    ) -> EnrollmentShape<'r> {
        EnrollmentShape {
            common: self.common(row),
            role: self.role(&enrollment.role),
            primary: self.flag(enrollment.primary),
            user: self.reference(Kind::User, "users", &enrollment.user),
            class: self.reference(Kind::Class, "classes", &enrollment.class),
            school: self.reference(Kind::Org, "schools", &enrollment.school),
            begin_date: enrollment.begin_date.as_deref(),
            end_date: enrollment.end_date.as_deref(),
        }
    }

    pub(super) fn user_v1p1<'r>(&self, row: &'r Row, user: &'r User) -> UserV1p1<'r> {
        // Roster Server writes what is empty; others leave it out.
        let is_roster_server = self.view == View::RosterServer;
        let written = |text: &'r str| (is_roster_server || !text.is_empty()).then_some(text);
        let role = user.roles.first().map_or("", |role| &role.role);
        let mut orgs: Vec<&str> = Vec::new();
        for role in &user.roles {
            if !orgs.contains(&role.org.as_str()) {
                orgs.push(&role.org);
            }
        }
        orgs.extend(self.dangling_org(row));
        let user_id = if is_roster_server {
            ("Fed", user.identifier.clone())
        } else {
            ("LDAP", user.email.clone())
        };
        UserV1p1 {
            common: self.common(row),
            metadata: (!is_roster_server && !user.metadata.is_empty()).then_some(&user.metadata),
            username: self.address(user.username.as_deref().unwrap_or_default(), row),
            user_ids: self.user_ids(user_id),
            enabled_user: self.flag(user.enabled),
            given_name: self.name(&user.given_name, row),
            family_name: self.name(&user.family_name, row),
            middle_name: written(&user.middle_name),
            role: self.role(role),
            identifier: &user.identifier,
            email: written(&user.email).map(|email| self.address(email, row)),
            sms: written(""),
            phone: written(&user.phone),
            agents: self.agents(user),
            orgs: orgs.into_iter().map(|id| self.org_reference(id)).collect(),
            grades: &user.grades,
            password: if self.quirks.passwords {
                Some(user.password.as_str())
            } else {
                written("")
            },
        }
    }

    pub(super) fn user_v1p2<'r>(&self, row: &'r Row, user: &'r User) -> UserV1p2<'r> {
        let written = |text: &'r str| (!text.is_empty()).then_some(text);
        let mut roles: Vec<RoleShape<'r>> = Vec::new();
        for (place, role) in user.roles.iter().enumerate() {
            roles.push(RoleShape {
                role_type: if place == 0 { "primary" } else { "secondary" },
                role: self.role(&role.role),
                org: self.org_reference(&role.org),
            });
        }
        let main_role = user.roles.first().map_or("", |role| &role.role);
        roles.extend(self.dangling_org(row).map(|org| RoleShape {
            role_type: "secondary",
            role: self.role(main_role),
            org: self.org_reference(org),
        }));
        let username = user.username.as_deref();
        UserV1p2 {
            common: self.common(row),
            metadata: (!user.metadata.is_empty()).then_some(&user.metadata),
            user_master_identifier: format!("MG-{}", user.identifier),
            username: username.map(|name| self.address(name, row)),
            user_ids: self.user_ids(("Fed", username.unwrap_or_default().to_owned())),
            enabled_user: self.flag(user.enabled),
            given_name: self.name(&user.given_name, row),
            family_name: self.name(&user.family_name, row),
            middle_name: written(&user.middle_name),
            preferred_first_name: user.preferred_first_name.as_deref(),
            roles,
            primary_org: user.roles.first().map(|role| self.org_reference(&role.org)),
            identifier: &user.identifier,
            email: written(&user.email).map(|email| self.address(email, row)),
            phone: written(&user.phone),
            agents: self.agents(user),
            grades: &user.grades,
        }
    }

    fn user_ids(&self, (id_type, identifier): (&'static str, String)) -> Vec<UserId> {
        let is_told = !self.is_obfuscated && !identifier.is_empty();
        let id = is_told.then_some(UserId {
            id_type,
            identifier,
        });
        id.into_iter().collect()
    }

    fn agents<'r>(&self, user: &'r User) -> Vec<Reference<'r>> {
        let agents = user.agents.iter();
        agents
            .map(|id| self.reference(Kind::User, "users", id))
            .collect()
    }
}

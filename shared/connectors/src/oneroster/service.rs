//! Where a OneRoster service answers, and for what (PROVIDERS 6.1, 6.4 and 6.5).

use crate::base_url::{BaseUrl, BaseUrlError};
use crate::fetch::Asking;
use crate::request::{encode, encode_pairs};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A version of OneRoster.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum Version {
    /// 1.1 of 2017.
    #[serde(rename = "1.1")]
    V1_1,
    /// 1.2 of 2022.
    #[serde(rename = "1.2")]
    V1_2,
}

impl Version {
    /// What stands between the prefix of a host and the collections.
    fn path(self) -> &'static str {
        match self {
            Version::V1_1 => "/ims/oneroster/v1p1",
            Version::V1_2 => "/ims/oneroster/rostering/v1p2",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Version::V1_1 => "1.1",
            Version::V1_2 => "1.2",
        })
    }
}

/// A list of a service.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Collection {
    /// School years and terms.
    AcademicSessions,
    /// Classes.
    Classes,
    /// Courses.
    Courses,
    /// Who is in which class.
    Enrollments,
    /// Schools, districts and offices.
    Orgs,
    /// People.
    Users,
}

impl Collection {
    /// The name in an address, and the usual key of the list in an answer.
    pub fn name(self) -> &'static str {
        match self {
            Collection::AcademicSessions => "academicSessions",
            Collection::Classes => "classes",
            Collection::Courses => "courses",
            Collection::Enrollments => "enrollments",
            Collection::Orgs => "orgs",
            Collection::Users => "users",
        }
    }

    pub(super) fn asking(self) -> Asking {
        match self {
            Collection::AcademicSessions => Asking::Sessions,
            Collection::Classes => Asking::Classes,
            Collection::Courses => Asking::Courses,
            Collection::Enrollments => Asking::Enrollments,
            Collection::Orgs => Asking::Schools,
            Collection::Users => Asking::Users,
        }
    }
}

/// Ends that configured addresses have; the longer ones first.
const ENDS: [&str; 7] = [
    "/ims/oneroster/rostering/v1p2",
    "/ims/oneroster/rostering",
    "/ims/oneroster/v1p2",
    "/ims/oneroster/v1p1",
    "/ims/oneroster/v1p0",
    "/ims/oneroster",
    "/ims",
];

/// The address that the names of collections are appended to.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceBase(BaseUrl);

impl ServiceBase {
    /// The service of a version below an address that was checked before. The address may end at
    /// a prefix of the host's own, at `/ims/oneroster`, or at the service of any version.
    pub fn new(base: &BaseUrl, version: Version) -> Result<Self, BaseUrlError> {
        let text = base.as_str();
        let lower = text.to_ascii_lowercase();
        let prefix = ENDS
            .iter()
            .find(|end| lower.ends_with(*end))
            .and_then(|end| text.get(..text.len() - end.len()))
            .unwrap_or(text);
        BaseUrl::parse(&format!("{prefix}{}", version.path())).map(Self)
    }

    /// The address, without a slash at its end.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// A page of a list.
    pub(super) fn list(&self, collection: Collection, query: &ListQuery<'_>) -> String {
        let limit = query.limit.to_string();
        let offset = query.offset.to_string();
        let mut pairs = vec![("limit", limit.as_str()), ("offset", offset.as_str())];
        if query.is_sorted {
            pairs.extend([("sort", "sourcedId"), ("orderBy", "asc")]);
        }
        if let Some(filter) = query.filter {
            pairs.push(("filter", filter));
        }
        let name = collection.name();
        format!("{}/{name}?{}", self.as_str(), encode_pairs(&pairs))
    }

    /// One person; the id is encoded once, whatever stands in it.
    pub(super) fn user(&self, id: &str) -> String {
        format!("{}/users/{}", self.as_str(), encode(id))
    }
}

/// Which page of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListQuery<'a> {
    pub(super) limit: u32,
    pub(super) offset: u64,
    pub(super) is_sorted: bool,
    pub(super) filter: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_end_anywhere() {
        let of = |text: &str, version| {
            let base = BaseUrl::parse(text).unwrap();
            ServiceBase::new(&base, version)
                .unwrap()
                .as_str()
                .to_owned()
        };
        for end in [
            "",
            "/",
            "/ims",
            "/ims/oneroster",
            "/ims/oneroster/",
            "/ims/oneroster/v1p1",
            "/IMS/OneRoster/v1p1",
            "/ims/oneroster/rostering",
            "/ims/oneroster/rostering/v1p2",
        ] {
            let text = format!("https://sis.example/campus/api{end}");
            assert_eq!(
                of(&text, Version::V1_1),
                "https://sis.example/campus/api/ims/oneroster/v1p1"
            );
            assert_eq!(
                of(&text, Version::V1_2),
                "https://sis.example/campus/api/ims/oneroster/rostering/v1p2"
            );
        }
    }

    #[test]
    fn o11_an_id_is_encoded_once() {
        let base = BaseUrl::parse("https://sis.example").unwrap();
        let service = ServiceBase::new(&base, Version::V1_1).unwrap();
        assert_eq!(
            service.user("7/1|a b+c%2F"),
            "https://sis.example/ims/oneroster/v1p1/users/7%2F1%7Ca%20b%2Bc%252F"
        );
    }
}

//! Which path asks for what, and the parameters it knows.

use std::collections::{BTreeMap, BTreeSet};

use super::roles_of;
use crate::clever::roster::{Kind, Version};

/// What is asked for. Ids are as sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in super::super) enum Route {
    Event(String),
    Events,
    Item(Kind, String),
    List(Kind),
    Me,
    Sub(Kind, String, String),
}

impl Route {
    /// The version and the route of a path; none for paths that Clever does not have.
    pub(in super::super) fn of(path: &str) -> Option<(Version, Self)> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let version = match parts.next()? {
            "v3.0" => Version::V30,
            "v3.1" => Version::V31,
            _ => return None,
        };
        let (first, id, sub) = (parts.next()?, parts.next(), parts.next());
        if parts.next().is_some() || id == Some("") {
            return None;
        }
        let route = match (first, Kind::parse(first), id, sub) {
            ("me", _, None, None) => Self::Me,
            ("events", _, None, None) => Self::Events,
            ("events", _, Some(id), None) => Self::Event(id.to_owned()),
            (_, Some(kind), None, None) => Self::List(kind),
            (_, Some(kind), Some(id), None) => Self::Item(kind, id.to_owned()),
            (_, Some(kind), Some(id), Some(sub)) if subs(kind).contains(&sub) => {
                Self::Sub(kind, id.to_owned(), sub.to_owned())
            }
            _ => return None,
        };
        Some((version, route))
    }

    /// The parameters sent that Clever ignores here.
    pub(in super::super) fn unknown_parameters(
        &self,
        parameters: &BTreeMap<String, String>,
    ) -> BTreeSet<String> {
        let known = self.parameters();
        let sent = parameters.keys();
        let unknown = sent.filter(|name| !known.contains(&name.as_str()));
        unknown.cloned().collect()
    }

    /// The parameters known here.
    pub(super) fn parameters(&self) -> Vec<&'static str> {
        let paging = ["limit", "starting_after", "ending_before"];
        match self {
            Self::Event(_) | Self::Item(..) | Self::List(Kind::Districts) | Self::Me => Vec::new(),
            Self::Events => [&paging[..], &["record_type", "school"]].concat(),
            Self::List(Kind::Users) => [&paging[..], &["count", "role"]].concat(),
            Self::List(_) => [&paging[..], &["count"]].concat(),
            Self::Sub(kind, _, sub) => {
                let mut known = paging.to_vec();
                if !roles_of(*kind, sub).is_empty() {
                    known.push("role");
                }
                if matches!(
                    (kind, sub.as_str()),
                    (Kind::Schools, "users") | (Kind::Users, "schools")
                ) {
                    known.push("primary");
                }
                known
            }
        }
    }
}

/// What can be asked of one record.
fn subs(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Courses => &["district", "resources", "schools", "sections"],
        Kind::Districts => &[],
        Kind::Resources => &["courses", "sections", "users"],
        Kind::Schools => &["courses", "district", "sections", "terms", "users"],
        Kind::Sections => &["course", "district", "resources", "school", "term", "users"],
        Kind::Terms => &["district", "schools", "sections"],
        Kind::Users => &[
            "district",
            "mycontacts",
            "mystudents",
            "myteachers",
            "resources",
            "schools",
            "sections",
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_that_clever_has_lead_anywhere() {
        let route = |path| Route::of(path).map(|(_, route)| route);
        assert_eq!(route("/v3.0/users"), Some(Route::List(Kind::Users)));
        assert_eq!(route("/v3.1/events/x"), Some(Route::Event("x".to_owned())));
        let sub = Route::Sub(Kind::Schools, "x".to_owned(), "users".to_owned());
        assert_eq!(route("/v3.1/schools/x/users"), Some(sub));
        for path in [
            "",
            "/",
            "/v3.0",
            "/v2.1/users",
            "/v3.0/students",
            "/v3.0/users/",
            "/v3.0/users/x/y",
            "/v3.0/users/x/schools/y",
            "/v3.0/events/x/y",
            "/v3.0/me/x",
            "/users",
        ] {
            assert_eq!(route(path), None, "{path}");
        }
    }
}

//! Which component answers a path, with Spin's precedence: exact before `:name` before `/...`, and the
//! longer prefix first. The matching itself is the `routefinder` crate, as in Spin.

use std::collections::BTreeMap;

use crate::manifest::{HttpTrigger, ManifestError, Route};

/// Paths under this prefix are the runtime's own.
pub(crate) const WELL_KNOWN_PREFIX: &str = "/.well-known/spin/";

/// The public routes of an application.
#[derive(Debug)]
pub(crate) struct Router {
    finder: routefinder::Router<Target>,
}

/// Where a pattern leads.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    component: String,
    pattern: String,
    based_pattern: String,
}

/// A path and the component which answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RouteMatch {
    /// The component's id.
    pub(crate) component: String,
    /// The pattern as written in the manifest.
    pub(crate) pattern: String,
    /// The pattern as an absolute path without a slash at its end (empty for the root).
    pub(crate) based_pattern: String,
    /// What `/...` stands for in the path, with its leading slash, or nothing.
    pub(crate) path_info: String,
    /// What each `:name` stands for.
    pub(crate) segments: BTreeMap<String, String>,
}

impl Router {
    /// Builds the routes. Of two equal patterns the later wins; private triggers have no route.
    pub(crate) fn build(triggers: &[HttpTrigger]) -> Result<Self, ManifestError> {
        let mut targets: BTreeMap<&str, Target> = BTreeMap::new();
        for trigger in triggers {
            let Route::Pattern(pattern) = &trigger.route else {
                continue;
            };
            let target = Target {
                component: trigger.component.clone(),
                pattern: pattern.clone(),
                based_pattern: absolute(pattern),
            };
            if target.based_pattern.starts_with(WELL_KNOWN_PREFIX) {
                tracing::error!(%pattern, "this route belongs to the runtime and is never reached");
            }
            if let Some(replaced) = targets.insert(pattern, target) {
                tracing::error!(
                    component = %replaced.component, %pattern,
                    "this route is a duplicate and is never reached"
                );
            }
        }
        let mut finder = routefinder::Router::new();
        for target in targets.into_values() {
            let spec = match target.based_pattern.strip_suffix("/...") {
                Some(prefix) => format!("{prefix}/*"),
                None => target.based_pattern.clone(),
            };
            let route = target.pattern.clone();
            finder
                .add(spec, target)
                .map_err(|reason| ManifestError::Route { route, reason })?;
        }
        Ok(Self { finder })
    }

    /// The best match for `path` (without its query).
    pub(crate) fn find(&self, path: &str) -> Option<RouteMatch> {
        let best = self.finder.best_match(path)?;
        let captures = best.captures();
        let target = best.handler();
        Some(RouteMatch {
            component: target.component.clone(),
            pattern: target.pattern.clone(),
            based_pattern: target.based_pattern.clone(),
            path_info: captures
                .wildcard()
                .map_or_else(String::new, |rest| path_info(rest, path)),
            segments: captures
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        })
    }

    /// Every pattern with its component's id.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = (&str, &str)> {
        self.finder
            .iter()
            .map(|(_, target)| (target.pattern.as_str(), target.component.as_str()))
    }
}

impl RouteMatch {
    /// The match of a request which another component sent: as if the route were `/...`.
    pub(crate) fn chained(component: &str, path: &str) -> Self {
        Self {
            component: component.to_owned(),
            pattern: "/...".to_owned(),
            based_pattern: "/...".to_owned(),
            path_info: path.to_owned(),
            segments: BTreeMap::new(),
        }
    }

    /// The pattern without `/...` at its end.
    pub(crate) fn prefix(&self) -> &str {
        self.pattern.strip_suffix("/...").unwrap_or(&self.pattern)
    }
}

/// The finder drops the slash at the end of a path; Spin's components see it.
fn path_info(rest: &str, path: &str) -> String {
    match (rest.is_empty(), path.ends_with('/')) {
        (true, false) => String::new(),
        (true, true) => "/".to_owned(),
        (false, false) => format!("/{rest}"),
        (false, true) => format!("/{rest}/"),
    }
}

fn absolute(pattern: &str) -> String {
    let path = if pattern.starts_with('/') {
        pattern.to_owned()
    } else {
        format!("/{pattern}")
    };
    match path.strip_suffix('/') {
        Some(stripped) => stripped.to_owned(),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(patterns: &[&str]) -> Router {
        let triggers: Vec<_> = patterns
            .iter()
            .map(|pattern| HttpTrigger {
                component: (*pattern).to_owned(),
                route: Route::Pattern((*pattern).to_owned()),
            })
            .collect();
        Router::build(&triggers).unwrap()
    }

    #[test]
    fn the_most_specific_pattern_wins_whatever_the_order() {
        let patterns = [
            "/...",
            "/one",
            "/one/:id",
            "/one/two",
            "/one/two/...",
            "/:any",
        ];
        let reversed: Vec<_> = patterns.iter().rev().copied().collect();
        for router in [router(&patterns), router(&reversed)] {
            for (path, expected) in [
                ("/one", "/one"),
                ("/one/", "/one"),
                ("/one/two", "/one/two"),
                ("/one/7", "/one/:id"),
                ("/one/two/three", "/one/two/..."),
                ("/two", "/:any"),
                ("/two/three", "/..."),
                ("/", "/..."),
            ] {
                let found = router.find(path).map(|found| found.component);
                assert_eq!(found.as_deref(), Some(expected), "{path}");
            }
        }
    }

    #[test]
    fn a_pattern_with_a_name_in_the_middle_goes_before_a_shorter_one() {
        let inner = "/api/tenants/:tenant/uploads/...";
        let patterns = ["/api/...", inner, "/health"];
        let reversed: Vec<_> = patterns.iter().rev().copied().collect();
        for router in [router(&patterns), router(&reversed)] {
            for (path, expected) in [
                ("/api/tenants/t1/uploads", inner),
                ("/api/tenants/t1/uploads/", inner),
                ("/api/tenants/t1/uploads/up-1/accept", inner),
                ("/api/tenants/t1/uploadsx", "/api/..."),
                ("/api/tenants/t1/runs", "/api/..."),
                ("/api/tenants//uploads", "/api/..."),
                ("/api/tenants/a/b/uploads", "/api/..."),
                ("/api/tenants", "/api/..."),
            ] {
                let found = router.find(path).map(|found| found.component);
                assert_eq!(found.as_deref(), Some(expected), "{path}");
            }
        }
    }

    #[test]
    fn captures_are_kept_with_their_slashes() {
        let router = router(&["/files/:tenant/...", "/exact"]);
        for (path, expected) in [
            ("/files/t1", ""),
            ("/files/t1/", "/"),
            ("/files/t1/a/b", "/a/b"),
            ("/files/t1/a/b/", "/a/b/"),
        ] {
            let found = router.find(path).unwrap();
            assert_eq!(found.path_info, expected, "{path}");
            assert_eq!(found.segments["tenant"], "t1");
            assert_eq!(found.prefix(), "/files/:tenant");
        }
        assert_eq!(router.find("/exact").unwrap().path_info, "");
        assert_eq!(router.find("/other"), None);
    }

    #[test]
    fn a_private_trigger_has_no_route() {
        let router = Router::build(&[HttpTrigger {
            component: "hidden".to_owned(),
            route: Route::Private,
        }])
        .unwrap();
        assert_eq!(router.patterns().count(), 0);
    }

    #[test]
    fn the_later_of_two_equal_patterns_wins() {
        let triggers = ["first", "second"].map(|component| HttpTrigger {
            component: component.to_owned(),
            route: Route::Pattern("/same".to_owned()),
        });
        let found = Router::build(&triggers).unwrap().find("/same").unwrap();
        assert_eq!(found.component, "second");
    }
}

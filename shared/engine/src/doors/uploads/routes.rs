//! The table of routes. Data, so that the OpenAPI document can be held against it.

use http::Method;

/// What a route does; named as in the OpenAPI document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Operation {
    Accept,
    BadRows,
    Credentials,
    Discard,
    List,
    Problems,
    Read,
    Send,
    Template,
}

impl Operation {
    /// Whether it takes an admin key. So does fetching passwords.
    pub(super) fn writes(self) -> bool {
        match self {
            Operation::Accept | Operation::Credentials | Operation::Discard | Operation::Send => {
                true
            }
            Operation::BadRows
            | Operation::List
            | Operation::Problems
            | Operation::Read
            | Operation::Template => false,
        }
    }
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path, with parameters in braces.
    pub path: &'static str,
    pub(super) operation: Operation,
}

const fn route(method: &'static str, path: &'static str, operation: Operation) -> Route {
    Route {
        method,
        path,
        operation,
    }
}

/// Every route of this door.
pub const ROUTES: &[Route] = &[
    route("GET", "/api/v1/tenants/{tenant}/uploads", Operation::List),
    route("POST", "/api/v1/tenants/{tenant}/uploads", Operation::Send),
    route(
        "GET",
        "/api/v1/tenants/{tenant}/uploads/template.xlsx",
        Operation::Template,
    ),
    route(
        "GET",
        "/api/v1/tenants/{tenant}/uploads/{upload}",
        Operation::Read,
    ),
    route(
        "GET",
        "/api/v1/tenants/{tenant}/uploads/{upload}/problems",
        Operation::Problems,
    ),
    route(
        "GET",
        "/api/v1/tenants/{tenant}/uploads/{upload}/bad-rows.csv",
        Operation::BadRows,
    ),
    route(
        "POST",
        "/api/v1/tenants/{tenant}/uploads/{upload}/accept",
        Operation::Accept,
    ),
    route(
        "POST",
        "/api/v1/tenants/{tenant}/uploads/{upload}/discard",
        Operation::Discard,
    ),
    route(
        "POST",
        "/api/v1/tenants/{tenant}/uploads/{upload}/credentials",
        Operation::Credentials,
    ),
];

/// What a method and path lead to.
pub(super) enum Found {
    /// The path takes other methods: these, as in an `Allow` header.
    Methods(String),
    /// No route has the path.
    Nothing,
    /// A route, the tenant and, where there is one, the upload.
    Route(&'static Route, String, Option<String>),
}

/// Finds the route of a request.
pub(super) fn find(method: &Method, path: &str) -> Found {
    let mut allowed = Vec::new();
    for route in ROUTES {
        let Some((tenant, upload)) = matches(route.path, path) else {
            continue;
        };
        if route.method == method.as_str() {
            return Found::Route(route, tenant, upload);
        }
        allowed.push(route.method);
    }
    if allowed.is_empty() {
        Found::Nothing
    } else {
        Found::Methods(allowed.join(", "))
    }
}

fn matches(pattern: &str, path: &str) -> Option<(String, Option<String>)> {
    let (mut tenant, mut upload) = (String::new(), None);
    let mut segments = path.split('/');
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        match expected {
            "{tenant}" if !segment.is_empty() => segment.clone_into(&mut tenant),
            "{upload}" if !segment.is_empty() => upload = Some(segment.to_owned()),
            _ if expected == segment => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some((tenant, upload))
}

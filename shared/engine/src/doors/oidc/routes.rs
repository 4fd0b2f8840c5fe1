//! The table of the operator's routes. Data, so that the OpenAPI document can be held against it.
//! What applications ask for is described by the discovery document.

use http::Method;

/// What a route does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Operation {
    Change,
    List,
    Read,
    Register,
    Remove,
    RotateSecret,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The method.
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

/// Every route of the operator.
pub const ROUTES: &[Route] = &[
    route("GET", "/api/v1/clients", Operation::List),
    route("POST", "/api/v1/clients", Operation::Register),
    route("GET", "/api/v1/clients/{client}", Operation::Read),
    route("PUT", "/api/v1/clients/{client}", Operation::Change),
    route("DELETE", "/api/v1/clients/{client}", Operation::Remove),
    route(
        "POST",
        "/api/v1/clients/{client}/secret",
        Operation::RotateSecret,
    ),
];

/// What a method and path lead to.
pub(super) enum Found {
    /// The path takes other methods: these, as in an `Allow` header.
    Methods(String),
    /// No route has the path.
    Nothing,
    /// A route and, where there is one, the client.
    Route(&'static Route, Option<String>),
}

/// Finds the route of a request.
pub(super) fn find(method: &Method, path: &str) -> Found {
    let method = match *method {
        Method::HEAD => "GET",
        _ => method.as_str(),
    };
    let mut allowed = Vec::new();
    for route in ROUTES {
        let Some(clients) = matches(route.path, path) else {
            continue;
        };
        if route.method == method {
            return Found::Route(route, clients.into_iter().next());
        }
        allowed.push(route.method);
        if route.method == "GET" {
            allowed.push("HEAD");
        }
    }
    if allowed.is_empty() {
        Found::Nothing
    } else {
        Found::Methods(allowed.join(", "))
    }
}

/// The clients that a path names, if it is one of this pattern: at most one.
fn matches(pattern: &str, path: &str) -> Option<Vec<String>> {
    let mut clients = Vec::new();
    let mut segments = path.split('/');
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        match expected {
            "{client}" if !segment.is_empty() => clients.push(segment.to_owned()),
            _ if expected == segment => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(clients)
}

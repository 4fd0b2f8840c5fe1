//! The table of routes. Data, so that the OpenAPI document can be held against it.

use http::Method;
use std::collections::BTreeMap;

/// Who may use a route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// The operator.
    Operator,
    /// Any key of the tenant.
    Read,
    /// Any key of the tenant, or the operator.
    ReadOrOperator,
    /// An admin key of the tenant.
    Write,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    pub(super) operation: Operation,
}

macro_rules! routes {
    ($($operation:ident $method:literal $path:literal $access:ident,)*) => {
        /// What a route does; named as in the OpenAPI document.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(super) enum Operation {
            $(
                #[doc = concat!("`", $method, " …/sign-in", $path, "`")]
                $operation,
            )*
        }

        /// Every route under `/api/v1` of this door.
        pub const ROUTES: &[Route] = &[
            $(Route {
                method: $method,
                path: concat!("/api/v1/tenants/{tenant}/sign-in", $path),
                access: Access::$access,
                operation: Operation::$operation,
            },)*
        ];
    };
}

routes! {
    ReadSettings "GET" "" Read,
    ReplaceSettings "PUT" "" Write,
    ReadDistricts "GET" "/districts" ReadOrOperator,
    ReplaceDistricts "PUT" "/districts" Operator,
    ListRefusals "GET" "/refusals" Read,
    DismissRefusal "DELETE" "/refusals/{refusal}" Write,
    ConfirmRefusal "POST" "/refusals/{refusal}/confirm" Write,
    ReadAccount "GET" "/accounts/{account}" Read,
    RemoveLink "DELETE" "/accounts/{account}/links/{method}" Write,
    ResetPassword "POST" "/accounts/{account}/password" Write,
    SignOut "POST" "/accounts/{account}/sign-out" Write,
}

/// What a method and path lead to.
pub(super) enum Found {
    /// The path takes other methods: these, as in an `Allow` header.
    Methods(String),
    /// No route has the path.
    Nothing,
    /// A route and its parameters.
    Route(&'static Route, BTreeMap<&'static str, String>),
}

/// Finds the route of a request.
pub(super) fn find(method: &Method, path: &str) -> Found {
    let mut allowed = Vec::new();
    for route in ROUTES {
        let Some(parameters) = matches(route.path, path) else {
            continue;
        };
        if route.method == method.as_str() {
            return Found::Route(route, parameters);
        }
        allowed.push(route.method);
    }
    if allowed.is_empty() {
        Found::Nothing
    } else {
        Found::Methods(allowed.join(", "))
    }
}

fn matches(pattern: &'static str, path: &str) -> Option<BTreeMap<&'static str, String>> {
    let mut parameters = BTreeMap::new();
    let mut segments = path.split('/');
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        let name = expected
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'));
        match name {
            Some(name) if !segment.is_empty() => {
                parameters.insert(name, segment.to_owned());
            }
            None if expected == segment => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(parameters)
}

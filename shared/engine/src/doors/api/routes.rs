//! The table of routes. Data, so that the OpenAPI document can be held against it.

use super::call::Parameters;
use http::Method;

/// Who may use a route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// Anybody.
    Open,
    /// The operator.
    Operator,
    /// The operator, or an admin key of the tenant.
    OperatorOrAdmin,
    /// Any key of the tenant.
    Read,
    /// An admin key of the tenant.
    Write,
}

/// One line of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Route {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`. `HEAD` goes where `GET` goes.
    pub method: &'static str,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    /// What it does.
    pub operation: Operation,
}

macro_rules! routes {
    ($($operation:ident $method:literal $path:literal $access:ident,)*) => {
        /// What a route does; named as in the OpenAPI document.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum Operation {
            $(
                #[doc = concat!("`", $method, " ", $path, "`")]
                $operation,
            )*
        }

        /// Every route of this door.
        pub const ROUTES: &[Route] = &[
            $(Route {
                method: $method,
                path: $path,
                access: Access::$access,
                operation: Operation::$operation,
            },)*
        ];
    };
}

routes! {
    Health "GET" "/healthz" Open,
    Metrics "GET" "/metrics" Operator,
    Document "GET" "/api/v1/openapi.json" Open,
    ListCleverDistricts "GET" "/api/v1/clever/districts" Operator,
    ListClasslinkApplications "GET" "/api/v1/classlink/applications" Operator,
    ListTenants "GET" "/api/v1/tenants" Operator,
    CreateTenant "POST" "/api/v1/tenants" Operator,
    ReadTenant "GET" "/api/v1/tenants/{tenant}" OperatorOrAdmin,
    EditTenant "PATCH" "/api/v1/tenants/{tenant}" OperatorOrAdmin,
    ListKeys "GET" "/api/v1/tenants/{tenant}/keys" OperatorOrAdmin,
    MintKey "POST" "/api/v1/tenants/{tenant}/keys" OperatorOrAdmin,
    RevokeKey "DELETE" "/api/v1/tenants/{tenant}/keys/{key}" OperatorOrAdmin,
    ListAudit "GET" "/api/v1/tenants/{tenant}/audit" Read,
    ListAttention "GET" "/api/v1/tenants/{tenant}/attention" Read,
    ReadWebhookSecret "GET" "/api/v1/tenants/{tenant}/webhook-secret" Read,
    MintWebhookSecret "POST" "/api/v1/tenants/{tenant}/webhook-secret" Write,
    RemoveWebhookSecret "DELETE" "/api/v1/tenants/{tenant}/webhook-secret" Write,
    ListOrganizations "GET" "/api/v1/tenants/{tenant}/organizations" Read,
    CreateOrganization "POST" "/api/v1/tenants/{tenant}/organizations" Write,
    RenameOrganization "PATCH" "/api/v1/tenants/{tenant}/organizations/{organization}" Write,
    DeleteOrganization "DELETE" "/api/v1/tenants/{tenant}/organizations/{organization}" Write,
    ListConnections "GET" "/api/v1/tenants/{tenant}/connections" Read,
    CreateConnection "POST" "/api/v1/tenants/{tenant}/connections" OperatorOrAdmin,
    ReadConnectionOrder "GET" "/api/v1/tenants/{tenant}/connections/order" Read,
    SetConnectionOrder "PUT" "/api/v1/tenants/{tenant}/connections/order" Write,
    ReadConnection "GET" "/api/v1/tenants/{tenant}/connections/{connection}" Read,
    EditConnection "PATCH" "/api/v1/tenants/{tenant}/connections/{connection}" OperatorOrAdmin,
    DeleteConnection "DELETE" "/api/v1/tenants/{tenant}/connections/{connection}" Write,
    PutCredentials "PUT" "/api/v1/tenants/{tenant}/connections/{connection}/credentials" Write,
    AuthorizeConnection "POST" "/api/v1/tenants/{tenant}/connections/{connection}/authorize" Write,
    TestConnection "POST" "/api/v1/tenants/{tenant}/connections/{connection}/test" Write,
    SaveConnection "POST" "/api/v1/tenants/{tenant}/connections/{connection}/save" OperatorOrAdmin,
    DiscardConnection "POST" "/api/v1/tenants/{tenant}/connections/{connection}/discard" OperatorOrAdmin,
    RevokeConnection "POST" "/api/v1/tenants/{tenant}/connections/{connection}/revoke" Write,
    ListOrgUnits "GET" "/api/v1/tenants/{tenant}/connections/{connection}/org-units" Read,
    ListSchools "GET" "/api/v1/tenants/{tenant}/connections/{connection}/schools" Read,
    ReadRules "GET" "/api/v1/tenants/{tenant}/connections/{connection}/rules" Read,
    ReplaceRules "PUT" "/api/v1/tenants/{tenant}/connections/{connection}/rules" Write,
    SetLeaving "PUT" "/api/v1/tenants/{tenant}/connections/{connection}/rules/leaving" Write,
    AddLink "POST" "/api/v1/tenants/{tenant}/connections/{connection}/rules/links" Write,
    ReplaceLink "PUT" "/api/v1/tenants/{tenant}/connections/{connection}/rules/links/{rule}" Write,
    RemoveLink "DELETE" "/api/v1/tenants/{tenant}/connections/{connection}/rules/links/{rule}" Write,
    AddAssignment "POST" "/api/v1/tenants/{tenant}/connections/{connection}/rules/assignments" Write,
    ReplaceAssignment "PUT" "/api/v1/tenants/{tenant}/connections/{connection}/rules/assignments/{rule}" Write,
    RemoveAssignment "DELETE" "/api/v1/tenants/{tenant}/connections/{connection}/rules/assignments/{rule}" Write,
    AddFilter "POST" "/api/v1/tenants/{tenant}/connections/{connection}/rules/filters" Write,
    OrderFilters "PUT" "/api/v1/tenants/{tenant}/connections/{connection}/rules/filters" Write,
    ReplaceFilter "PUT" "/api/v1/tenants/{tenant}/connections/{connection}/rules/filters/{rule}" Write,
    RemoveFilter "DELETE" "/api/v1/tenants/{tenant}/connections/{connection}/rules/filters/{rule}" Write,
    AddMappingSet "POST" "/api/v1/tenants/{tenant}/connections/{connection}/rules/mapping-sets" Write,
    OrderMappingSets "PUT" "/api/v1/tenants/{tenant}/connections/{connection}/rules/mapping-sets" Write,
    ReplaceMappingSet "PUT" "/api/v1/tenants/{tenant}/connections/{connection}/rules/mapping-sets/{rule}" Write,
    RemoveMappingSet "DELETE" "/api/v1/tenants/{tenant}/connections/{connection}/rules/mapping-sets/{rule}" Write,
    TakeSchools "PUT" "/api/v1/tenants/{tenant}/connections/{connection}/rules/schools" Write,
    AddSchoolLink "POST" "/api/v1/tenants/{tenant}/connections/{connection}/rules/school-links" Write,
    ReplaceSchoolLink "PUT" "/api/v1/tenants/{tenant}/connections/{connection}/rules/school-links/{rule}" Write,
    RemoveSchoolLink "DELETE" "/api/v1/tenants/{tenant}/connections/{connection}/rules/school-links/{rule}" Write,
    ListResolutions "GET" "/api/v1/tenants/{tenant}/connections/{connection}/resolutions" Read,
    SetResolution "PUT" "/api/v1/tenants/{tenant}/connections/{connection}/resolutions" Write,
    TakeBackResolution "DELETE" "/api/v1/tenants/{tenant}/connections/{connection}/resolutions" Write,
    SyncPerson "POST" "/api/v1/tenants/{tenant}/connections/{connection}/people/sync" Write,
    Explain "GET" "/api/v1/tenants/{tenant}/connections/{connection}/explain" Read,
    ListRuns "GET" "/api/v1/tenants/{tenant}/runs" Read,
    RequestRun "POST" "/api/v1/tenants/{tenant}/runs" Write,
    ReadRun "GET" "/api/v1/tenants/{tenant}/runs/{run}" Read,
    ListChanges "GET" "/api/v1/tenants/{tenant}/runs/{run}/changes" Read,
    ListIssues "GET" "/api/v1/tenants/{tenant}/runs/{run}/issues" Read,
    ApproveRun "POST" "/api/v1/tenants/{tenant}/runs/{run}/approve" Write,
    DiscardRun "POST" "/api/v1/tenants/{tenant}/runs/{run}/discard" Write,
    ReplanRun "POST" "/api/v1/tenants/{tenant}/runs/{run}/replan" Write,
    RequestPreview "POST" "/api/v1/tenants/{tenant}/previews" Write,
    ListAccounts "GET" "/api/v1/tenants/{tenant}/accounts" Read,
    ReadAccount "GET" "/api/v1/tenants/{tenant}/accounts/{account}" Read,
    EditAccount "PATCH" "/api/v1/tenants/{tenant}/accounts/{account}" Write,
    RestoreAccount "POST" "/api/v1/tenants/{tenant}/accounts/{account}/restore" Write,
    ListClasses "GET" "/api/v1/tenants/{tenant}/classes" Read,
    ReadClass "GET" "/api/v1/tenants/{tenant}/classes/{connection}/{class}" Read,
    ListCommits "GET" "/api/v1/tenants/{tenant}/commits" Read,
    UndoCommit "POST" "/api/v1/tenants/{tenant}/commits/{generation}/undo" Write,
    ReadGuard "GET" "/api/v1/tenants/{tenant}/guard" Read,
    ReplaceGuard "PUT" "/api/v1/tenants/{tenant}/guard" Write,
}

/// What a method and path lead to.
pub(super) enum Found {
    /// The path takes other methods: these, as in an `Allow` header.
    Methods(String),
    /// No route has the path.
    Nothing,
    /// A route, with the values of its parameters.
    Route(&'static Route, Parameters),
}

/// Finds the route of a request.
pub(super) fn find(method: &Method, path: &str) -> Found {
    let method = match *method {
        Method::HEAD => "GET",
        _ => method.as_str(),
    };
    let mut allowed = Vec::new();
    for route in ROUTES {
        if let Some(parameters) = matches(route.path, path) {
            if route.method == method {
                return Found::Route(route, parameters);
            }
            allowed.push(route.method);
            if route.method == "GET" {
                allowed.push("HEAD");
            }
        }
    }
    if allowed.is_empty() {
        Found::Nothing
    } else {
        Found::Methods(allowed.join(", "))
    }
}

fn matches(pattern: &'static str, path: &str) -> Option<Parameters> {
    let mut parameters = Parameters::default();
    let mut segments = path.split('/');
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        let name = expected
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'));
        match name {
            Some(name) if !segment.is_empty() => {
                parameters.0.insert(name, segment.to_owned());
            }
            None if expected == segment => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(parameters)
}

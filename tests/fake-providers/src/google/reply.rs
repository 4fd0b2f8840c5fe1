//! Google's error bodies (PROVIDERS 2.11 and A.1).

use serde_json::{Value, json};

pub(crate) use crate::reply::Reply;

/// An error in Google's classic envelope.
#[derive(Clone, Debug)]
pub(crate) struct ApiError(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    status: u16,
    reason: String,
    message: String,
    domain: &'static str,
    location: Option<(&'static str, String)>,
    rpc_status: Option<&'static str>,
    details: Option<Value>,
    headers: Vec<(&'static str, String)>,
}

impl ApiError {
    pub(crate) fn new(status: u16, reason: &str, message: impl Into<String>) -> Self {
        let usage_limit = [
            "userRateLimitExceeded",
            "rateLimitExceeded",
            "quotaExceeded",
            "accessNotConfigured",
        ];
        let domain = if usage_limit.contains(&reason) {
            "usageLimits"
        } else {
            "global"
        };
        Self(Box::new(Parts {
            status,
            reason: reason.to_owned(),
            message: message.into(),
            domain,
            location: None,
            rpc_status: (status == 429).then_some("RESOURCE_EXHAUSTED"),
            details: None,
            headers: Vec::new(),
        }))
    }

    pub(crate) fn invalid(what: &str) -> Self {
        Self::new(400, "invalid", format!("Invalid Input: {what}"))
    }

    pub(crate) fn invalid_parameter(name: &str, message: impl Into<String>) -> Self {
        let mut error = Self::new(400, "invalidParameter", message);
        error.0.location = Some(("parameter", name.to_owned()));
        error
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(404, "notFound", format!("Resource Not Found: {what}"))
    }

    pub(crate) fn forbidden() -> Self {
        Self::new(
            403,
            "forbidden",
            "Not Authorized to access this resource/api",
        )
    }

    pub(crate) fn login_required() -> Self {
        let mut error = Self::new(401, "required", "Login Required");
        error.0.location = Some(("header", "Authorization".to_owned()));
        error.0.rpc_status = Some("UNAUTHENTICATED");
        error.0.headers = vec![(
            "www-authenticate",
            "Bearer realm=\"https://accounts.google.com/\"".to_owned(),
        )];
        error
    }

    pub(crate) fn invalid_credentials() -> Self {
        let mut error = Self::login_required();
        "authError".clone_into(&mut error.0.reason);
        "Invalid Credentials".clone_into(&mut error.0.message);
        error.0.headers = vec![(
            "www-authenticate",
            "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"".to_owned(),
        )];
        error
    }

    pub(crate) fn insufficient_scope(method: &str, scopes: &str) -> Self {
        let mut error = Self::new(403, "insufficientPermissions", "Insufficient Permission");
        error.0.rpc_status = Some("PERMISSION_DENIED");
        error.0.details = Some(json!([{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "domain": "googleapis.com",
            "metadata": { "service": "admin.googleapis.com", "method": method },
        }]));
        error.0.headers = vec![(
            "www-authenticate",
            format!(
                "Bearer realm=\"https://accounts.google.com/\", error=\"insufficient_scope\", scope=\"{scopes}\""
            ),
        )];
        error
    }

    /// The outer message, which for two reasons is longer than the inner one.
    fn outer_message(&self) -> &str {
        match self.0.reason.as_str() {
            "authError" => {
                "Request had invalid authentication credentials. Expected OAuth 2 access token, \
                 login cookie or other valid authentication credential."
            }
            "insufficientPermissions" => "Request had insufficient authentication scopes.",
            _ => &self.0.message,
        }
    }
}

impl From<ApiError> for Reply {
    fn from(error: ApiError) -> Self {
        let outer_message = error.outer_message().to_owned();
        let error = *error.0;
        let mut inner = json!({
            "message": error.message, "domain": error.domain, "reason": error.reason,
        });
        if let (Some((kind, name)), Value::Object(fields)) = (&error.location, &mut inner) {
            fields.insert("location".to_owned(), json!(name));
            fields.insert("locationType".to_owned(), json!(kind));
        }
        let mut outer = json!({
            "code": error.status, "message": outer_message, "errors": [inner],
        });
        if let Value::Object(fields) = &mut outer {
            fields.extend(
                error
                    .rpc_status
                    .map(|status| ("status".to_owned(), json!(status))),
            );
            fields.extend(error.details.map(|details| ("details".to_owned(), details)));
        }
        let mut reply = Self::json(error.status, &json!({ "error": outer }));
        reply.headers = error.headers;
        reply
    }
}

//! Answers and Google's error bodies (PROVIDERS 2.11 and A.1).

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

/// An answer before it is put on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

const JSON: &str = "application/json; charset=UTF-8";
const HTML: &str = "text/html; charset=utf-8";

impl Reply {
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::bytes(status, value.to_string().into_bytes())
    }

    /// JSON that is already written.
    pub(crate) fn bytes(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type: JSON,
            headers: Vec::new(),
            body,
        }
    }

    pub(crate) fn html(status: u16, page: String) -> Self {
        Self {
            status,
            content_type: HTML,
            headers: Vec::new(),
            body: page.into_bytes(),
        }
    }

    pub(crate) fn redirect(to: &str) -> Self {
        Self::html(302, String::new()).with("location", to)
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self::bytes(status, Vec::new())
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn into_response(self) -> Response<Bytes> {
        let has_body = !self.body.is_empty();
        let mut response = Response::new(Bytes::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if has_body {
            headers.insert(
                http::header::CONTENT_TYPE,
                HeaderValue::from_static(self.content_type),
            );
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.append(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

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

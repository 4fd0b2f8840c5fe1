//! How a sign-in ends that did not lead on: what happened, why, and what to do. In plain words, for
//! a child as well as for a parent.

use crate::doors::page::{escape, page, page_with_forms};
use crate::signin::Method;
use crate::signin::flow::Refusal;
use crate::signin::matching::Cause;
use crate::signin::providers::Failed;
use crate::tenants::Tenant;
use bytes::Bytes;
use connectors::signin::Remedy;
use http::{HeaderValue, StatusCode, header};
use mapping::ids::TenantId;

/// What is said at the end where only an administrator can help.
const ASK: &str = "Ask the administrator of your school.";

/// What is said where an administrator finds an entry about it.
const ASK_WITH_ENTRY: &str =
    "Ask the administrator of your school. They can see that you tried, and can put it right.";

/// Where somebody can go from a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ways<'a> {
    /// The tenant's page with all ways to sign in.
    pub(super) tenant: Option<&'a TenantId>,
    /// The way that was tried.
    pub(super) method: Option<Method>,
    /// The handle of the request that waits.
    pub(super) request: Option<&'a str>,
}

impl<'a> Ways<'a> {
    /// From a page of a tenant.
    pub(super) fn of(tenant: &'a TenantId, request: Option<&'a str>) -> Self {
        Self {
            tenant: Some(tenant),
            method: None,
            request,
        }
    }

    /// With the way that was tried.
    pub(super) fn by(self, method: Method) -> Self {
        Self {
            method: Some(method),
            ..self
        }
    }

    /// The links.
    fn links(self) -> String {
        let Some(tenant) = self.tenant else {
            let portal = match self.method {
                Some(method) => method.title(),
                None => "your portal",
            };
            return format!("<p>To try again, open the application from {portal} once more.</p>");
        };
        let mut items = String::new();
        if let Some(method) = self.method.filter(|method| *method != Method::Password) {
            let rest = format!("/{}", method.as_str());
            let label = format!("Try again with {}", method.title());
            items.push_str(&item(&address(tenant, &rest, self.request), &label));
        }
        items.push_str(&item(
            &address(tenant, "", self.request),
            "All ways to sign in",
        ));
        if self.request.is_some() {
            let back = address(tenant, "/cancel", self.request);
            items.push_str(&item(&back, "Back to the application"));
        }
        format!("<nav aria-label=\"What you can do\"><ul>{items}</ul></nav>")
    }
}

fn item(address: &str, label: &str) -> String {
    format!(
        "<li><a href=\"{}\">{}</a></li>",
        escape(address),
        escape(label)
    )
}

/// The address of a page of a tenant, which carries the request that waits along.
pub(super) fn address(tenant: &TenantId, rest: &str, request: Option<&str>) -> String {
    match request {
        Some(request) => format!("/login/{tenant}{rest}?request={request}"),
        None => format!("/login/{tenant}{rest}"),
    }
}

/// A page that says what happened, why, and what to do.
fn outcome(
    status: StatusCode,
    title: &str,
    (what, act): (&str, &str),
    ways: Ways<'_>,
) -> http::Response<Bytes> {
    let main = format!(
        "<p role=\"alert\">{}</p><p>{}</p>{}",
        escape(what),
        escape(act),
        ways.links()
    );
    page(status, title, &main)
}

/// There is no such district.
pub(super) fn no_tenant() -> http::Response<Bytes> {
    page(
        StatusCode::NOT_FOUND,
        "There is no district at this address",
        "<p role=\"alert\">The address may be mistyped, or the district is no longer here.</p><p>Open the application again, or use the link on your school&#39;s website.</p>",
    )
}

/// Nobody signs in to the tenant.
pub(super) fn no_method(tenant: &Tenant) -> http::Response<Bytes> {
    let main = format!(
        "<p role=\"alert\">{} has not switched on any way to sign in.</p><p>{ASK}</p>",
        escape(&tenant.name)
    );
    page(StatusCode::FORBIDDEN, "Nobody can sign in here yet", &main)
}

/// The tenant does not let people sign in in this way.
pub(super) fn method_off(tenant: &Tenant, method: Method, ways: Ways<'_>) -> http::Response<Bytes> {
    let what = format!(
        "{} does not let people sign in with {}.",
        tenant.name,
        method.title()
    );
    let title = format!("Signing in with {} is off", method.title());
    let act = "Sign in in another way, or ask the administrator of your school.";
    let ways = Ways {
        method: None,
        ..ways
    };
    outcome(StatusCode::FORBIDDEN, &title, (&what, act), ways)
}

/// The operator or the district has not set the method up.
pub(super) fn not_set_up(
    tenant: Option<&Tenant>,
    method: Method,
    ways: Ways<'_>,
) -> http::Response<Bytes> {
    let title = format!("Signing in with {} is not set up", method.title());
    let place = tenant.map_or("This application", |tenant| &tenant.name);
    let what = format!(
        "{place} is not ready for signing in with {} yet.",
        method.title()
    );
    let ways = Ways {
        method: None,
        ..ways
    };
    outcome(StatusCode::SERVICE_UNAVAILABLE, &title, (&what, ASK), ways)
}

/// Somebody whose account can't be opened.
pub(super) fn refused(
    tenant: &Tenant,
    (method, cause): (Method, Cause),
    ways: Ways<'_>,
) -> http::Response<Bytes> {
    let (title, what, act) = words(cause, &tenant.name, method.title());
    outcome(StatusCode::FORBIDDEN, title, (&what, act), ways)
}

/// What happened for a cause: a title, a sentence with the tenant's name and the provider's, and
/// what to do.
fn words(cause: Cause, name: &str, by: &str) -> (&'static str, String, &'static str) {
    match cause {
        Cause::Ambiguous => (
            "We can't tell which account is yours",
            format!(
                "Several accounts of {name} could belong to the person who signed in with {by}, so none was opened."
            ),
            ASK_WITH_ENTRY,
        ),
        Cause::Boundary => (
            "This account may be somebody else's",
            format!(
                "{by} and {name} do not agree whether you are a student, so the account was not opened."
            ),
            ASK_WITH_ENTRY,
        ),
        Cause::Deleted => (
            "Your account was removed",
            format!("{name} has removed the account that belonged to you."),
            ASK_WITH_ENTRY,
        ),
        Cause::Domain => (
            "Use your school account",
            format!(
                "{name} does not let this {by} account sign in. It is not an account of the school."
            ),
            "Try again and choose the account that your school gave you.",
        ),
        Cause::Method => (
            "Sign in in another way",
            format!("{name} does not let you sign in with {by}."),
            "Choose another way to sign in, or ask the administrator of your school.",
        ),
        Cause::NoAccount => (
            "There is no account for you",
            format!("{name} has no account that belongs to the person who signed in with {by}."),
            "Make sure that you chose the account that your school gave you. If you did, ask the administrator of your school: they can see that you tried.",
        ),
        Cause::Off => (
            "Your account may not sign in",
            format!("{name} has switched off signing in for your account."),
            ASK_WITH_ENTRY,
        ),
        Cause::Recycled => (
            "This account belongs to another person",
            format!(
                "The account of {name} with your address was opened by another {by} account before, so it was not opened."
            ),
            ASK_WITH_ENTRY,
        ),
        Cause::Suspended => (
            "Your account is suspended",
            format!("{name} has suspended your account."),
            ASK_WITH_ENTRY,
        ),
        Cause::UnverifiedEmail => (
            "We can't tell who you are",
            format!(
                "{by} does not confirm that your address is yours, so no account of {name} was opened."
            ),
            ASK_WITH_ENTRY,
        ),
    }
}

/// A provider that does not say who somebody is.
pub(super) fn failed(method: Method, failed: &Failed, ways: Ways<'_>) -> http::Response<Bytes> {
    let by = method.title();
    if failed.is_denied {
        let what = format!("{by} was told not to sign you in.");
        let act = "If you did not mean that, try again.";
        return outcome(
            StatusCode::FORBIDDEN,
            "You did not sign in",
            (&what, act),
            ways,
        );
    }
    let (status, title, act) = match failed.remedy {
        Remedy::District => (
            StatusCode::FORBIDDEN,
            "Your district has to allow this",
            ASK,
        ),
        Remedy::Operator => (
            StatusCode::BAD_GATEWAY,
            "Signing in is not set up right",
            "Nothing you do will help. Tell the administrator of your school.",
        ),
        Remedy::Retry { .. } => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Signing in does not work at the moment",
            "Wait a few minutes and try again.",
        ),
        Remedy::StartAgain => (
            StatusCode::BAD_REQUEST,
            "Signing in did not work",
            "Try again.",
        ),
    };
    let what = format!("{by}: {}.", failed.what);
    let mut response = outcome(status, title, (&what, act), ways);
    if let Remedy::Retry { after: Some(after) } = failed.remedy
        && let Ok(seconds) = HeaderValue::from_str(&after.as_secs().to_string())
    {
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

/// A browser whose return is not taken.
pub(super) fn not_taken(method: Method, refusal: &Refusal) -> http::Response<Bytes> {
    let ways = |tenant| Ways {
        tenant,
        method: Some(method),
        request: None,
    };
    match refusal {
        Refusal::Browser { tenant } => outcome(
            StatusCode::FORBIDDEN,
            "This browser did not start to sign in",
            (
                "The sign-in was started in another browser, or this one does not keep cookies.",
                "Allow cookies for this site and try again in this browser.",
            ),
            ways(tenant.as_ref()),
        ),
        Refusal::Provider => outcome(
            StatusCode::BAD_REQUEST,
            "Signing in did not work",
            (
                "The answer came from another provider than the one that was asked.",
                "Open the application again.",
            ),
            ways(None),
        ),
        Refusal::Unknown => outcome(
            StatusCode::BAD_REQUEST,
            "This took too long",
            (
                "Signing in was not started here, or took longer than ten minutes.",
                "Open the application again and sign in without a long pause.",
            ),
            ways(None),
        ),
        Refusal::Used { tenant } => outcome(
            StatusCode::BAD_REQUEST,
            "This was used already",
            (
                "The page was opened twice, and only the first time counts.",
                "If you are not signed in, try again.",
            ),
            ways(tenant.as_ref()),
        ),
    }
}

/// A launch that came back as one.
pub(super) fn looping(method: Method) -> http::Response<Bytes> {
    let by = method.title();
    let what = format!("{by} sent this browser here twice without what was asked for.");
    let ways = Ways {
        tenant: None,
        method: Some(method),
        request: None,
    };
    let act = "If this happens each time, tell the administrator of your school.";
    outcome(
        StatusCode::BAD_REQUEST,
        "Signing in did not work",
        (&what, act),
        ways,
    )
}

/// Somebody of a district that no tenant has, or that is another tenant's.
pub(super) fn foreign_district(
    (method, district): (Method, &str),
    tenant: Option<&Tenant>,
    ways: Ways<'_>,
) -> http::Response<Bytes> {
    let by = method.title();
    let what = match tenant {
        Some(tenant) => format!(
            "The {by} account that signed in is not one of {}.",
            tenant.name
        ),
        None => format!("The district of your {by} account does not use this application yet."),
    };
    let act = format!(
        "Make sure that you chose the account that your school gave you. If you did, tell the administrator of your school this number: {district}."
    );
    outcome(
        StatusCode::FORBIDDEN,
        "Your district is not known here",
        (&what, &act),
        ways,
    )
}

/// Too many attempts at a password. The same whoever was asked for.
pub(super) fn limited(seconds: i64, ways: Ways<'_>) -> http::Response<Bytes> {
    let minutes = (seconds.max(1) + 59) / 60;
    let plural = if minutes == 1 { "" } else { "s" };
    let what = format!(
        "A password was typed wrong too often. Nobody can try from here for {minutes} minute{plural}."
    );
    let act = "Wait, or sign in on a computer where you signed in before. If you do not know your password, ask the administrator of your school for a code.";
    let mut response = outcome(
        StatusCode::TOO_MANY_REQUESTS,
        "Too many attempts",
        (&what, act),
        ways,
    );
    if let Ok(seconds) = HeaderValue::from_str(&seconds.max(1).to_string()) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

/// Choosing a password took too long.
pub(super) fn change_expired(ways: Ways<'_>) -> http::Response<Bytes> {
    outcome(
        StatusCode::BAD_REQUEST,
        "This took too long",
        (
            "The password was not changed: choosing one took longer than ten minutes, or it was changed already.",
            "Sign in again.",
        ),
        ways,
    )
}

/// Somebody is signed in, and no application waits.
pub(super) fn signed_in(tenant: &Tenant, token: &str) -> http::Response<Bytes> {
    let main = format!(
        "<p>You are signed in to {}. You can open the application now, or close this page.</p><form method=\"post\" action=\"/login/{}/sign-out\">{token}<button>Sign out</button></form>",
        escape(&tenant.name),
        tenant.id
    );
    page_with_forms(StatusCode::OK, ("You are signed in", &main), &[])
}

/// Nobody is signed in any more.
pub(super) fn signed_out(tenant: Option<&Tenant>) -> http::Response<Bytes> {
    let again = tenant.map_or_else(String::new, |tenant| {
        format!(
            "<p><a class=\"go\" href=\"/login/{}\">Sign in again</a></p>",
            tenant.id
        )
    });
    let main = format!(
        "<p>You are signed out here. On a computer that others use, sign out of Google, Clever or ClassLink too, and close the browser.</p>{again}"
    );
    page(StatusCode::OK, "You are signed out", &main)
}

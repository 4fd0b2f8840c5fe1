//! The two addresses of the OpenID provider that browsers open. The `login` component serves them,
//! since they concern the browser's session.

use crate::doors::nudge::Nudge;
use crate::doors::page::{escape, page, page_with_forms};
use crate::oidc::{self, AUTHORIZE_PATH, Authorized, Ended, LOGOUT_PATH};
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::settings;
use crate::signin::sessions;
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};

/// Answers `/oidc/authorize`.
pub async fn authorize<P: Ports>(
    ports: &P,
    request: &http::Request<Bytes>,
) -> http::Response<Bytes> {
    if !is_served(request.method()) {
        return not_served();
    }
    match oidc::authorize(ports, request).await {
        Ok(Authorized::AskTenant {
            parameters,
            unknown,
        }) => ask_tenant(&parameters, unknown.as_deref()),
        Ok(Authorized::Redirect(location)) => redirect(&location),
        Ok(Authorized::Refused(why)) => alert(StatusCode::BAD_REQUEST, &why.to_string()),
        Ok(Authorized::SignIn { tenant, request }) => {
            redirect(&format!("/login/{tenant}?request={}", request.expose()))
        }
        Err(error) => failed(&error.into()),
    }
}

/// Answers `/oidc/logout`.
pub async fn end_session<P: Ports>(
    ports: &P,
    request: &http::Request<Bytes>,
) -> http::Response<Bytes> {
    if !is_served(request.method()) {
        return not_served();
    }
    let answered = async {
        let issuer = settings::public_url(ports).await?;
        let ended = oidc::end_session(ports, request).await?;
        Ok::<_, crate::error::Error>((issuer, ended))
    };
    match answered.await {
        Ok((_, Ended::Again(location))) => redirect(&location),
        Ok((
            _,
            Ended::Confirm {
                parameters,
                proof,
                leads_to,
            },
        )) => confirm(&parameters, &proof, leads_to.as_deref()),
        Ok((issuer, Ended::SignedOut { location, tenant })) => {
            let mut response = match location {
                Some(location) => redirect(&location),
                None => page(
                    StatusCode::OK,
                    "You are signed out",
                    "<p>You can close this page.</p>",
                ),
            };
            if let Ok(cookie) = HeaderValue::from_str(&sessions::clear_cookie(&issuer)) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            if let Some(tenant) = tenant {
                response.extensions_mut().insert(Nudge { tenant });
            }
            response
        }
        Ok((_, Ended::Unreadable)) => alert(
            StatusCode::BAD_REQUEST,
            "the application asked in a way that can't be read: tell whoever runs it",
        ),
        Err(error) => failed(&error.into()),
    }
}

fn is_served(method: &Method) -> bool {
    [Method::GET, Method::POST].contains(method)
}

fn not_served() -> http::Response<Bytes> {
    let mut problem = Problem::new(Kind::MethodNotAllowed, "this path takes GET, POST");
    problem.allow = Some("GET, POST".to_owned());
    problem.to_response()
}

fn alert(status: StatusCode, text: &str) -> http::Response<Bytes> {
    let main = format!("<p role=\"alert\">{}</p>", escape(text));
    page(status, "This did not work", &main)
}

fn failed(problem: &Problem) -> http::Response<Bytes> {
    alert(problem.kind.status(), &problem.detail)
}

fn redirect(location: &str) -> http::Response<Bytes> {
    let Ok(location) = HeaderValue::from_str(location) else {
        return alert(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the way back to the application can't be used: tell whoever runs it",
        );
    };
    let mut response = http::Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}

fn ask_tenant(parameters: &[(String, String)], unknown: Option<&str>) -> http::Response<Bytes> {
    let alert = unknown.map_or(String::new(), |named| {
        format!(
            "<p role=\"alert\">The application has no district &quot;{}&quot;.</p>",
            escape(named)
        )
    });
    let main = format!(
        "{alert}<form method=\"get\" action=\"{AUTHORIZE_PATH}\">{}<p><label>Your district's short name, for instance maple-grove <input name=\"tenant\" required maxlength=\"64\" autocapitalize=\"none\" autocomplete=\"organization\" spellcheck=\"false\"></label></p><p><button>Continue</button></p></form>",
        hidden(parameters)
    );
    let returns_to = parameters.iter().find(|(name, _)| name == "redirect_uri");
    let returns_to = returns_to.map(|(_, address)| address.clone());
    let leads_to: Vec<String> = returns_to.into_iter().collect();
    let page = ("Which district are you of?", main.as_str());
    page_with_forms(StatusCode::OK, page, &leads_to)
}

fn confirm(
    parameters: &[(String, String)],
    proof: &str,
    leads_to: Option<&str>,
) -> http::Response<Bytes> {
    let main = format!(
        "<p>You will have to sign in again for every application that you opened with this sign-in.</p><form method=\"post\" action=\"{LOGOUT_PATH}\">{}<input type=\"hidden\" name=\"confirm\" value=\"{}\"><p><button>Sign out</button></p></form>",
        hidden(parameters),
        escape(proof)
    );
    let leads_to: Vec<String> = leads_to.map(str::to_owned).into_iter().collect();
    let page = ("Do you want to sign out?", main.as_str());
    page_with_forms(StatusCode::OK, page, &leads_to)
}

fn hidden(parameters: &[(String, String)]) -> String {
    parameters.iter().fold(String::new(), |all, (name, value)| {
        let (name, value) = (escape(name), escape(value));
        all + "<input type=\"hidden\" name=\"" + &name + "\" value=\"" + &value + "\">"
    })
}

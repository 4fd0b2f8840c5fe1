//! The door of the `uploads` component: files that administrators send, what was found in them, and
//! what they decide (`/api/v1/tenants/{tenant}/uploads/…`).
//!
//! Variables: `operator_token`, `seal_keys` and `public_url`. It reaches the `sync` component. A file
//! is taken in as its bytes come and is never held whole.

mod routes;

pub use routes::{ROUTES, Route};

use crate::access::{self, KeyRole, Principal};
use crate::audit::Actor;
use crate::doors::nudge::Nudge;
use crate::doors::{List, json};
use crate::ports::{Chunks, Ports, TransportError};
use crate::problem::{Kind, Problem, parse_json};
use crate::seal::SealKeys;
use crate::settings;
use crate::uploads::{
    self, BadRow, Decision, NewUpload, Receiver, UPLOAD_BYTES_MAX, UploadError, bad_rows_file,
};
use bytes::Bytes;
use connectors::files::csv::Hints;
use connectors::files::template;
use connectors::files::text::Encoding;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode, request};
use mapping::account::Role;
use mapping::ids::{ConnectionId, TenantId, UploadId};
use routes::{Found, Operation};
use serde::Serialize;

/// Largest decision accepted, in bytes.
const DECISION_BYTES_MAX: usize = 16 * 1024;

/// Uploads of a page.
const LIST_LIMIT: usize = 50;

type Answer = Result<http::Response<Bytes>, Problem>;

/// A request that was let in.
struct Asked<'a, P> {
    ports: &'a P,
    head: &'a request::Parts,
    tenant: TenantId,
    who: Actor,
}

/// Serves one request, whose body is read as it is needed.
pub async fn handle<P: Ports>(
    ports: &P,
    head: request::Parts,
    body: impl Chunks,
) -> http::Response<Bytes> {
    match serve(ports, &head, body).await {
        Ok(response) => response,
        Err(problem) => problem.to_response(),
    }
}

async fn serve<P: Ports>(ports: &P, head: &request::Parts, body: impl Chunks) -> Answer {
    let (operation, tenant, upload) = match routes::find(&head.method, head.uri.path()) {
        Found::Route(route, tenant, upload) => (route.operation, tenant, upload),
        Found::Methods(allow) => {
            let detail = format!("this path takes {allow}");
            return Err(Problem {
                allow: Some(allow),
                ..Problem::new(Kind::MethodNotAllowed, detail)
            });
        }
        Found::Nothing => return Err(Problem::not_found()),
    };
    let seal_keys = settings::seal_keys(ports).await?;
    let asked = admit(ports, head, &tenant, operation.writes()).await?;
    let id =
        || UploadId::parse(upload.clone().unwrap_or_default()).map_err(|_| Problem::not_found());
    match operation {
        Operation::Template => Ok(workbook(template::workbook())),
        Operation::List => list(&asked).await,
        Operation::Send => send(&asked, &seal_keys, body).await,
        Operation::Read => read(&asked, &id()?).await,
        Operation::Problems => problems(&asked, &id()?).await,
        Operation::BadRows => bad_rows(&asked, &id()?).await,
        Operation::Accept => accept(&asked, &id()?, body).await,
        Operation::Discard => discard(&asked, &id()?).await,
        Operation::Credentials => credentials(&asked, &seal_keys, &id()?).await,
    }
}

/// Who is asking: somebody with a key of the tenant, an admin key where something changes.
async fn admit<'a, P: Ports>(
    ports: &'a P,
    head: &'a request::Parts,
    tenant: &str,
    writes: bool,
) -> Result<Asked<'a, P>, Problem> {
    let token = settings::operator_token(ports).await?;
    let principal = access::authenticate(ports, &token, &head.headers).await?;
    let tenant = TenantId::parse(tenant).map_err(|_| Problem::not_found())?;
    match &principal {
        Principal::Key {
            tenant: own, role, ..
        } if *own == tenant => {
            if writes && *role != KeyRole::Admin {
                return Err(Problem::new(
                    Kind::Forbidden,
                    "this key may read and not change: use a key with the role admin",
                ));
            }
        }
        Principal::Key { .. } => return Err(Problem::not_found()),
        Principal::Operator => {
            return Err(Problem::new(
                Kind::Forbidden,
                "the operator token does not open a tenant's data: mint an API key of the tenant",
            ));
        }
    }
    Ok(Asked {
        ports,
        head,
        tenant,
        who: principal.actor(),
    })
}

impl<P> Asked<'_, P> {
    fn query(&self, name: &str) -> Option<String> {
        let query = self.head.uri.query().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes())
            .find_map(|(found, value)| (found == name).then(|| value.into_owned()))
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        let parse = |text: String| {
            text.parse().map_err(|_| Problem {
                kind: Kind::BadRequest,
                ..Problem::field(name, "must be a whole number")
            })
        };
        self.query(name).map(parse).transpose()
    }

    /// What the query says about a file.
    fn new_upload(&self) -> Result<NewUpload, Problem> {
        let connection = self.query("connection").unwrap_or_default();
        let connection = ConnectionId::parse(connection)
            .map_err(|_| Problem::field("connection", "must name the connection of the file"))?;
        let (role, any_role) = match self.query("role").as_deref() {
            None => (None, false),
            Some("any") => (None, true),
            Some("student") => (Some(Role::Student), false),
            Some("teacher") => (Some(Role::Teacher), false),
            Some("admin") => (Some(Role::Admin), false),
            Some("staff") => (Some(Role::Staff), false),
            Some("parent") => (Some(Role::Parent), false),
            Some(_) => {
                let detail = "must be student, teacher, admin, staff, parent or any";
                return Err(Problem::field("role", detail));
            }
        };
        let complete = match self.query("complete").as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(Problem::field("complete", "must be true or false")),
        };
        let encoding = match self.query("encoding") {
            None => None,
            Some(name) => Some(
                serde_json::from_value::<Encoding>(serde_json::Value::String(name))
                    .map_err(|_| Problem::field("encoding", "is not one that is known here"))?,
            ),
        };
        let separator = match self.query("separator").as_deref() {
            None => None,
            Some("comma") => Some(b','),
            Some("semicolon") => Some(b';'),
            Some("tab") => Some(b'\t'),
            Some(_) => {
                return Err(Problem::field(
                    "separator",
                    "must be comma, semicolon or tab",
                ));
            }
        };
        Ok(NewUpload {
            connection,
            file_name: self.query("name"),
            role,
            any_role,
            complete,
            hints: Hints {
                encoding,
                separator,
            },
        })
    }

    fn nudged(&self, mut response: http::Response<Bytes>) -> http::Response<Bytes> {
        response.extensions_mut().insert(Nudge {
            tenant: self.tenant.clone(),
        });
        response
    }
}

async fn list<P: Ports>(asked: &Asked<'_, P>) -> Answer {
    let before = asked.number("cursor")?;
    let page = uploads::list(asked.ports, &asked.tenant, before, LIST_LIMIT).await?;
    let mut items = Vec::new();
    for (_, id) in page.entries {
        items.extend(uploads::show(asked.ports, &asked.tenant, &id).await?);
    }
    let next = page.next.map(|next| next.to_string());
    Ok(json(StatusCode::OK, &List { items, next }))
}

async fn send<P: Ports>(
    asked: &Asked<'_, P>,
    seal_keys: &SealKeys,
    mut body: impl Chunks,
) -> Answer {
    let new = asked.new_upload()?;
    let of = (&asked.tenant, &asked.who);
    let mut taking = Receiver::begin(asked.ports, seal_keys, of, new).await?;
    let received: Result<(), Problem> = async {
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => taking.push(&chunk).await?,
                Err(TransportError::BodyTooLarge { .. }) => return Err(UploadError::Large.into()),
                Err(_) => {
                    let detail = "the file did not arrive whole: send it again";
                    return Err(Problem::new(Kind::BadRequest, detail));
                }
            }
        }
        Ok(())
    }
    .await;
    if let Err(problem) = received {
        // A server that stops reading closes the connection, and a browser that is still sending
        // would never see the answer.
        body.drain(usize::try_from(UPLOAD_BYTES_MAX).unwrap_or(usize::MAX))
            .await;
        taking.abandon().await?;
        return Err(problem);
    }
    let upload = taking.finish().await?;
    let shown = uploads::show(asked.ports, &asked.tenant, &upload.id).await?;
    Ok(asked.nudged(json(StatusCode::ACCEPTED, &shown)))
}

async fn read<P: Ports>(asked: &Asked<'_, P>, id: &UploadId) -> Answer {
    let shown = uploads::show(asked.ports, &asked.tenant, id).await?;
    Ok(json(StatusCode::OK, &shown.ok_or_else(Problem::not_found)?))
}

/// A row with something wrong, as it is sent.
#[derive(Serialize)]
struct ShownRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    problems: Vec<ShownProblem>,
}

#[derive(Serialize)]
struct ShownProblem {
    line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    severity: mapping::issue::Severity,
    /// Where and why, as a sentence.
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

async fn problems<P: Ports>(asked: &Asked<'_, P>, id: &UploadId) -> Answer {
    let shown = uploads::show(asked.ports, &asked.tenant, id).await?;
    let shown = shown.ok_or_else(Problem::not_found)?;
    let (Some(run), Some(report)) = (&shown.run, &shown.report) else {
        let none = List::<ShownRow> {
            items: Vec::new(),
            next: None,
        };
        return Ok(json(StatusCode::OK, &none));
    };
    let part = asked.number("cursor")?.unwrap_or(0);
    let (rows, next) = uploads::problems(asked.ports, &asked.tenant, run, part).await?;
    let items = rows.into_iter().map(|row: BadRow| ShownRow {
        table: report
            .tables
            .get(row.table)
            .and_then(|table| table.name.clone()),
        problems: row
            .problems
            .into_iter()
            .map(|problem| ShownProblem {
                message: problem.to_string(),
                line: problem.line,
                severity: problem.severity(),
                column: problem.column.map(|(_, name)| name),
                value: problem.value,
            })
            .collect(),
    });
    let list = List {
        items: items.collect(),
        next: next.map(|next| next.to_string()),
    };
    Ok(json(StatusCode::OK, &list))
}

async fn bad_rows<P: Ports>(asked: &Asked<'_, P>, id: &UploadId) -> Answer {
    let shown = uploads::show(asked.ports, &asked.tenant, id).await?;
    let run = shown.ok_or_else(Problem::not_found)?.run;
    let table = asked.number("table")?.unwrap_or(0);
    let file = match run {
        Some(run) => bad_rows_file(asked.ports, &asked.tenant, &run, table).await?,
        None => None,
    };
    let none = || {
        let detail = "this table has no rows that could be mended in a file";
        Problem::new(Kind::NotFound, detail)
    };
    Ok(csv(file.ok_or_else(none)?, "bad-rows.csv"))
}

async fn accept<P: Ports>(asked: &Asked<'_, P>, id: &UploadId, body: impl Chunks) -> Answer {
    let decision: Decision = parse_json(&whole(asked, body).await?)?;
    uploads::accept(asked.ports, &asked.who, &asked.tenant, id, decision).await?;
    let shown = uploads::show(asked.ports, &asked.tenant, id).await?;
    Ok(asked.nudged(json(StatusCode::ACCEPTED, &shown)))
}

async fn discard<P: Ports>(asked: &Asked<'_, P>, id: &UploadId) -> Answer {
    uploads::discard(asked.ports, &asked.who, &asked.tenant, id).await?;
    let shown = uploads::show(asked.ports, &asked.tenant, id).await?;
    Ok(json(StatusCode::OK, &shown))
}

async fn credentials<P: Ports>(
    asked: &Asked<'_, P>,
    seal_keys: &SealKeys,
    id: &UploadId,
) -> Answer {
    let shown = uploads::show(asked.ports, &asked.tenant, id).await?;
    shown.ok_or_else(Problem::not_found)?;
    let what = crate::audit::Action::CredentialsFetched;
    crate::audit::record(asked.ports, &asked.tenant, &asked.who, what, id.as_str()).await?;
    let file = uploads::hand_out(asked.ports, seal_keys, &asked.tenant, id).await?;
    Ok(csv(file, "credentials.csv"))
}

/// A small body with the headers that it came with.
async fn whole<P>(
    asked: &Asked<'_, P>,
    mut body: impl Chunks,
) -> Result<http::Request<Bytes>, Problem> {
    let mut all = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk
            .map_err(|_| Problem::new(Kind::BadRequest, "the request's body could not be read"))?;
        all.extend_from_slice(&chunk);
        if all.len() > DECISION_BYTES_MAX {
            let detail = format!("the request may have at most {DECISION_BYTES_MAX} bytes");
            return Err(Problem::new(Kind::TooLarge, detail));
        }
    }
    let mut request = http::Request::new(Bytes::from(all));
    request.headers_mut().clone_from(&asked.head.headers);
    Ok(request)
}

fn workbook(bytes: Vec<u8>) -> http::Response<Bytes> {
    const MEDIA_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    file(
        bytes,
        MEDIA_TYPE,
        "attachment; filename=\"rollcall-template.xlsx\"",
    )
}

fn csv(bytes: Vec<u8>, name: &str) -> http::Response<Bytes> {
    let disposition = format!("attachment; filename=\"{name}\"");
    file(bytes, "text/csv; charset=utf-8", &disposition)
}

fn file(bytes: Vec<u8>, media_type: &'static str, disposition: &str) -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::from(bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(disposition) = HeaderValue::from_str(disposition) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    response
}

//! `POST /hooks/google/users`: Google says that something about somebody changed (PROVIDERS 2.8).
//!
//! The channel's token is checked; then the person's id is all that is taken, as a hint to look.
//! Messages come twice, late, in any order or never: none of that matters to a hint.

use crate::doors::nudge::Nudge;
use crate::hints;
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::runs::{self, Trigger, TriggerKind};
use crate::watching::{self, PushRefused};
use bytes::Bytes;
use connectors::fetch::Whom;
use connectors::google::channels::{Notice, parse_push};
use http::StatusCode;

/// The path that Google is told.
pub(crate) const PATH: &str = "/hooks/google/users";

/// Largest push taken, in bytes. Google's have some 300.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Takes a push.
pub(super) async fn take<P: Ports>(
    ports: &P,
    request: &http::Request<Bytes>,
) -> Result<http::Response<Bytes>, Problem> {
    let notice = Notice::read(request.headers()).ok_or_else(unknown_channel)?;
    let (tenant, connection) = match watching::admit(ports, &notice).await? {
        Ok(of) => of,
        Err(PushRefused::UnknownChannel) => return Err(unknown_channel()),
        Err(PushRefused::Token) => {
            let detail = "the push does not carry the token of its channel";
            return Err(Problem::new(Kind::Forbidden, detail));
        }
    };
    let mut response = http::Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if notice.is_sync {
        return Ok(response);
    }
    if request.body().len() > BODY_BYTES_MAX {
        let detail = format!("a push may have at most {BODY_BYTES_MAX} bytes");
        return Err(Problem::new(Kind::TooLarge, detail));
    }
    let person = parse_push(request.body());
    let person = person.ok_or_else(|| Problem::field("id", "a push names a person by id"))?;
    hints::add(ports, &tenant, &connection, &Whom::Id(person)).await?;
    let trigger = Trigger {
        kind: TriggerKind::Push,
        by: "push".to_owned(),
    };
    runs::request_look(ports, &tenant, trigger).await?;
    response.extensions_mut().insert(Nudge { tenant });
    Ok(response)
}

fn unknown_channel() -> Problem {
    Problem::new(Kind::NotFound, "there is no such channel")
}

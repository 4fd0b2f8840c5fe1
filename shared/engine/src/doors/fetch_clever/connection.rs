//! What an administrator does with a connection to Clever: test it.

use super::Access;
use crate::connections::{
    Connection, TestError, TestReport, check_testable, clever_settings, conclude, converse,
};
use crate::doors::asked::{ConnectionRequest, Operation};
use crate::doors::{json, shown};
use crate::ports::Ports;
use crate::problem::Problem;
use bytes::Bytes;
use connectors::clever::ConnectionTest;
use connectors::clever::connection_test::{Finding, Share, ShareReport};
use http::StatusCode;
use std::fmt::Write;

/// Does it, and answers as the client of the API is to be answered.
pub(super) async fn perform<P: Ports>(
    ports: &P,
    asked: &ConnectionRequest,
) -> Result<http::Response<Bytes>, Problem> {
    let access = Access::open(ports, &asked.tenant, &asked.connection).await?;
    let access = access.ok_or_else(Problem::not_found)?;
    match asked.operation {
        Operation::Test => {
            let connection = test(&access, asked).await?;
            let shown = shown::show(ports, &asked.tenant, connection).await?;
            Ok(json(StatusCode::OK, &shown))
        }
        Operation::Check | Operation::Delete | Operation::OrgUnits | Operation::Revoke => {
            Err(Problem::not_found())
        }
    }
}

async fn test<P: Ports>(
    access: &Access<'_, P>,
    asked: &ConnectionRequest,
) -> Result<Connection, TestError> {
    let (ports, connection) = (access.ports, &access.connection);
    check_testable(connection)?;
    let (settings, district) = clever_settings(connection)?;
    let mut seed = [0_u8; 8];
    ports.fill(&mut seed);
    let mut conversation = ConnectionTest::start(
        access.api()?,
        district.as_str().to_owned(),
        settings.extent.guardians,
        u64::from_le_bytes(seed),
    );
    let token = async |fresh: bool| access.token(fresh).await;
    let found = converse(ports, &mut conversation, token).await?;
    let report = TestReport {
        at_ms: ports.now().as_millisecond(),
        passed: found.is_ok(),
        missing: texts(&found, |share| !share.is_optional()),
        notes: notes(&found),
    };
    let tested = (&asked.tenant, connection);
    Ok(conclude(ports, &asked.actor, tested, report).await?)
}

fn texts(found: &ShareReport, keep: impl Fn(Share) -> bool) -> Vec<String> {
    let missing = found.missing().filter(|(share, _)| keep(*share));
    missing
        .map(|(share, finding)| {
            let mut text = share.to_string();
            match finding {
                Finding::Granted => {}
                Finding::Nothing => text.push_str(": Clever shows none"),
                Finding::Refused(refusal) => {
                    // Writing to a text does not fail.
                    let _ = write!(text, ": {refusal}");
                }
            }
            text
        })
        .collect()
}

fn notes(found: &ShareReport) -> Vec<String> {
    let name = &found.district_name;
    let mut notes: Vec<String> = (!name.is_empty())
        .then(|| format!("Clever calls the district {name}"))
        .into_iter()
        .collect();
    notes.extend(texts(found, Share::is_optional));
    notes.extend(found.doubts.iter().map(ToString::to_string));
    notes
}

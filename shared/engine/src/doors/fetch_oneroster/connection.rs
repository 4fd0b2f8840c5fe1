//! What an administrator does with a connection to a OneRoster service: test it.

use super::Access;
use crate::connections::{
    Connection, TestError, TestReport, check_testable, conclude, converse, keep_method,
};
use crate::doors::asked::{ConnectionRequest, Operation};
use crate::doors::{json, shown};
use crate::ports::Ports;
use crate::problem::Problem;
use bytes::Bytes;
use connectors::oneroster::connection_test::{ConnectionTest, Finding, Part, ServiceReport};
use http::StatusCode;

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
    let mut seed = [0_u8; 8];
    ports.fill(&mut seed);
    let service = access.service(false).await?;
    let mut conversation = ConnectionTest::start(service.base, u64::from_le_bytes(seed));
    let given = async |fresh: bool| Ok(access.service(fresh).await?.access);
    let found = converse(ports, &mut conversation, given).await?;
    if let Some(method) = found.method {
        keep_method(ports, &access.network, (access.tenant, connection), method).await?;
    }
    let classes = connection.settings.source.extent();
    let classes = classes.is_some_and(|extent| extent.classes);
    let report = TestReport {
        at_ms: ports.now().as_millisecond(),
        passed: found.is_ok(),
        missing: texts(&found, Part::is_needed),
        notes: notes(&found, classes),
    };
    let tested = (&asked.tenant, connection);
    Ok(conclude(ports, &asked.actor, tested, report).await?)
}

fn texts(found: &ServiceReport, keep: impl Fn(Part) -> bool) -> Vec<String> {
    let missing = found.missing().filter(|(part, _)| keep(*part));
    missing
        .map(|(part, finding)| match finding {
            Finding::Answers | Finding::Empty => {
                format!("{part}: empty; ask the district which of it is shared")
            }
            Finding::Refused(refusal) => format!("{part}: {refusal}"),
        })
        .collect()
}

fn notes(found: &ServiceReport, classes: bool) -> Vec<String> {
    let mut notes = texts(found, |part| classes && !part.is_needed());
    if !found.filters {
        let what = "the server does not say who changed: changes arrive at night";
        notes.push(what.to_owned());
    }
    notes
}

//! What administrators do with a connection that needs Google: asked for by the component that
//! knows who may, which itself neither reaches Google nor holds its secret.

use crate::connections;
use crate::doors::asked::{ConnectionRequest, Operation};
use crate::doors::watch_google::Close;
use crate::doors::{List, json, shown};
use crate::ports::Ports;
use crate::problem::Problem;
use crate::settings;
use crate::slices::{self, Done};
use bytes::Bytes;
use http::StatusCode;
use serde_json::json as value;

/// Does it, and answers as the client of the API is to be answered.
pub(super) async fn perform<P: Ports>(
    ports: &P,
    asked: &ConnectionRequest,
) -> Result<http::Response<Bytes>, Problem> {
    let at = (&asked.tenant, &asked.connection);
    let exists = connections::read(ports, at.0, at.1).await?.is_some();
    if !exists {
        return Err(Problem::not_found());
    }
    let google = &settings::google(ports).await?;
    let seal_keys = &settings::seal_keys(ports).await?;
    if matches!(asked.operation, Operation::Delete | Operation::Revoke) {
        // While the tokens still open them. Channels that stay open are not listened to.
        let close = Close {
            tenant: asked.tenant.clone(),
            connection: asked.connection.clone(),
        };
        let _: Result<Done, _> = slices::call(ports, "watch-google", "/close", &close).await;
    }
    let who = &asked.actor;
    match asked.operation {
        Operation::Check => Ok(json(StatusCode::OK, &value!({}))),
        Operation::Delete => {
            let revoked = connections::delete(ports, google, seal_keys, who, at).await?;
            Ok(json(StatusCode::OK, &revoked))
        }
        Operation::OrgUnits => {
            let items = connections::org_units(ports, google, seal_keys, at).await?;
            Ok(json(StatusCode::OK, &List { items, next: None }))
        }
        Operation::Revoke => {
            let revoked = connections::revoke(ports, google, seal_keys, who, at).await?;
            Ok(json(StatusCode::OK, &revoked))
        }
        Operation::Test => {
            let connection = connections::test(ports, google, seal_keys, who, at).await?;
            let shown = shown::show(ports, at.0, connection).await?;
            Ok(json(StatusCode::OK, &shown))
        }
    }
}

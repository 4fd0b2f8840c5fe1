//! What becomes of a connection's tokens.

use super::consent::{authorize, district};
use super::district::District;
use engine::connections::{Freshness, TokenFailure, access_token};
use engine::memory::block_on;
use engine::settings;
use http::{Method, StatusCode};
use mapping::ids::{ConnectionId, TenantId};
use serde_json::{Value, json};
use std::time::Duration;

const CONNECTION: &str = "/api/v1/tenants/maple/connections/google";

fn token(district: &District, freshness: Freshness) -> Result<String, TokenFailure> {
    let tenant = TenantId::parse("maple").unwrap();
    let connection = ConnectionId::parse("google").unwrap();
    block_on(async {
        let google = settings::google(&district.ports).await.unwrap();
        let seal_keys = settings::seal_keys(&district.ports).await.unwrap();
        let at = (&tenant, &connection);
        let token = access_token(&district.ports, &google, &seal_keys, at, freshness).await?;
        Ok(token.expose().to_owned())
    })
}

fn state(district: &District) -> String {
    let (_, connection) = district.get(&district.viewer, CONNECTION);
    connection["state"].as_str().unwrap().to_owned()
}

#[test]
fn an_access_token_is_kept_until_it_runs_out() {
    let (district, google) = district();
    authorize(&district, &google);
    assert_eq!(token(&district, Freshness::Kept).unwrap(), "ya29.first");
    district.ports.advance(Duration::from_mins(58));
    assert_eq!(token(&district, Freshness::Kept).unwrap(), "ya29.second");
    assert_eq!(token(&district, Freshness::New).unwrap(), "ya29.second");
}

#[test]
fn a_dead_refresh_token_marks_the_connection_once() {
    let (district, google) = district();
    authorize(&district, &google);
    google.lock().unwrap().refresh = (
        400,
        json!({"error": "invalid_grant", "error_description": "Token has been expired or revoked."}),
    );
    for _ in 0..2 {
        let failure = token(&district, Freshness::New).unwrap_err();
        assert!(
            matches!(failure, TokenFailure::ReconnectNeeded { .. }),
            "{failure}"
        );
    }
    assert_eq!(state(&district), "reconnect_needed");
    let (_, audit) = district.get(&district.viewer, "/api/v1/tenants/maple/audit");
    let lost = audit["items"].as_array().unwrap().iter();
    assert_eq!(
        lost.filter(|entry| entry["what"] == "connection_lost")
            .count(),
        1
    );
    authorize(&district, &google);
    assert_eq!(state(&district), "active");
}

#[test]
fn a_fault_of_the_operator_or_of_google_disconnects_nobody() {
    let (district, google) = district();
    authorize(&district, &google);
    for (status, body) in [
        (
            401,
            json!({"error": "invalid_client", "error_description": "Unauthorized"}),
        ),
        (400, json!({"error": "admin_policy_enforced"})),
        (503, json!({})),
        (200, json!("<html>")),
    ] {
        google.lock().unwrap().refresh = (status, body);
        let before = district.dump();
        assert!(token(&district, Freshness::New).is_err());
        assert_eq!(district.dump(), before);
    }
    assert_eq!(state(&district), "authorized");
}

#[test]
fn revoking_tells_google_forgets_the_tokens_and_keeps_the_configuration() {
    let (district, google) = district();
    authorize(&district, &google);
    for _ in 0..2 {
        let (status, revoked) = district.post(
            &district.admin,
            &format!("{CONNECTION}/revoke"),
            &Value::Null,
        );
        assert_eq!(
            (status, &revoked["told_provider"]),
            (StatusCode::OK, &true.into())
        );
    }
    let journal = google.lock().unwrap().journal.clone();
    assert_eq!(
        journal
            .iter()
            .filter(|line| line.ends_with("/revoke"))
            .count(),
        1
    );
    assert_eq!(state(&district), "revoked");
    let failure = token(&district, Freshness::Kept).unwrap_err();
    assert!(
        matches!(failure, TokenFailure::NotAuthorized(_)),
        "{failure}"
    );
    let (status, _) = district.call(Method::DELETE, &district.admin, CONNECTION, &Value::Null);
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        district.get(&district.viewer, CONNECTION).0,
        StatusCode::NOT_FOUND
    );
}

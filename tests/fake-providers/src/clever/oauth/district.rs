//! The list of districts that have connected the application (PROVIDERS 4.3).

use serde_json::json;

use super::{authenticate, scopes};
use crate::clever::State;
use crate::clever::api::Grant;
use crate::clever::exchange::Exchange;
use crate::clever::id::ObjectId;
use crate::clever::reply::{Reply, oauth_error};
use crate::lock::{lock, read};

/// Answers `GET /oauth/tokens`.
pub(in super::super) fn district_tokens(state: &State, exchange: &Exchange) -> Reply {
    if let Err(refusal) = authenticate(state, exchange) {
        return refusal;
    }
    if exchange.parameter("owner_type") != Some("district") {
        return oauth_error(400, "invalid_request", "owner_type must be district");
    }
    let district = read(&state.roster).district().id;
    let wanted = exchange.parameter("district");
    let is_wanted = wanted.is_none_or(|wanted| wanted == district.to_string());
    let tokens = lock(&state.tokens);
    let secure_sync = tokens.secure_sync;
    let token = tokens.district().filter(|_| is_wanted);
    let token = token.map(|token| {
        json!({
            "id": ObjectId::new(0x5f3b_0000, district.luck(8)),
            "created": "2026-07-02T15:04:05.000Z",
            "owner": { "type": "district", "id": district },
            "access_token": token,
            "scopes": scopes(&Grant::District { secure_sync }),
        })
    });
    let own = format!("{}{}", state.base_url, exchange.own_uri());
    let data: Vec<_> = token.into_iter().collect();
    Reply::json(
        200,
        &json!({ "data": data, "links": [{ "rel": "self", "uri": own }] }),
    )
}

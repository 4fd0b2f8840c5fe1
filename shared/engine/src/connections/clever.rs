//! Clever's district tokens: found by listing what approved our application, kept sealed for a
//! while, and found anew when they rotate (PROVIDERS 4.3).

use super::tokens::mark_lost;
use super::{
    CleverSettings, Connection, District, DistrictId, Freshness, Holder, Source, TokenFailure,
    holder,
};
use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Random, Store, Transport};
use crate::record;
use crate::seal::{SealKeys, Sealed};
use crate::settings::{CleverAppSettings, Secret};
use connectors::clever::tokens::{
    ANSWER_BYTES_MAX, DistrictToken, TokenError, parse_tokens_response, token_of, tokens_request,
};
use mapping::ids::TenantId;
use serde::{Deserialize, Serialize};

/// How long, in milliseconds, a token is used before the list is asked for again. A district that
/// disconnected is noticed after this, or when Clever refuses its token.
const KEPT_MS_MAX: i64 = 600_000;

/// A district's token as it is kept, sealed.
#[derive(Deserialize, Serialize)]
struct KeptToken {
    district: DistrictId,
    access_token: String,
    until_ms: i64,
}

/// What is set for a connection to Clever, with its district.
pub fn clever_settings(
    connection: &Connection,
) -> Result<(&CleverSettings, &DistrictId), TokenFailure> {
    match &connection.settings.source {
        Source::Clever(settings) => match &settings.district {
            Some(district) => Ok((settings, district)),
            None => Err(TokenFailure::Operator(
                "no district is set for this connection at Clever".to_owned(),
            )),
        },
        Source::Csv(_) | Source::Google(_) | Source::Oneroster(_) => {
            Err(TokenFailure::NotAuthorized(connection.id.clone()))
        }
    }
}

/// Our application's token for the district of a connection, from the store or from Clever.
pub async fn district_token(
    ports: &(impl Store + Clock + Random + Transport),
    app: &CleverAppSettings,
    seal_keys: &SealKeys,
    (tenant, connection): (&TenantId, &Connection),
    freshness: Freshness,
) -> Result<Secret, TokenFailure> {
    let (_, district) = clever_settings(connection)?;
    check_holder(ports, tenant, connection).await?;
    let key = keys::connection_tokens(tenant, &connection.id);
    let now_ms = ports.now().as_millisecond();
    if freshness == Freshness::Kept
        && let Some(sealed) = record::read::<Sealed>(ports, &key)
            .await
            .map_err(Error::from)?
    {
        let plain = seal_keys.open(&key, &sealed)?;
        let kept: KeptToken = record::decode(&key, &plain).map_err(Error::from)?;
        if kept.district == *district && now_ms < kept.until_ms {
            return Ok(Secret::new(kept.access_token));
        }
    }
    let tokens = list_tokens(ports, app, Some(district)).await?;
    let token = match token_of(&tokens, district.as_str()) {
        Ok(token) => token,
        Err(error @ (TokenError::DistrictNotShared | TokenError::NoSecureSync)) => {
            ports.delete(&key).await.map_err(Error::from)?;
            let lost = mark_lost(ports, (tenant, &connection.id), error.to_string()).await?;
            return Err(lost);
        }
        Err(error) => return Err(failure(&error)),
    };
    let kept = KeptToken {
        district: district.clone(),
        access_token: token.access_token,
        until_ms: now_ms.saturating_add(KEPT_MS_MAX),
    };
    let sealed = seal_keys.seal(ports, &key, &record::encode(&kept))?;
    record::write(ports, &key, &sealed)
        .await
        .map_err(Error::from)?;
    Ok(Secret::new(kept.access_token))
}

/// The tokens of one district, or of all that approved our application.
pub async fn list_tokens(
    transport: &impl Transport,
    app: &CleverAppSettings,
    district: Option<&DistrictId>,
) -> Result<Vec<DistrictToken>, TokenFailure> {
    let secret = app.client_secret.expose();
    let district = district.map(DistrictId::as_str);
    let request = tokens_request(&app.oauth_url, &app.client_id, secret, district)
        .map_err(|error| TokenFailure::Operator(error.to_string()))?;
    let response = transport
        .send(request, ANSWER_BYTES_MAX)
        .await
        .map_err(|error| TokenFailure::Provider(error.to_string()))?;
    parse_tokens_response(&response).map_err(|error| failure(&error))
}

/// A district is read by the connection that has it and by no other, whatever its settings say.
pub(super) async fn check_holder(
    ports: &(impl Store + Clock),
    tenant: &TenantId,
    connection: &Connection,
) -> Result<(), TokenFailure> {
    let Some(district) = connection.settings.source.district() else {
        return Ok(());
    };
    let own = Holder {
        tenant: tenant.clone(),
        connection: connection.id.clone(),
    };
    if holder(ports, &district).await?.as_ref() == Some(&own) {
        return Ok(());
    }
    let place = match district {
        District::Classlink(_) => "at ClassLink",
        District::Clever(_) => "at Clever",
    };
    Err(TokenFailure::Operator(format!(
        "the district {place} is not this connection's: set it again"
    )))
}

fn failure(error: &TokenError) -> TokenFailure {
    match error {
        TokenError::InvalidClient => TokenFailure::Operator(error.to_string()),
        TokenError::DistrictNotShared
        | TokenError::Malformed
        | TokenError::NoSecureSync
        | TokenError::Refused { .. }
        | TokenError::Transient { .. } => TokenFailure::Provider(error.to_string()),
    }
}

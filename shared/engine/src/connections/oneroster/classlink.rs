//! ClassLink with our key as a partner: the application of a district and its bearer, found by
//! listing, kept sealed for a while, and found anew when the proxy refuses it (PROVIDERS 5.2, O17).

use super::{OneRosterNetwork, Service, keep, kept};
use crate::connections::tokens::mark_lost;
use crate::connections::{Connection, DistrictId, Freshness, TokenFailure};
use crate::keys;
use crate::ports::{Clock, Random, Store, Transport};
use crate::settings::ClasslinkSettings;
use connectors::oneroster::Access;
use connectors::oneroster::classlink::{
    self, APPLICATIONS_PAGES_MAX, Application, PROXY_ANSWER_BYTES_MAX, ProxyError, Standing,
    applications_request, parse_applications, standing,
};
use mapping::ids::TenantId;
use serde::{Deserialize, Serialize};

/// How long, in milliseconds, a bearer is used before the list is asked for again.
const KEPT_MS_MAX: i64 = 600_000;

/// A district's application as it is kept, sealed.
#[derive(Deserialize, Serialize)]
struct KeptApplication {
    district: DistrictId,
    application: String,
    bearer: String,
    until_ms: i64,
}

/// The service of a district that shares its roster with us.
pub(super) async fn service(
    ports: &(impl Store + Clock + Random + Transport),
    network: &OneRosterNetwork,
    (tenant, connection): (&TenantId, &Connection),
    district: &DistrictId,
    freshness: Freshness,
) -> Result<Service, TokenFailure> {
    let key = keys::connection_tokens(tenant, &connection.id);
    let now_ms = ports.now().as_millisecond();
    let known: Option<KeptApplication> = kept(ports, &network.seal_keys, &key).await?;
    let known = known.filter(|known| known.district == *district);
    if freshness == Freshness::Kept
        && let Some(known) = &known
        && now_ms < known.until_ms
    {
        return to_service(network, known);
    }
    let applications = list_applications(ports, &network.classlink).await?;
    let found = of_district(&applications, district);
    // Only a bearer that was refused just now tells that the district withdrew.
    let refused = match (&known, freshness) {
        (Some(known), Freshness::New) => known.bearer.as_str(),
        _ => "",
    };
    let stands = standing(found, refused);
    let (Standing::Rotated(bearer), Some(found)) = (&stands, found) else {
        let lost = mark_lost(ports, (tenant, &connection.id), stands.to_string()).await?;
        return Err(lost);
    };
    let next = KeptApplication {
        district: district.clone(),
        application: found.application_id_escaped.clone(),
        bearer: bearer.clone(),
        until_ms: now_ms.saturating_add(KEPT_MS_MAX),
    };
    keep(ports, &network.seal_keys, &key, &next).await?;
    to_service(network, &next)
}

/// The application of a district: of several the first that is approved and switched on.
fn of_district<'a>(
    applications: &'a [Application],
    district: &DistrictId,
) -> Option<&'a Application> {
    let mut own = applications
        .iter()
        .filter(|application| application.tenant_id == district.as_str());
    let usable = own.clone().find(|own| own.enabled && own.bearer.is_some());
    usable.or_else(|| own.next())
}

fn to_service(network: &OneRosterNetwork, of: &KeptApplication) -> Result<Service, TokenFailure> {
    let base = classlink::service(&network.classlink.proxy_url, &of.application);
    Ok(Service {
        base: base.map_err(|error| TokenFailure::Provider(error.to_string()))?,
        access: Access::Bearer(of.bearer.clone()),
        is_classlink: true,
    })
}

/// Every application that a district shares, or was asked to share, with our key.
pub async fn list_applications(
    transport: &impl Transport,
    classlink: &ClasslinkSettings,
) -> Result<Vec<Application>, TokenFailure> {
    let Some(key) = &classlink.partner_key else {
        let what = "the application variable classlink_partner_key is not set";
        return Err(TokenFailure::Operator(what.to_owned()));
    };
    let mut all = Vec::new();
    let mut offset = 0;
    for _ in 0..APPLICATIONS_PAGES_MAX {
        let request = applications_request(&classlink.proxy_url, key.expose(), offset)
            .map_err(|error| TokenFailure::Operator(error.to_string()))?;
        let response = transport.send(request, PROXY_ANSWER_BYTES_MAX).await;
        let response = response.map_err(|error| TokenFailure::Provider(error.to_string()))?;
        let page = parse_applications(&response).map_err(|error| match error {
            ProxyError::PartnerKey => TokenFailure::Operator(error.to_string()),
            ProxyError::Malformed | ProxyError::Refused { .. } | ProxyError::Transient { .. } => {
                TokenFailure::Provider(error.to_string())
            }
        })?;
        let is_last = page.is_last;
        offset += page.rows;
        all.extend(page.applications);
        if is_last {
            return Ok(all);
        }
    }
    let what = "ClassLink's list of applications does not end";
    Err(TokenFailure::Provider(what.to_owned()))
}

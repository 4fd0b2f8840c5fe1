//! Every key of the store, in one place.
//!
//! Keys are built from ids whose characters are checked ([`mapping::ids`]), so a part can never
//! contain the separator.

use crate::connections::District;
use crate::runs::Lane;
use crate::signin::Method;
use mapping::ids::{AccountId, ClientId, ConnectionId, Generation, RunId, TenantId, UploadId};

/// The list of tenants.
pub fn tenants() -> String {
    "tenants".to_owned()
}

/// A tenant's record.
pub fn tenant(tenant: &TenantId) -> String {
    format!("tenant/{tenant}")
}

/// The right to write one version of a record, see [`crate::versioned`]. Free again each minute.
pub fn claim(record: &str, version: u64, minute: i64) -> String {
    format!("claim/{record}/{version}/{minute}")
}

/// A tenant's audit log.
pub fn audit(tenant: &TenantId) -> String {
    format!("audit/{tenant}")
}

/// The list of a tenant's API keys.
pub fn api_keys(tenant: &TenantId) -> String {
    format!("keys/{tenant}")
}

/// An API key by the digest of its secret.
pub fn api_key(digest: &str) -> String {
    format!("key/{digest}")
}

/// The list of a tenant's connections.
pub fn connections(tenant: &TenantId) -> String {
    format!("connections/{tenant}")
}

/// The order of a tenant's connections.
pub fn connection_order(tenant: &TenantId) -> String {
    format!("connection-order/{tenant}")
}

/// A connection's record.
pub fn connection(tenant: &TenantId, connection: &ConnectionId) -> String {
    format!("connection/{tenant}/{connection}")
}

/// A connection's sealed tokens.
pub fn connection_tokens(tenant: &TenantId, connection: &ConnectionId) -> String {
    format!("connection/{tenant}/{connection}/tokens")
}

/// A connection's sealed credentials, where an administrator gives them.
pub fn connection_credentials(tenant: &TenantId, connection: &ConnectionId) -> String {
    format!("connection/{tenant}/{connection}/credentials")
}

/// Whose a district is that one of our keys opens with all others.
pub fn district(district: &District) -> String {
    format!("district/{district}")
}

/// A connection's rule set.
pub fn rule_set(tenant: &TenantId, connection: &ConnectionId) -> String {
    format!("rules/{tenant}/{connection}")
}

/// What administrators said about single people of a connection.
pub fn resolutions(tenant: &TenantId, connection: &ConnectionId) -> String {
    format!("resolutions/{tenant}/{connection}")
}

/// Which organization stands for which school of a connection.
pub fn places(tenant: &TenantId, connection: &ConnectionId) -> String {
    format!("places/{tenant}/{connection}")
}

/// An account's password, as a digest.
pub fn password(tenant: &TenantId, account: &AccountId) -> String {
    format!("password/{tenant}/{account}")
}

/// The list of a tenant's uploads.
pub fn uploads(tenant: &TenantId) -> String {
    format!("uploads/{tenant}")
}

/// Uploads that somebody still has to decide about, or that have passwords to make.
pub fn uploads_open(tenant: &TenantId) -> String {
    format!("uploads/{tenant}/open")
}

/// What was sent with an upload; `part` names one of the records beside it.
pub fn upload(tenant: &TenantId, upload: &UploadId, part: &str) -> String {
    format!("upload/{tenant}/{upload}/{part}")
}

/// A sealed part of an upload's bytes.
pub fn upload_bytes(tenant: &TenantId, upload: &UploadId, part: u32) -> String {
    format!("upload/{tenant}/{upload}/bytes/{part}")
}

/// A sealed part of the credentials that an upload made.
pub fn credentials(tenant: &TenantId, upload: &UploadId, part: u32) -> String {
    format!("upload/{tenant}/{upload}/credentials/{part}")
}

/// Rows of one bucket in one flush of the reading of a file.
pub fn rows(tenant: &TenantId, run: &RunId, part: u32, bucket: u32) -> String {
    format!("run/{tenant}/{run}/rows/{part}/{bucket}")
}

/// Sealed passwords that rows of one bucket gave, in one flush of the reading of a file.
pub fn row_secrets(tenant: &TenantId, run: &RunId, part: u32, bucket: u32) -> String {
    format!("run/{tenant}/{run}/secrets/{part}/{bucket}")
}

/// A part of the rows that a file has wrong.
pub fn bad_rows(tenant: &TenantId, run: &RunId, part: u32) -> String {
    format!("run/{tenant}/{run}/bad-rows/{part}")
}

/// A piece of a record that is larger than one value, see [`crate::large`].
pub fn piece(record: &str, digest: &str) -> String {
    format!("{record}/piece/{digest}")
}

/// A tenant's organizations.
pub fn organizations(tenant: &TenantId) -> String {
    format!("organizations/{tenant}")
}

/// An authorisation that was asked for, by the digest of the token in its start address.
pub fn oauth_start(digest: &str) -> String {
    format!("oauth-start/{digest}")
}

/// An authorisation under way, by the digest of its `state`.
pub fn oauth_state(digest: &str) -> String {
    format!("oauth-state/{digest}")
}

/// Counts the uses of an authorisation's `state`: only the first may go on.
pub fn oauth_state_use(digest: &str) -> String {
    format!("oauth-state/{digest}/use")
}

/// A provider's signing keys, cached.
pub fn jwks(issuer_digest: &str) -> String {
    format!("jwks/{issuer_digest}")
}

/// Counts the uses of a webhook's signature: only the first may go on.
pub fn webhook_use(tenant: &TenantId, digest: &str) -> String {
    format!("webhook-use/{tenant}/{digest}")
}

/// A tenant's sealed webhook secret.
pub fn webhook_secret(tenant: &TenantId) -> String {
    format!("webhook-secret/{tenant}")
}

/// What of a tenant needs attention.
pub fn attention(tenant: &TenantId) -> String {
    format!("attention/{tenant}")
}

/// Counts the changes that may need attention, or need it no longer.
pub fn attention_changes(tenant: &TenantId) -> String {
    format!("attention/{tenant}/changes")
}

/// A counter of what the whole application did.
pub fn metric(name: &str) -> String {
    format!("metric/{name}")
}

/// A run's record.
pub fn run(tenant: &TenantId, run: &RunId) -> String {
    format!("run/{tenant}/{run}")
}

/// A tenant's immutable value with this content digest.
pub fn blob(tenant: &TenantId, digest: &str) -> String {
    format!("blob/{tenant}/{digest}")
}

/// A commit of a tenant's roster.
pub fn commit(tenant: &TenantId, generation: Generation) -> String {
    format!("roster/{tenant}/commit/{generation}")
}

/// The ticket for a commit's number.
pub fn ticket(tenant: &TenantId, generation: Generation) -> String {
    format!("roster/{tenant}/ticket/{generation}")
}

/// The hint to the newest commit.
pub fn head(tenant: &TenantId) -> String {
    format!("roster/{tenant}/head")
}

/// Who may work on a tenant now.
pub fn lease(tenant: &TenantId) -> String {
    format!("lease/{tenant}")
}

/// The counter that gives out one fencing number.
pub fn lease_number(tenant: &TenantId, fence: u64) -> String {
    format!("lease/{tenant}/{fence}")
}

/// The number of a lane's run that waits or would wait.
pub fn run_next(tenant: &TenantId, lane: Lane) -> String {
    format!("lane/{tenant}/{}/next", lane.as_str())
}

/// The number of a lane's run that is under way.
pub fn run_active(tenant: &TenantId, lane: Lane) -> String {
    format!("lane/{tenant}/{}/active", lane.as_str())
}

/// Counts the requests for a lane's run with this number.
pub fn run_claim(tenant: &TenantId, lane: Lane, number: u64) -> String {
    format!("lane/{tenant}/{}/{number}", lane.as_str())
}

/// Counts those of the requests for a lane's run that were for a look only.
pub fn run_looks(tenant: &TenantId, lane: Lane, number: u64) -> String {
    format!("lane/{tenant}/{}/{number}/looks", lane.as_str())
}

/// Counts those of the requests for a lane's run that were about this connection alone.
pub fn run_only(tenant: &TenantId, lane: Lane, number: u64, connection: &ConnectionId) -> String {
    format!("lane/{tenant}/{}/{number}/only/{connection}", lane.as_str())
}

/// The list of hints at people of a connection.
pub fn hints(tenant: &TenantId, connection: &ConnectionId) -> String {
    format!("hints/{tenant}/{connection}")
}

/// How far the hints of a connection were looked at, and what looks have changed.
pub fn looks(tenant: &TenantId, connection: &ConnectionId) -> String {
    format!("looks/{tenant}/{connection}")
}

/// When providers are to be asked who changed, for each connection of a tenant.
pub fn changes(tenant: &TenantId) -> String {
    format!("changes/{tenant}")
}

/// How far the changes of a connection were followed.
pub fn changes_of(tenant: &TenantId, connection: &ConnectionId) -> String {
    format!("changes/{tenant}/{connection}")
}

/// A tenant's push channels.
pub fn watch(tenant: &TenantId) -> String {
    format!("watch/{tenant}")
}

/// Where a push channel leads, by its id.
pub fn channel(id: &str) -> String {
    format!("channel/{id}")
}

/// A part of what a look saw.
pub fn sights(tenant: &TenantId, run: &RunId, piece: u32) -> String {
    format!("run/{tenant}/{run}/sights/{piece}")
}

/// Since when a fencing number is known to be taken without its lease being written down.
pub fn lease_stuck(tenant: &TenantId, fence: u64) -> String {
    format!("lease/{tenant}/{fence}/stuck")
}

/// A run as it was asked for.
pub fn run_asked(tenant: &TenantId, run: &RunId) -> String {
    format!("run/{tenant}/{run}/asked")
}

/// How far a run is in a phase.
pub fn run_progress(tenant: &TenantId, run: &RunId, phase: &str) -> String {
    format!("run/{tenant}/{run}/{phase}")
}

/// A part of a run's staged snapshot: the records of one bucket in one flush.
pub fn staged(tenant: &TenantId, run: &RunId, part: u32, bucket: u32) -> String {
    format!("run/{tenant}/{run}/stage/{part}/{bucket}")
}

/// A part of the schools that a run was shown.
pub fn staged_schools(tenant: &TenantId, run: &RunId, part: u32) -> String {
    format!("run/{tenant}/{run}/schools/{part}")
}

/// The schools that a connection showed when it was last read whole.
pub fn schools(tenant: &TenantId, connection: &ConnectionId) -> String {
    format!("schools/{tenant}/{connection}")
}

/// A part of a run's plan: changes to accounts of the bucket `to` that come from people of the
/// bucket `from`.
pub fn planned(tenant: &TenantId, run: &RunId, to: u32, from: u32, piece: u32) -> String {
    format!("run/{tenant}/{run}/plan/{to}/{from}/{piece}")
}

/// A part of a run's updates of what the connection said, for people of one bucket.
pub fn planned_base(tenant: &TenantId, run: &RunId, bucket: u32, piece: u32) -> String {
    format!("run/{tenant}/{run}/base/{bucket}/{piece}")
}

/// A part of a run's updates of what the connection shows beside people.
pub fn planned_schooling(tenant: &TenantId, run: &RunId, bucket: u32, piece: u32) -> String {
    format!("run/{tenant}/{run}/schooling/{bucket}/{piece}")
}

/// A part of a run's claims on addresses.
pub fn claims(tenant: &TenantId, run: &RunId, bucket: u32, part: u32) -> String {
    format!("run/{tenant}/{run}/claims/{bucket}/{part}")
}

/// A part of a run's issues.
pub fn issues(tenant: &TenantId, run: &RunId, part: u32) -> String {
    format!("run/{tenant}/{run}/issues/{part}")
}

/// People of one bucket who were not in the listing.
pub fn absent(tenant: &TenantId, run: &RunId, bucket: u32, piece: u32) -> String {
    format!("run/{tenant}/{run}/absent/{bucket}/{piece}")
}

/// What the provider said of people of one bucket who were not in the listing.
pub fn confirmed(tenant: &TenantId, run: &RunId, bucket: u32) -> String {
    format!("run/{tenant}/{run}/confirmed/{bucket}")
}

/// A tenant's guard: limits and roll-over weeks.
pub fn guard(tenant: &TenantId) -> String {
    format!("guard/{tenant}")
}

/// The runs whose plans are held.
pub fn held(tenant: &TenantId) -> String {
    format!("held/{tenant}")
}

/// The commit that an undo put the roster back to, until a run agreed with it.
pub fn undone(tenant: &TenantId) -> String {
    format!("undone/{tenant}")
}

/// The night that a tenant's scheduler looked after last.
pub fn schedule(tenant: &TenantId) -> String {
    format!("schedule/{tenant}")
}

/// Counts the attempts to schedule one night.
pub fn night(tenant: &TenantId, date: &str) -> String {
    format!("schedule/{tenant}/{date}")
}

/// The run that was scheduled for one night.
pub fn night_run(tenant: &TenantId, date: &str) -> String {
    format!("schedule/{tenant}/{date}/run")
}

/// Counts the records of a drawer that expire in the same hour, see [`crate::ephemeral`].
pub fn ephemeral_count(drawer: &str, hour: i64) -> String {
    format!("ephemeral/{drawer}/{hour}")
}

/// A record that expires.
pub fn ephemeral(drawer: &str, hour: i64, number: i64) -> String {
    format!("ephemeral/{drawer}/{hour}/{number}")
}

/// Counts the uses of a record that expires.
pub fn ephemeral_uses(drawer: &str, hour: i64, number: i64) -> String {
    format!("ephemeral/{drawer}/{hour}/{number}/uses")
}

/// Something that is counted for a while.
pub fn ephemeral_counter(hour: i64, name: &str) -> String {
    format!("ephemeral/count/{hour}/{name}")
}

/// The hour up to which expired records were removed.
pub fn ephemeral_swept() -> String {
    "ephemeral/swept".to_owned()
}

/// How people of a tenant may sign in.
pub fn sign_in_settings(tenant: &TenantId) -> String {
    format!("sign-in/{tenant}")
}

/// Until when everything that an account signed in to is over.
pub fn signed_out(tenant: &TenantId, account: &AccountId) -> String {
    format!("sign-in/{tenant}/account/{account}/out")
}

/// The list of clients of our `OpenID` provider.
pub fn clients() -> String {
    "oidc/clients".to_owned()
}

/// A client.
pub fn client(client: &ClientId) -> String {
    format!("oidc/client/{client}")
}

/// The newest set of signing keys, or one a little older.
pub fn signing_keys() -> String {
    "oidc/keys".to_owned()
}

/// A set of signing keys.
pub fn signing_keys_set(number: u64) -> String {
    format!("oidc/keys/{number}")
}

/// Won by whoever writes the set of signing keys with this number.
pub fn signing_keys_ticket(number: u64) -> String {
    format!("oidc/keys/{number}/ticket")
}

/// When the signing keys were looked after.
pub fn signing_keys_attended() -> String {
    "oidc/keys-attended".to_owned()
}

/// The private half of a signing key.
pub fn signing_key(kid: &str) -> String {
    format!("oidc/key/{kid}")
}

/// Up to which commit of the roster applications were told who is signed out.
pub fn sign_outs(tenant: &TenantId) -> String {
    format!("sign-in/{tenant}/sign-outs")
}

/// The list of what applications are to be told.
pub fn sign_out_notices(tenant: &TenantId) -> String {
    format!("sign-in/{tenant}/notices")
}

/// What of it waits.
pub fn sign_out_outbox(tenant: &TenantId) -> String {
    format!("sign-in/{tenant}/outbox")
}

/// Until when an account may be signed in to an application.
pub fn signed_in_to(tenant: &TenantId, account: &AccountId, client: &ClientId) -> String {
    format!("sign-in/{tenant}/account/{account}/client/{client}")
}

/// The districts whose people a tenant signs in, as the operator set them.
pub fn sign_in_districts(tenant: &TenantId) -> String {
    format!("sign-in/{tenant}/districts")
}

/// Whose a district is for signing in, as far as the operator set it there.
pub fn sign_in_district(district: &District) -> String {
    format!("sign-in-district/{district}")
}

/// Whose account somebody at a provider is, by a digest of who that is.
pub fn sign_in_identity(tenant: &TenantId, method: Method, digest: &str) -> String {
    format!("sign-in/{tenant}/identity/{}/{digest}", method.as_str())
}

/// Who at a provider is linked with an account.
pub fn sign_in_link(tenant: &TenantId, account: &AccountId, method: Method) -> String {
    format!(
        "sign-in/{tenant}/account/{account}/link/{}",
        method.as_str()
    )
}

/// People who were not signed in, for the administrator.
pub fn sign_in_refusals(tenant: &TenantId) -> String {
    format!("sign-in/{tenant}/refusals")
}

/// The entry of somebody who was not signed in for a cause, by a digest of both.
pub fn sign_in_refused(tenant: &TenantId, digest: &str) -> String {
    format!("sign-in/{tenant}/refused/{digest}")
}

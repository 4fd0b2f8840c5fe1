//! From an operation to the function that does it.

use super::call::Call;
use super::{
    Operation, accounts, classes, connections, document, forward, operations, organizations,
    resolutions, rules, runs, tenants,
};
use crate::ports::Ports;
use crate::problem::Problem;
use bytes::Bytes;
use std::pin::Pin;

/// Does what a route is for.
pub(super) async fn perform<P: Ports>(
    call: &Call<'_, P>,
    operation: Operation,
) -> Result<http::Response<Bytes>, Problem> {
    // Boxed, so that fifty operations are fifty functions and not one state machine.
    let performing: Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, Problem>> + '_>> =
        match operation {
            Operation::Health => Box::pin(operations::health(call)),
            Operation::Metrics => Box::pin(operations::metrics(call)),
            Operation::Document => Box::pin(std::future::ready(Ok(document::serve()))),
            Operation::ListCleverDistricts => {
                Box::pin(connections::list_districts(call, connections::CLEVER))
            }
            Operation::ListClasslinkApplications => {
                Box::pin(connections::list_districts(call, connections::ONEROSTER))
            }
            Operation::ListTenants => Box::pin(tenants::list(call)),
            Operation::CreateTenant => Box::pin(tenants::create(call)),
            Operation::ReadTenant => Box::pin(tenants::read(call)),
            Operation::EditTenant => Box::pin(tenants::edit(call)),
            Operation::ListKeys => Box::pin(tenants::list_keys(call)),
            Operation::MintKey => Box::pin(tenants::mint_key(call)),
            Operation::RevokeKey => Box::pin(tenants::revoke_key(call)),
            Operation::ListAudit => Box::pin(tenants::list_audit(call)),
            Operation::ListAttention => Box::pin(tenants::list_attention(call)),
            Operation::ReadWebhookSecret => Box::pin(tenants::read_webhook_secret(call)),
            Operation::MintWebhookSecret => Box::pin(tenants::mint_webhook_secret(call)),
            Operation::RemoveWebhookSecret => Box::pin(tenants::remove_webhook_secret(call)),
            Operation::ListOrganizations => Box::pin(organizations::list(call)),
            Operation::CreateOrganization => Box::pin(organizations::create(call)),
            Operation::RenameOrganization => Box::pin(organizations::rename(call)),
            Operation::DeleteOrganization => Box::pin(organizations::delete(call)),
            Operation::ListConnections => Box::pin(connections::list(call)),
            Operation::CreateConnection => Box::pin(connections::create(call)),
            Operation::ReadConnectionOrder => Box::pin(connections::read_order(call)),
            Operation::SetConnectionOrder => Box::pin(connections::set_order(call)),
            Operation::ReadConnection => Box::pin(connections::read(call)),
            Operation::EditConnection => Box::pin(connections::edit(call)),
            Operation::DeleteConnection => Box::pin(connections::delete(call)),
            Operation::PutCredentials => Box::pin(connections::put_credentials(call)),
            Operation::AuthorizeConnection => Box::pin(connections::authorize(call)),
            Operation::TestConnection => Box::pin(connections::test(call)),
            Operation::SaveConnection => Box::pin(connections::save(call)),
            Operation::DiscardConnection => Box::pin(connections::discard(call)),
            Operation::RevokeConnection => Box::pin(connections::revoke(call)),
            Operation::ListOrgUnits => Box::pin(connections::org_units(call)),
            Operation::ListSchools => Box::pin(classes::schools(call)),
            Operation::ReadRules => Box::pin(rules::read(call)),
            Operation::ReplaceRules
            | Operation::SetLeaving
            | Operation::AddLink
            | Operation::ReplaceLink
            | Operation::RemoveLink
            | Operation::AddAssignment
            | Operation::ReplaceAssignment
            | Operation::RemoveAssignment
            | Operation::AddFilter
            | Operation::OrderFilters
            | Operation::ReplaceFilter
            | Operation::RemoveFilter
            | Operation::AddMappingSet
            | Operation::OrderMappingSets
            | Operation::ReplaceMappingSet
            | Operation::RemoveMappingSet
            | Operation::TakeSchools
            | Operation::AddSchoolLink
            | Operation::ReplaceSchoolLink
            | Operation::RemoveSchoolLink => Box::pin(rules::change(call, operation)),
            Operation::ListResolutions => Box::pin(resolutions::list(call)),
            Operation::SetResolution => Box::pin(resolutions::set(call)),
            Operation::TakeBackResolution => Box::pin(resolutions::take_back(call)),
            Operation::SyncPerson => Box::pin(forward::hand_over(call, "watch-google")),
            Operation::Explain => Box::pin(accounts::explain(call)),
            Operation::ListRuns => Box::pin(runs::list(call)),
            Operation::RequestRun => Box::pin(runs::request(call)),
            Operation::ReadRun => Box::pin(runs::read(call)),
            Operation::ListChanges => Box::pin(runs::changes(call)),
            Operation::ListIssues => Box::pin(runs::issues(call)),
            Operation::RequestPreview => Box::pin(runs::preview(call)),
            Operation::ListAccounts => Box::pin(accounts::list(call)),
            Operation::ReadAccount => Box::pin(accounts::read(call)),
            Operation::ListClasses => Box::pin(classes::list(call)),
            Operation::ReadClass => Box::pin(classes::read(call)),
            Operation::ApproveRun
            | Operation::DiscardRun
            | Operation::EditAccount
            | Operation::ListCommits
            | Operation::ReadGuard
            | Operation::ReplaceGuard
            | Operation::ReplanRun
            | Operation::RestoreAccount
            | Operation::UndoCommit => Box::pin(forward::hand_over(call, "roster")),
        };
    performing.await
}

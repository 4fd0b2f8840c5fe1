//! From an operation to the function that does it.

use super::call::Call;
use super::{
    Operation, accounts, connections, document, operations, organizations, rules, runs, tenants,
};
use crate::doors::fetch_google::Operation as AtProvider;
use crate::ports::Ports;
use crate::problem::Problem;
use bytes::Bytes;

/// Does what a route is for.
pub(super) async fn perform<P: Ports>(
    call: &Call<'_, P>,
    operation: Operation,
) -> Result<http::Response<Bytes>, Problem> {
    match operation {
        Operation::Health => operations::health(call).await,
        Operation::Metrics => operations::metrics(call).await,
        Operation::Document => Ok(document::serve()),
        Operation::ListTenants => tenants::list(call).await,
        Operation::CreateTenant => tenants::create(call).await,
        Operation::ReadTenant => tenants::read(call).await,
        Operation::EditTenant => tenants::edit(call).await,
        Operation::ListKeys => tenants::list_keys(call).await,
        Operation::MintKey => tenants::mint_key(call).await,
        Operation::RevokeKey => tenants::revoke_key(call).await,
        Operation::ListAudit => tenants::list_audit(call).await,
        Operation::ReadWebhookSecret => tenants::read_webhook_secret(call).await,
        Operation::MintWebhookSecret => tenants::mint_webhook_secret(call).await,
        Operation::RemoveWebhookSecret => tenants::remove_webhook_secret(call).await,
        Operation::ListOrganizations => organizations::list(call).await,
        Operation::CreateOrganization => organizations::create(call).await,
        Operation::RenameOrganization => organizations::rename(call).await,
        Operation::DeleteOrganization => organizations::delete(call).await,
        Operation::ListConnections => connections::list(call).await,
        Operation::CreateConnection => connections::create(call).await,
        Operation::ReadConnection => connections::read(call).await,
        Operation::EditConnection => connections::edit(call).await,
        Operation::DeleteConnection => connections::forward(call, AtProvider::Delete).await,
        Operation::AuthorizeConnection => connections::authorize(call).await,
        Operation::TestConnection => connections::forward(call, AtProvider::Test).await,
        Operation::SaveConnection => connections::save(call).await,
        Operation::DiscardConnection => connections::discard(call).await,
        Operation::RevokeConnection => connections::forward(call, AtProvider::Revoke).await,
        Operation::ListOrgUnits => connections::forward(call, AtProvider::OrgUnits).await,
        Operation::ReadRules => rules::read(call).await,
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
        | Operation::RemoveMappingSet => rules::change(call, operation).await,
        Operation::Explain => accounts::explain(call).await,
        Operation::ListRuns => runs::list(call).await,
        Operation::RequestRun => runs::request(call).await,
        Operation::ReadRun => runs::read(call).await,
        Operation::ListChanges => runs::changes(call).await,
        Operation::ListIssues => runs::issues(call).await,
        Operation::ApproveRun => runs::approve(call).await,
        Operation::DiscardRun => runs::discard(call).await,
        Operation::RequestPreview => runs::preview(call).await,
        Operation::ListAccounts => accounts::list(call).await,
        Operation::ReadAccount => accounts::read(call).await,
    }
}

//! What tests of signing in have in common.

use crate::lease::Lease;
use crate::memory::MemoryPorts;
use crate::roster::shard::Range;
use crate::roster::{
    ACCOUNTS, ADDRESSES, AddressEntry, BaseRow, Commit, Entry, MapDraft, MapRoot, base_map, commit,
    derived_account_id,
};
use mapping::account::{Account, Role, SourceLink, Status};
use mapping::ids::{AccountId, ConnectionId, ExternalId, TenantId};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The tenant `maple`.
pub(crate) fn tenant() -> TenantId {
    TenantId::parse("maple").unwrap()
}

/// An active account without addresses that nobody knows.
pub(crate) fn account(id: &str, roles: &[Role]) -> Account {
    Account {
        id: AccountId::parse(id).unwrap(),
        email: None,
        username: None,
        given_name: String::new(),
        family_name: String::new(),
        roles: roles.iter().copied().collect(),
        user_type: None,
        grade: None,
        memberships: BTreeSet::new(),
        status: Status::Active,
        status_cause: None,
        sign_in_allowed: true,
        no_longer_in_scope: false,
        protected: false,
        pinned: BTreeSet::new(),
        sources: BTreeSet::new(),
        statements: BTreeMap::new(),
        created_at_ms: 0,
        changed_at_ms: 0,
        deleted_at_ms: None,
    }
}

/// A roster in the making.
#[derive(Default)]
pub(crate) struct Roster {
    accounts: BTreeMap<AccountId, Account>,
    base: BTreeMap<ConnectionId, Vec<BaseRow>>,
}

impl Roster {
    /// Puts an account, and says under which ids which connections know it.
    pub(crate) fn put(&mut self, mut account: Account, known_as: &[(&str, &str)]) {
        for (connection, external_id) in known_as {
            let connection = ConnectionId::parse(*connection).unwrap();
            let external_id = ExternalId::parse(*external_id).unwrap();
            let derived = derived_account_id(&tenant(), &connection, &external_id);
            let entry = json!({"a": account.id, "d": "0".repeat(32), "r": 1});
            let row = BaseRow {
                external_id: external_id.clone(),
                derived,
                entry: serde_json::from_value(entry).unwrap(),
            };
            self.base.entry(connection.clone()).or_default().push(row);
            account.sources.insert(SourceLink {
                connection,
                external_id,
            });
        }
        self.accounts.insert(account.id.clone(), account);
    }

    /// Makes it the tenant's newest.
    pub(crate) async fn publish(&self, ports: &MemoryPorts) {
        let mut addresses = Vec::new();
        for account in self.accounts.values() {
            let email = account.email.clone().map(String::from);
            for address in email.into_iter().chain(account.username.clone()) {
                let account = account.id.clone();
                addresses.push(AddressEntry { address, account });
            }
        }
        let accounts: Vec<Account> = self.accounts.values().cloned().collect();
        let mut maps = BTreeMap::from([
            (ACCOUNTS.to_owned(), map(ports, accounts).await),
            (ADDRESSES.to_owned(), map(ports, addresses).await),
        ]);
        for (connection, rows) in &self.base {
            maps.insert(base_map(connection), map(ports, rows.clone()).await);
        }
        let newest = commit::newest(ports, &tenant()).await.unwrap();
        if newest.maps == maps {
            return;
        }
        let lease = Lease::take(ports, &tenant()).await.unwrap().unwrap();
        let draft = Commit {
            parent: newest.generation,
            maps,
            ..Commit::default()
        };
        let published = commit::publish(ports, &tenant(), &lease, draft).await;
        published.unwrap();
        lease.release(ports, &tenant()).await.unwrap();
    }
}

async fn map<T: Entry>(ports: &MemoryPorts, rows: Vec<T>) -> MapRoot {
    let expected = rows.len() as u64;
    let draft = MapDraft::begin(ports, &tenant(), MapRoot::default(), expected).await;
    let mut draft = draft.unwrap();
    draft.store(ports, Range::ALL, rows, 0).await.unwrap();
    draft.save(ports).await.unwrap()
}

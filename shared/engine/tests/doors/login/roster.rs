//! People of Maple.

use super::School;
use engine::lease::Lease;
use engine::memory::block_on;
use engine::passwords::{self, Password, PasswordDigest};
use engine::roster::shard::Range;
use engine::roster::{ACCOUNTS, ADDRESSES, AddressEntry, Commit, Entry, MapDraft, MapRoot, commit};
use engine::settings::Secret;
use mapping::account::Account;
use mapping::ids::{AccountId, TenantId};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn tenant() -> TenantId {
    TenantId::parse("maple").unwrap()
}

/// An active teacher with this id and address; `changes` says what is different.
pub(super) fn account(id: &str, email: &str, changes: &Value) -> Account {
    let mut account = json!({"id": id, "email": email, "given_name": "Dana",
        "family_name": "Okafor", "roles": ["teacher"], "status": "active",
        "sign_in_allowed": true, "sources": [], "created_at_ms": 0, "changed_at_ms": 0});
    for (field, value) in changes.as_object().unwrap() {
        account[field] = value.clone();
    }
    serde_json::from_value(account).unwrap()
}

impl School {
    /// Makes these the people of Maple.
    pub(super) fn people(&self, accounts: &[Account]) {
        let mut addresses = Vec::new();
        for account in accounts {
            let email = account.email.clone().map(String::from);
            for address in email.into_iter().chain(account.username.clone()) {
                let account = account.id.clone();
                addresses.push(AddressEntry { address, account });
            }
        }
        block_on(async {
            let ports = &self.district.ports;
            let newest = commit::newest(ports, &tenant()).await.unwrap();
            let maps = BTreeMap::from([
                (ACCOUNTS.to_owned(), self.map(accounts.to_vec()).await),
                (ADDRESSES.to_owned(), self.map(addresses).await),
            ]);
            let lease = Lease::take(ports, &tenant()).await.unwrap().unwrap();
            let draft = Commit {
                parent: newest.generation,
                maps,
                ..Commit::default()
            };
            let published = commit::publish(ports, &tenant(), &lease, draft).await;
            published.unwrap();
            lease.release(ports, &tenant()).await.unwrap();
        });
    }

    async fn map<T: Entry>(&self, rows: Vec<T>) -> MapRoot {
        let (ports, expected) = (&self.district.ports, rows.len() as u64);
        let draft = MapDraft::begin(ports, &tenant(), MapRoot::default(), expected).await;
        let mut draft = draft.unwrap();
        draft.store(ports, Range::ALL, rows, 0).await.unwrap();
        draft.save(ports).await.unwrap()
    }

    /// Gives an account a password that a file gave, or that we made.
    pub(super) fn password(&self, id: &str, password: &str, is_made: bool, must_change: bool) {
        let ports = &self.district.ports;
        let digest = if is_made {
            PasswordDigest::fast(ports, &Secret::new(password))
        } else {
            PasswordDigest::slow(ports, password).unwrap()
        };
        let password = Password {
            digest,
            must_change,
            set_at_ms: 1,
            upload: None,
            code: None,
        };
        let id = AccountId::parse(id).unwrap();
        block_on(passwords::write(ports, &tenant(), &id, &password)).unwrap();
    }
}

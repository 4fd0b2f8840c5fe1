//! Gathers what is known about somebody for whom a provider vouches, has [`super::matching`] decide
//! whose account it is, and remembers it.

use super::Method;
use super::districts;
use super::identities::{self, Person};
use super::matching::{Addressed, Cause, Evidence, KnownLink, Refused, decide};
use super::settings::Settings;
use super::standing::Standings;
use crate::connections::{self, Connection, DistrictId, Domain, Provider, Source, Way};
use crate::error::Error;
use crate::ports::{Clock, Store};
use crate::roster::{ADDRESSES, AddressEntry};
use connectors::signin::ProviderIdentity;
use mapping::account::{Account, Email};
use mapping::ids::{AccountId, ExternalId};
use std::collections::{BTreeMap, BTreeSet};

/// Finds the account of somebody for whom a provider vouches. `identity` is of a district of the
/// tenant, where the provider has districts of its own. The first success is remembered, so that
/// from then on the provider's id counts and no address.
pub async fn recognise(
    ports: &(impl Store + Clock),
    standings: &Standings,
    method: Method,
    identity: &ProviderIdentity,
) -> Result<Result<Account, Refused>, Error> {
    let settings = standings.settings();
    if method == Method::Google && !is_of_allowed_domain(settings, identity) {
        return Ok(Err(Refused {
            cause: Cause::Domain,
            accounts: BTreeSet::new(),
        }));
    }
    let looking = Looking {
        ports,
        standings,
        connections: connections::list(ports, standings.reader().tenant()).await?,
        method,
        identity,
    };
    let evidence = looking.gather().await?;
    let account = match decide(settings, (method, identity.kind), &evidence) {
        Ok(account) => account.clone(),
        Err(refused) => return Ok(Err(refused)),
    };
    let is_known = evidence
        .link
        .as_ref()
        .is_some_and(|link| link.account == account.id);
    if !is_known {
        looking.remember(&evidence.person, &account.id).await?;
    }
    Ok(Ok(account))
}

/// Whether a Google account is of a domain that may sign in. A Workspace has one primary domain
/// and perhaps others, in which it hands out addresses too.
fn is_of_allowed_domain(settings: &Settings, identity: &ProviderIdentity) -> bool {
    if settings.google_domains.is_empty() {
        return true;
    }
    let Some(hosted) = &identity.district else {
        return false;
    };
    let email = identity.email.as_ref().map(Email::domain);
    let mut allowed = settings.google_domains.iter().map(Domain::as_str);
    allowed.any(|domain| hosted == domain || email == Some(domain))
}

struct Looking<'a, P> {
    ports: &'a P,
    standings: &'a Standings,
    connections: Vec<Connection>,
    method: Method,
    identity: &'a ProviderIdentity,
}

impl<P: Store + Clock> Looking<'_, P> {
    async fn gather(&self) -> Result<Evidence, Error> {
        let reader = self.standings.reader();
        let person = Person::of(self.method, self.identity);
        let link = identities::find(self.ports, reader.tenant(), &person).await?;
        let source_id = match self.method {
            Method::Classlink => self.identity.sourced_id.clone(),
            Method::Clever | Method::Google | Method::Password => {
                Some(self.identity.user_id.clone())
            }
        };
        let sources = self.sources().await?;
        let said = match &source_id {
            Some(id) => self.said(&sources, id).await?,
            None => BTreeSet::new(),
        };
        let mut evidence = Evidence {
            person,
            source_id,
            link: link.map(|link| KnownLink {
                account: link.account,
                is_confirmed: link.is_confirmed,
            }),
            said,
            email: self.identity.email.clone(),
            email_counts: self.email_counts(),
            by_email: None,
            by_username: None,
            accounts: BTreeMap::new(),
        };
        let by_id: Vec<AccountId> = evidence.said.iter().cloned().collect();
        let linked = evidence.link.as_ref().map(|link| link.account.clone());
        for id in by_id.into_iter().chain(linked) {
            self.load(&mut evidence, &id).await?;
        }
        if evidence.link.is_none() && evidence.said.is_empty() {
            let email = self.identity.email.as_ref().map(Email::as_str);
            let email = email.filter(|_| evidence.email_counts);
            evidence.by_email = self.addressed(&mut evidence, &sources, email).await?;
            let username = self.identity.username.as_deref();
            evidence.by_username = self.addressed(&mut evidence, &sources, username).await?;
        }
        Ok(evidence)
    }

    async fn load(&self, evidence: &mut Evidence, id: &AccountId) -> Result<(), Error> {
        if !evidence.accounts.contains_key(id)
            && let Some(account) = self.standings.reader().account(self.ports, id).await?
        {
            evidence.accounts.insert(id.clone(), account);
        }
        Ok(())
    }

    /// The tenant's connections whose ids of people are those that the provider tells.
    async fn sources(&self) -> Result<Vec<&Connection>, Error> {
        let district = self.identity.district.as_deref();
        let mut sources = Vec::new();
        let mut only_district = None;
        for connection in &self.connections {
            let is_source = match (self.method, &connection.settings.source) {
                (Method::Google, _) => connection.provider == Provider::Google,
                (Method::Clever, _) => connection.provider == Provider::Clever,
                (Method::Classlink, Source::Oneroster(settings)) => match &settings.way {
                    Way::ClasslinkPartner { tenant } => {
                        tenant.as_ref().map(DistrictId::as_str) == district
                    }
                    Way::ClasslinkProxy { .. } => match only_district {
                        Some(known) => known,
                        None => *only_district.insert(self.is_only_district().await?),
                    },
                    Way::Direct { .. } => false,
                },
                (Method::Classlink | Method::Password, _) => false,
            };
            if is_source {
                sources.push(connection);
            }
        }
        Ok(sources)
    }

    /// Whether the person's district is the only one that the tenant has at `ClassLink`: a
    /// connection with an application of its own does not say which one it is of.
    async fn is_only_district(&self) -> Result<bool, Error> {
        let tenant = self.standings.reader().tenant();
        let all = districts::all(self.ports, tenant, &self.connections).await?;
        let mut ids = all.classlink.iter().map(DistrictId::as_str);
        Ok(ids.next() == self.identity.district.as_deref() && ids.next().is_none())
    }

    /// The accounts that connections have under an id.
    async fn said(
        &self,
        sources: &[&Connection],
        id: &ExternalId,
    ) -> Result<BTreeSet<AccountId>, Error> {
        let mut said = BTreeSet::new();
        for source in sources {
            let reader = self.standings.reader();
            let base = reader.base(self.ports, &source.id, id).await?;
            said.extend(base.map(|row| row.entry.account));
        }
        Ok(said)
    }

    /// Whether the provider can be believed about the address.
    fn email_counts(&self) -> bool {
        let Some(email) = &self.identity.email else {
            return false;
        };
        let settings = self.standings.settings();
        let sources = self.connections.iter().map(|c| &c.settings.source);
        let mut own: BTreeSet<&str> = sources
            .clone()
            .filter_map(Source::google_domain)
            .chain(&settings.google_domains)
            .map(Domain::as_str)
            .collect();
        if self.method == Method::Google {
            // Whoever made a personal account with an address of the district may have left, and
            // the address may be somebody else's today; of a Workspace's accounts Google knows.
            let is_personal = self.identity.district.is_none();
            return self.identity.email_is_verified
                && !(is_personal && own.contains(email.domain()));
        }
        let named = sources.filter_map(Source::extent);
        own.extend(
            named
                .flat_map(|extent| &extent.email_domains)
                .chain(&settings.email_domains)
                .map(Domain::as_str),
        );
        let is_told = self.method != Method::Classlink || settings.classlink_emails;
        is_told && (own.is_empty() || own.contains(email.domain()))
    }

    /// The account that has an address or username.
    async fn addressed(
        &self,
        evidence: &mut Evidence,
        sources: &[&Connection],
        address: Option<&str>,
    ) -> Result<Option<Addressed>, Error> {
        let Some(address) = address else {
            return Ok(None);
        };
        let reader = self.standings.reader();
        let found: Option<AddressEntry> = reader
            .entry(self.ports, ADDRESSES, address, address)
            .await?;
        let Some(AddressEntry { account: id, .. }) = found else {
            return Ok(None);
        };
        self.load(evidence, &id).await?;
        let Some(account) = evidence.accounts.get(&id) else {
            return Ok(None);
        };
        let of_sources = account
            .sources
            .iter()
            .filter(|link| sources.iter().any(|source| source.id == link.connection));
        let link = identities::of_account(self.ports, reader.tenant(), &id, self.method).await?;
        Ok(Some(Addressed {
            known_as: of_sources.map(|link| link.external_id.clone()).collect(),
            linked_with: link.map(|link| link.person),
            account: id,
        }))
    }

    /// Links the person with the account, unless an administrator linked it with another one.
    async fn remember(&self, person: &Person, account: &AccountId) -> Result<(), Error> {
        let tenant = self.standings.reader().tenant();
        let before = identities::of_account(self.ports, tenant, account, self.method).await?;
        if before.is_none_or(|before| !before.is_confirmed) {
            identities::link(self.ports, tenant, (person, account), false).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

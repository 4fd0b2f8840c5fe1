//! "Why?": shows for one person, as the provider shows them now, every rule in order, which one
//! decided, and what the roster has.

use crate::error::Error;
use crate::evaluation::RunRules;
use crate::places;
use crate::ports::{Store, Transport};
use crate::roster::Reader;
use crate::rules;
use crate::slices::{self, CallError};
use mapping::account::{Account, Email};
use mapping::evaluate::Explanation;
use mapping::ids::{ConnectionId, TenantId};
use mapping::source::SourceRecord;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who is asked about.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The tenant.
    pub tenant: TenantId,
    /// The connection whose rules are shown.
    pub connection: ConnectionId,
    /// The person's address.
    pub email: Email,
}

/// What the provider shows of a person now.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Person {
    /// The provider has nobody with this address.
    Nobody,
    /// This record, with the person's groups where rules look at them.
    Record {
        /// The record.
        record: Box<SourceRecord>,
    },
    /// The provider could not be asked.
    Unavailable {
        /// What happened, and what to do.
        reason: String,
    },
}

/// The answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// What the provider shows.
    pub person: Person,
    /// What the rules make of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// The account with this address, as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
}

/// Explains one person.
pub async fn explain<P: Store + Transport>(
    ports: &P,
    component: &str,
    question: &Question,
) -> Result<Answer, Error> {
    let person: Person = match slices::call(ports, component, "/person", question).await {
        Ok(person) => person,
        Err(error) => Person::Unavailable {
            reason: unavailable(error),
        },
    };
    let rule_set = rules::read(ports, &question.tenant, &question.connection).await?;
    let places = places::kept(ports, &question.tenant, &question.connection).await?;
    let places = rule_set.schools.is_in_use().then_some(places);
    let explanation = match &person {
        Person::Record { record } => RunRules::new(&rule_set, &BTreeMap::new(), places)
            .ok()
            .map(|rules| rules.explain(record)),
        Person::Nobody | Person::Unavailable { .. } => None,
    };
    let reader = Reader::open(ports, &question.tenant).await?;
    let account = reader
        .account_by_address(ports, question.email.as_str())
        .await?;
    Ok(Answer {
        person,
        explanation,
        account,
    })
}

fn unavailable(error: CallError) -> String {
    format!("the provider could not be asked ({error}): try again")
}

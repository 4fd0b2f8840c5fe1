//! What is seen of a few people, whoever shows them: what stands behind a push, behind an event, or
//! behind "sync this person".

use super::{ChainId, Connector, OrgUnit, Poll, Presence, TransportFailure};
use bytes::Bytes;
use http::Response;
use jiff::Timestamp;
use mapping::account::Email;
use mapping::ids::ExternalId;
use mapping::issue::Issue;
use mapping::source::SourceRecord;
use serde::{Deserialize, Serialize};

/// Who is looked at.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// Whoever has this address, or has it as an alias.
    Email(Email),
    /// The person with this immutable id.
    Id(ExternalId),
}

/// What was seen of a person.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// The provider says that there is nobody.
    Gone,
    /// The provider does not show the person, or their groups, or shows somebody else: nothing is
    /// known.
    Hidden,
    /// This record.
    Seen {
        /// The record, with the groups that were found.
        record: Box<SourceRecord>,
        /// What is wrong with it.
        issues: Vec<Issue>,
    },
}

/// What an answer yields.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Sighting {
    /// One person.
    Person(Whom, Sight),
    /// The tree of org units.
    Tree(Vec<OrgUnit>),
}

/// A look at people through a provider's lookup by id.
///
/// Somebody whom the provider does not know any more is hidden here, not gone: a district that is
/// paused or shares fewer schools answers in the same words. A whole read, which knows whether to
/// believe the source, decides about them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ById<L>(pub L);

impl<L> Connector for ById<L>
where
    L: Connector<Batch = Option<(ExternalId, Presence)>, Complete = ()>,
{
    type Access = L::Access;
    type Batch = Option<Sighting>;
    type Complete = ();

    fn poll(&mut self, now: Timestamp, access: &Self::Access) -> Poll<()> {
        self.0.poll(now, access)
    }

    fn handle_response(
        &mut self,
        chain: ChainId,
        now: Timestamp,
        response: Result<&Response<Bytes>, TransportFailure>,
    ) -> Option<Sighting> {
        let (id, presence) = self.0.handle_response(chain, now, response)?;
        let sight = match presence {
            Presence::Deleted => Sight::Hidden,
            Presence::Present(record) => Sight::Seen {
                record,
                issues: Vec::new(),
            },
        };
        Some(Sighting::Person(Whom::Id(id), sight))
    }

    fn token_refreshed(&mut self) {
        self.0.token_refreshed();
    }
}

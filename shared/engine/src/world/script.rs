//! A provider that shows what a script says, in the place of Google: for what no Google shows.

use super::{FakeGoogle, FakeReceiver, World, answer};
use crate::confirming;
use crate::doors::json;
use crate::fenced::Fenced;
use crate::fetching::{self, FetchScope};
use crate::memory::MemoryPorts;
use crate::ports::{Clock, Store, TransportError};
use crate::runs;
use crate::slices::{SliceOutcome, SliceRequest, Task};
use bytes::Bytes;
use connectors::fetch::{
    Batch, ChainId, CompleteRead, Connector, Doubt, Poll, Presence, TransportFailure,
};
use http::{Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use mapping::ids::ExternalId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the provider shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    /// Its pages.
    pub(crate) pages: Vec<Batch>,
    /// Why it may not be believed.
    pub(crate) doubts: BTreeSet<Doubt>,
    /// Whom it was asked about, who are all gone.
    pub(crate) asked: BTreeSet<ExternalId>,
}

/// A page with nothing on it.
pub(crate) fn page() -> Batch {
    serde_json::from_value(
        json!({"chain": 0, "page": 0, "restarted": false, "records": [],
        "members": [], "gone": [], "schooling": [], "class_members": [], "everyone": [],
        "units": null, "issues": []}),
    )
    .unwrap()
}

/// Reads a script.
#[derive(Debug, Serialize, Deserialize)]
struct Scripted {
    pages: Vec<Batch>,
    doubts: BTreeSet<Doubt>,
    next: usize,
    #[serde(skip)]
    is_sent: bool,
}

impl Connector for Scripted {
    type Access = ();
    type Batch = Batch;
    type Complete = CompleteRead;

    fn poll(&mut self, now: Timestamp, (): &()) -> Poll<CompleteRead> {
        if self.next >= self.pages.len() {
            let complete = json!({"chains": [], "started_at": now, "finished_at": now,
                "totals": {"records": 0, "units": 0, "groups": 0, "members": 0, "issues": 0,
                    "pages": 0, "bytes": 0},
                "doubts": self.doubts});
            return Poll::Done(serde_json::from_value(complete).unwrap());
        }
        if std::mem::replace(&mut self.is_sent, true) {
            return Poll::Busy;
        }
        Poll::Send {
            chain: ChainId(0),
            request: Request::get("https://script.example/")
                .body(Bytes::new())
                .unwrap(),
            body_bytes_max: 10,
        }
    }

    fn handle_response(
        &mut self,
        _: ChainId,
        _: Timestamp,
        response: Result<&Response<Bytes>, TransportFailure>,
    ) -> Batch {
        self.is_sent = false;
        if response.is_err() {
            return page();
        }
        self.next += 1;
        self.pages[self.next - 1].clone()
    }

    fn token_refreshed(&mut self) {}
}

/// Says of everybody that they are gone.
struct AllGone(Vec<ExternalId>, Option<ExternalId>);

impl Connector for AllGone {
    type Access = ();
    type Batch = Option<(ExternalId, Presence)>;
    type Complete = ();

    fn poll(&mut self, _: Timestamp, (): &()) -> Poll<()> {
        if self.1.is_some() {
            return Poll::Busy;
        }
        let Some(id) = self.0.pop() else {
            return Poll::Done(());
        };
        self.1 = Some(id);
        Poll::Send {
            chain: ChainId(0),
            request: Request::get("https://script.example/")
                .body(Bytes::new())
                .unwrap(),
            body_bytes_max: 10,
        }
    }

    fn handle_response(
        &mut self,
        _: ChainId,
        _: Timestamp,
        _: Result<&Response<Bytes>, TransportFailure>,
    ) -> Self::Batch {
        Some((self.1.take().unwrap(), Presence::Deleted))
    }

    fn token_refreshed(&mut self) {}
}

impl World {
    /// A world whose provider is a script.
    pub(crate) fn scripted(script: Script) -> (Self, Arc<Mutex<Script>>) {
        Self::new(Vec::new()).showing(script)
    }

    /// The same world with a provider that is a script.
    pub(crate) fn showing(mut self, script: Script) -> (Self, Arc<Mutex<Script>>) {
        let script = Arc::new(Mutex::new(script));
        let all = (
            Arc::clone(&script),
            Arc::clone(&self.google),
            Arc::clone(&self.receiver),
        );
        self.ports = self.ports.with_handler(Arc::new(move |ports, request| {
            let (script, google, receiver) = all.clone();
            Box::pin(async move { scripted(ports, &script, &google, &receiver, request).await })
        }));
        (self, script)
    }
}

async fn scripted(
    ports: MemoryPorts,
    script: &Mutex<Script>,
    google: &Arc<Mutex<FakeGoogle>>,
    receiver: &Arc<Mutex<FakeReceiver>>,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, TransportError> {
    match request.uri().host() {
        Some("script.example") => {
            // A slice has time for a few pages only.
            ports.advance(Duration::from_secs(4));
            Ok(Response::new(Bytes::new()))
        }
        Some("fetch-google.spin.internal") => {
            if ports.exists("nothing").await.is_err() {
                return Err(TransportError::Failed);
            }
            let asked: SliceRequest = serde_json::from_slice(request.body()).unwrap();
            let outcome = slice(&ports, script, &asked).await;
            let outcome = outcome.map_err(|_| TransportError::Failed)?;
            Ok(json(StatusCode::OK, &outcome))
        }
        _ => answer(ports, google, receiver, request).await,
    }
}

async fn slice(
    ports: &MemoryPorts,
    script: &Mutex<Script>,
    asked: &SliceRequest,
) -> Result<SliceOutcome, crate::error::Error> {
    let deadline = ports.now() + SignedDuration::from_millis(asked.budget_ms);
    let run = runs::read(ports, &asked.tenant, &asked.run).await?.unwrap();
    let fenced = Fenced::new(ports, &asked.tenant, asked.fence);
    let access = async |_: bool| Ok(());
    if asked.task == Task::Confirm {
        let begin = |ids: BTreeSet<ExternalId>| {
            script.lock().unwrap().asked.extend(ids.iter().cloned());
            AllGone(ids.into_iter().collect(), None)
        };
        return confirming::slice(&fenced, &asked.tenant, &run.id, begin, access, deadline).await;
    }
    let scope = FetchScope {
        tenant: &asked.tenant,
        connection: run.connection.as_ref().unwrap(),
        run: &run.id,
    };
    let begin = || {
        let script = script.lock().unwrap();
        Scripted {
            pages: script.pages.clone(),
            doubts: script.doubts.clone(),
            next: 0,
            is_sent: false,
        }
    };
    fetching::slice(&fenced, scope, BTreeSet::new(), begin, access, deadline).await
}

/// Everything that a map of the roster has, by key.
pub(crate) fn rows(world: &World) -> BTreeMap<String, crate::schooling::SchoolingRow> {
    crate::memory::block_on(async {
        let reader = crate::roster::Reader::open(&world.ports, &world.tenant)
            .await
            .unwrap();
        let map = crate::schooling::map_of(&world.connection);
        let all = crate::roster::shard::Range::ALL;
        let rows: Vec<crate::schooling::SchoolingRow> =
            reader.range(&world.ports, &map, all).await.unwrap();
        assert_eq!(reader.map(&map).len, rows.len() as u64);
        rows.into_iter().map(|row| (row.key.clone(), row)).collect()
    })
}

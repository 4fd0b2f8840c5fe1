//! The pages of a provider that is read list by list. The application's own connector finds them,
//! driven natively; the floor asks for the same again and parses them into next to nothing.

use super::Extent;
use anyhow::{Context, bail};
use bytes::Bytes;
use connectors::fetch::{Batch, CompleteRead, Connector, Poll, Totals};
use futures::stream::{self, FuturesUnordered, StreamExt, TryStreamExt};
use http::{Request, Response};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

/// Parses a page as far as a sync must, given its path; returns how many bytes of text it saw, so
/// that no parser can leave a field out.
pub(super) type Parse = fn(&str, &[u8]) -> serde_json::Result<usize>;

/// The requests of a whole read, and what they brought.
#[derive(Debug)]
pub(super) struct Pages {
    client: reqwest::Client,
    requests: Vec<Request<Bytes>>,
    totals: Totals,
}

impl Pages {
    /// Reads everything with a connector of the application. `now` is the time at the provider.
    pub(super) async fn find<C>(
        mut connector: C,
        access: &C::Access,
        now: Timestamp,
    ) -> anyhow::Result<Self>
    where
        C: Connector<Batch = Batch, Complete = CompleteRead>,
    {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .build()?;
        let mut requests = Vec::new();
        let mut under_way = FuturesUnordered::new();
        loop {
            match connector.poll(now, access) {
                Poll::Send { chain, request, .. } => {
                    requests.push(request.clone());
                    let answer = send(client.clone(), request);
                    under_way.push(async move { (chain, answer.await) });
                    continue;
                }
                Poll::Done(complete) => {
                    let totals = complete.totals();
                    return Ok(Self {
                        client,
                        requests,
                        totals,
                    });
                }
                Poll::Failed(error) => return Err(error).context("reading the provider natively"),
                Poll::NeedsToken | Poll::WaitUntil(_) if under_way.is_empty() => {
                    bail!("the provider did not take a request of the floor");
                }
                Poll::Busy | Poll::NeedsToken | Poll::WaitUntil(_) => {}
            }
            let Some((chain, answer)) = under_way.next().await else {
                bail!("the connector waits for nothing");
            };
            // What it brought is dropped: only the requests count.
            connector.handle_response(chain, now, Ok(&answer?));
        }
    }

    /// What there is to read.
    pub(super) fn extent(&self) -> Extent {
        let lists: BTreeSet<&str> = self
            .requests
            .iter()
            .map(|request| request.uri().path())
            .collect();
        Extent {
            chains: lists.len(),
            pages_expected: self.requests.len() as u64,
            people: self.totals.records,
            classes: self.totals.classes,
            class_members: self.totals.class_members,
        }
    }

    /// Asks for all of it again over so many connections at once; returns how long it took.
    pub(super) async fn download(
        &self,
        connections: usize,
        parse: Parse,
    ) -> anyhow::Result<Duration> {
        let watch = crate::figures::Watch::start();
        let pages = self.requests.iter().map(|request| async move {
            let path = request.uri().path().to_owned();
            let answer = send(self.client.clone(), request.clone()).await?;
            if !answer.status().is_success() {
                bail!("the floor was answered {}", answer.status());
            }
            // On a thread that may compute, so that several connections use several processors.
            let parsed = tokio::task::spawn_blocking(move || parse(&path, answer.body()));
            parsed.await?.context("reading a page")
        });
        let text_bytes = stream::iter(pages)
            .buffer_unordered(connections)
            .try_fold(0, async |sum, bytes| Ok(sum + bytes))
            .await?;
        let took = watch.elapsed();
        if text_bytes == 0 {
            bail!("the floor read nothing");
        }
        Ok(took)
    }
}

/// Sends a request of the application's; the answer comes decompressed.
async fn send(client: reqwest::Client, request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
    let answer = client.execute(request.try_into()?).await?;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    *response.body_mut() = answer.bytes().await?;
    Ok(response)
}

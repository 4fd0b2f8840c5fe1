//! A response body which fails when its next part takes too long.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Sleep;
use wasmtime_wasi_http::{Error, WasiBody};

pub(super) struct IdleLimit {
    /// Absent once it has failed, so that its connection is closed.
    body: Option<WasiBody>,
    limit: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl IdleLimit {
    pub(super) fn new(body: WasiBody, limit: Duration) -> Self {
        Self {
            body: Some(body),
            limit,
            waiting: None,
        }
    }
}

impl Body for IdleLimit {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(context) {
            this.waiting = None;
            return Poll::Ready(frame);
        }
        let limit = this.limit;
        let waiting = this
            .waiting
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        if waiting.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        this.body = None;
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(SizeHint::default, Body::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt as _, StreamBody};

    /// A body of one part and then nothing, for ever.
    fn stalling() -> WasiBody {
        let part = std::future::ready(Ok(Frame::data(Bytes::from_static(b"part"))));
        let parts = futures::stream::StreamExt::chain(
            futures::stream::once(part),
            futures::stream::pending(),
        );
        StreamBody::new(parts).boxed_unsync()
    }

    #[tokio::test]
    async fn a_body_which_stalls_fails_after_its_limit_and_not_before() {
        let mut body = IdleLimit::new(stalling(), Duration::from_millis(20));
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first, "part");
        let second = body.frame().await.unwrap().unwrap_err();
        assert!(matches!(second, Error::ConnectionReadTimeout));
        assert!(body.frame().await.is_none());
    }
}

//! Starting work sooner than the next tick.
//!
//! A nudge is never the only way that work happens: what it is about stands in the store, and the
//! next tick finds it there.

use crate::attention::{self, Question};
use crate::slices;
use bytes::Bytes;
use mapping::ids::TenantId;

/// A request to the `sync` component to look after one tenant now. Left in the extensions of an
/// answer, it is sent after the answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Nudge {
    /// The tenant.
    pub tenant: TenantId,
}

/// A request to the `alerts` component to send what waits for one tenant, left and sent as a
/// [`Nudge`] is. A receiver may take long to answer; nobody else is to wait for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delivery {
    /// The tenant.
    pub tenant: TenantId,
}

impl Delivery {
    /// The request over service chaining.
    pub fn into_request(self) -> http::Request<Bytes> {
        let question = Question {
            tenant: self.tenant,
        };
        slices::request(attention::COMPONENT, "/deliver", &question).unwrap_or_default()
    }
}

impl Nudge {
    /// The request over service chaining.
    pub fn into_request(self) -> http::Request<Bytes> {
        let mut request = http::Request::new(Bytes::new());
        *request.method_mut() = http::Method::POST;
        let address = format!("http://sync.spin.internal/drive/{}", self.tenant);
        if let Ok(uri) = http::Uri::try_from(address) {
            *request.uri_mut() = uri;
        }
        request
    }
}

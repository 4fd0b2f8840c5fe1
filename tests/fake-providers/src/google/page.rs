//! Page tokens: opaque to the client, bound to the request, good for three days (PROVIDERS 2.1).

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How long a page token can be used.
pub(crate) const PAGE_TOKEN_LIFE_MS: i64 = 3 * 24 * 3_600 * 1_000;

/// Where a page starts.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct PageStart {
    /// The page's number, from 1.
    pub(crate) page: u32,
    /// What places the last record of the page before; empty before the first.
    pub(crate) after: String,
    /// The id of that record, or how many records came before.
    pub(crate) after_id: u64,
}

impl PageStart {
    pub(crate) fn first() -> Self {
        Self {
            page: 1,
            ..Self::default()
        }
    }
}

#[derive(Deserialize, Serialize)]
struct Content {
    start: PageStart,
    request: u64,
    issued_at_ms: i64,
    number: u64,
}

/// Why a page token can't be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TokenRefused {
    Expired,
    Forged,
    /// It belongs to a listing with other parameters.
    OtherRequest,
}

/// Issues and reads page tokens.
#[derive(Debug, Default)]
pub(crate) struct PageTokens {
    issued: AtomicU64,
}

impl PageTokens {
    /// A token unlike any before, even for the same place.
    pub(crate) fn issue(&self, start: PageStart, request: u64, now_ms: i64) -> String {
        let content = Content {
            start,
            request,
            issued_at_ms: now_ms,
            number: self.issued.fetch_add(1, Ordering::Relaxed),
        };
        let text = serde_json::to_vec(&content).unwrap_or_default();
        let mut sealed = digest(&text).to_be_bytes().to_vec();
        sealed.extend(text);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// Where the page of a token starts.
    pub(crate) fn read(token: &str, request: u64, now_ms: i64) -> Result<PageStart, TokenRefused> {
        let content = Self::open(token).ok_or(TokenRefused::Forged)?;
        if content.request != request {
            return Err(TokenRefused::OtherRequest);
        }
        if now_ms - content.issued_at_ms > PAGE_TOKEN_LIFE_MS {
            return Err(TokenRefused::Expired);
        }
        Ok(content.start)
    }

    /// The page a token leads to, whatever it is for.
    pub(crate) fn page_of(token: &str) -> Option<u32> {
        Self::start_of(token).map(|start| start.page)
    }

    /// Where a token leads, whatever it is for.
    pub(crate) fn start_of(token: &str) -> Option<PageStart> {
        Self::open(token).map(|content| content.start)
    }

    /// The request a token is bound to.
    pub(crate) fn request_of(token: &str) -> Option<u64> {
        Self::open(token).map(|content| content.request)
    }

    fn open(token: &str) -> Option<Content> {
        let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (seal, text) = sealed.split_first_chunk::<8>()?;
        let is_whole = u64::from_be_bytes(*seal) == digest(text);
        is_whole
            .then(|| serde_json::from_slice(text).ok())
            .flatten()
    }
}

/// The first eight bytes of a digest.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    let digest = Sha256::digest(bytes);
    digest
        .first_chunk::<8>()
        .map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_to_its_page_for_three_days_and_only_for_its_request() {
        let tokens = PageTokens::default();
        let start = PageStart {
            page: 3,
            after: "x@y".to_owned(),
            after_id: 9,
        };
        let token = tokens.issue(start.clone(), 5, 1_000);
        assert_eq!(
            PageTokens::read(&token, 5, 1_000 + PAGE_TOKEN_LIFE_MS),
            Ok(start.clone())
        );
        let late = PageTokens::read(&token, 5, 1_001 + PAGE_TOKEN_LIFE_MS);
        assert_eq!(late, Err(TokenRefused::Expired));
        assert_eq!(
            PageTokens::read(&token, 6, 1_000),
            Err(TokenRefused::OtherRequest)
        );
        assert_eq!(
            PageTokens::read("bm90IGEgdG9rZW4", 5, 1_000),
            Err(TokenRefused::Forged)
        );
        assert_eq!(PageTokens::page_of(&token), Some(3));
        assert_ne!(tokens.issue(start, 5, 1_000), token);
    }
}

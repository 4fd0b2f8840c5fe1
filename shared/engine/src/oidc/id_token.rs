//! Id tokens (OpenID Connect Core section 2): who signed in, said to one application, for now.

use super::claims::Claims;
use super::signing::{self, Signer, SigningError};
use crate::ephemeral::Place;
use crate::error::Error;
use crate::ports::{Clock, Random, Store};
use crate::settings::PublicUrl;
use crate::signin::Method;
use crate::signin::sessions::Session;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mapping::ids::ClientId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How long an id token is valid, in seconds: as long as the access token beside it.
pub(super) const VALID_S: i64 = 600;

/// The type of an id token, in its header. A logout token has another, so neither is taken for the
/// other.
const TYPE: &str = "JWT";

/// What an id token is made from, besides the person.
#[derive(Clone, Copy, Debug)]
pub(super) struct Issuing<'a> {
    pub(super) issuer: &'a PublicUrl,
    pub(super) client: &'a ClientId,
    pub(super) session: &'a Session,
    pub(super) sid: Place,
    /// Absent in an id token that a refresh brings (OpenID Connect Core section 12.2).
    pub(super) nonce: Option<&'a str>,
    pub(super) access_token: &'a str,
}

#[derive(Serialize)]
struct Token<'a> {
    iss: String,
    aud: &'a str,
    exp: i64,
    iat: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    sid: String,
    amr: [&'static str; 1],
    at_hash: String,
    #[serde(flatten)]
    claims: &'a Claims,
}

/// Makes and signs an id token.
pub(super) fn issue(
    ports: &(impl Clock + Random),
    signer: &Signer,
    issuing: &Issuing<'_>,
    claims: &Claims,
) -> Result<String, SigningError> {
    let iat = ports.now().as_second();
    let token = Token {
        iss: issuing.issuer.at(""),
        aud: issuing.client.as_str(),
        exp: iat.saturating_add(VALID_S),
        iat,
        auth_time: issuing.session.at_ms.div_euclid(1_000),
        nonce: issuing.nonce,
        sid: issuing.sid.to_string(),
        amr: [amr(issuing.session.method)],
        at_hash: half_digest(issuing.access_token),
        claims,
    };
    signer.sign(ports, TYPE, &token)
}

/// How somebody signed in: `pwd` is of RFC 8176, which has no names for what other providers did.
fn amr(method: Method) -> &'static str {
    match method {
        Method::Password => "pwd",
        Method::Classlink | Method::Clever | Method::Google => method.as_str(),
    }
}

/// The left half of a digest (OpenID Connect Core section 3.1.3.6).
fn half_digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let half: Vec<u8> = digest.iter().copied().take(16).collect();
    URL_SAFE_NO_PAD.encode(half)
}

/// What an application shows us of an id token that it got: who it was about, and for whom.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(super) struct Hint {
    iss: String,
    /// The client it was issued to.
    pub(super) aud: String,
    /// The account.
    pub(super) sub: String,
}

/// Reads an id token that we issued, however long ago. `None` when it is not one.
pub(super) async fn read_hint(
    ports: &(impl Store + Clock),
    issuer: &PublicUrl,
    token: &str,
) -> Result<Option<Hint>, Error> {
    let hint: Option<Hint> = signing::verify(ports, TYPE, token).await?;
    Ok(hint.filter(|hint| hint.iss == issuer.at("")))
}

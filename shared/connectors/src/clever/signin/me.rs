//! Whose token it is (PROVIDERS 4.2).

use super::success;
use crate::clever::objects::{Record, external_id};
use crate::clever::wire::{self, Field, Text};
use crate::signin::SignInError;
use bytes::Bytes;
use http::Response;
use mapping::ids::ExternalId;
use serde::Deserialize;

/// Whose token it is. The `type` beside them is always `user` and says nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Me {
    /// Clever's id of the person, the one that rosters have too.
    pub user_id: ExternalId,
    /// Clever's id of the district.
    pub district: ExternalId,
}

#[derive(Deserialize)]
struct RawMe<'a> {
    #[serde(borrow, default)]
    id: Field<Text<'a>>,
    #[serde(borrow, default)]
    district: Field<Text<'a>>,
}

impl<'a> Record<'a> for RawMe<'a> {
    fn id(&self) -> &Field<Text<'a>> {
        &self.id
    }
}

/// Reads the answer to [`super::me_request`].
pub fn parse_me(response: &Response<Bytes>) -> Result<Me, SignInError> {
    let text = wire::text(success(response)?);
    let malformed = |_| SignInError::Malformed;
    let me: RawMe<'_> = wire::parse_envelope(&text).map_err(|_| SignInError::Malformed)?;
    Ok(Me {
        user_id: external_id(me.id()).map_err(malformed)?,
        district: external_id(&me.district).map_err(malformed)?,
    })
}

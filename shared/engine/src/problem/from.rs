//! Which refusal each typed error is.

use super::{FieldError, Kind, Problem};
use crate::access::AccessError;
use crate::by_hand::RefusedByHand;
use crate::connections::{ConnectionError, PutError, TestError, TokenFailure};
use crate::guarding::GuardError;
use crate::history::HistoryError;
use crate::holding::HoldError;
use crate::oidc::clients::ClientError;
use crate::oidc::signing::SigningError;
use crate::organizations::OrganizationError;
use crate::resolutions::ResolutionError;
use crate::rules::RulesError;
use crate::seal::SealError;
use crate::signin::accounts::AccountError;
use crate::signin::districts::DistrictsError;
use crate::signin::settings::SettingsError;
use crate::tenants::TenantError;
use crate::uploads::{BytesError, CredentialError, DecisionError, UploadError};
use crate::webhooks::WebhookError;
use mapping::plan::ByHandError;
use mapping::rules::EditError;

impl From<SealError> for Problem {
    fn from(error: SealError) -> Self {
        match error {
            SealError::UnknownKey { .. } => Problem::new(Kind::Unavailable, error.to_string()),
            SealError::Damaged { .. } | SealError::Refused { .. } => {
                Problem::new(Kind::Internal, error.to_string())
            }
        }
    }
}

impl From<SigningError> for Problem {
    fn from(error: SigningError) -> Self {
        match error {
            SigningError::Engine(error) => error.into(),
            SigningError::Key(_) => Problem::new(Kind::Internal, error.to_string()),
            SigningError::Seal(error) => error.into(),
        }
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Changed => Problem::new(Kind::PreconditionFailed, error.to_string()),
            ClientError::Invalid { field, reason } => Problem::field(field, reason),
            ClientError::NotFound => Problem::not_found(),
            ClientError::Public | ClientError::TooMany => {
                Problem::new(Kind::Conflict, error.to_string())
            }
            ClientError::Engine(error) => error.into(),
        }
    }
}

impl From<TenantError> for Problem {
    fn from(error: TenantError) -> Self {
        match error {
            TenantError::Changed => Problem::new(Kind::PreconditionFailed, error.to_string()),
            TenantError::Exists => Problem::new(Kind::Conflict, error.to_string()),
            TenantError::Invalid { field, reason } => Problem::field(field, reason),
            TenantError::NotFound => Problem::not_found(),
            TenantError::Engine(error) => error.into(),
        }
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Missing | AccessError::Unknown => {
                Problem::new(Kind::Unauthorized, error.to_string())
            }
            AccessError::Label(reason) => Problem::field("label", reason),
            AccessError::TooMany => Problem::new(Kind::Conflict, error.to_string()),
            AccessError::NotFound => Problem::not_found(),
            AccessError::Engine(error) => error.into(),
        }
    }
}

impl From<OrganizationError> for Problem {
    fn from(error: OrganizationError) -> Self {
        match error {
            OrganizationError::Changed => Problem::new(Kind::PreconditionFailed, error.to_string()),
            OrganizationError::Exists { .. }
            | OrganizationError::InUse { .. }
            | OrganizationError::TooMany => Problem::new(Kind::Conflict, error.to_string()),
            OrganizationError::Name(reason) => Problem::field("name", reason),
            OrganizationError::NotFound => Problem::not_found(),
            OrganizationError::Engine(error) => error.into(),
        }
    }
}

impl From<HoldError> for Problem {
    fn from(error: HoldError) -> Self {
        match error {
            HoldError::Busy
            | HoldError::NotHeld(_)
            | HoldError::Stale { .. }
            | HoldError::Superseded(_) => Problem::new(Kind::Conflict, error.to_string()),
            HoldError::NotFound => Problem::not_found(),
            HoldError::Engine(error) => error.into(),
        }
    }
}

impl From<GuardError> for Problem {
    fn from(error: GuardError) -> Self {
        match error {
            GuardError::Changed => Problem::new(Kind::PreconditionFailed, error.to_string()),
            GuardError::Invalid { field, reason } => Problem::field(field, reason),
            GuardError::Engine(error) => error.into(),
        }
    }
}

impl From<RefusedByHand> for Problem {
    fn from(error: RefusedByHand) -> Self {
        match error {
            RefusedByHand::ByHand(ByHandError::Invalid { field, reason }) => {
                Problem::field(field, reason)
            }
            RefusedByHand::Busy
            | RefusedByHand::ByHand(_)
            | RefusedByHand::Later { .. }
            | RefusedByHand::TooOld(_) => Problem::new(Kind::Conflict, error.to_string()),
            RefusedByHand::NotFound => Problem::not_found(),
            RefusedByHand::Engine(error) => error.into(),
        }
    }
}

impl From<ConnectionError> for Problem {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Changed => Problem::new(Kind::PreconditionFailed, error.to_string()),
            ConnectionError::Exists
            | ConnectionError::State(_)
            | ConnectionError::Taken
            | ConnectionError::TooMany => Problem::new(Kind::Conflict, error.to_string()),
            ConnectionError::Operators(field) => Problem {
                errors: vec![FieldError {
                    field: field.to_owned(),
                    detail: "is the operator's to set".to_owned(),
                }],
                ..Problem::new(Kind::Forbidden, error.to_string())
            },
            ConnectionError::Invalid { field, reason } => Problem::field(field, reason),
            ConnectionError::NotAvailable(_) => Problem {
                kind: Kind::NotImplemented,
                errors: vec![FieldError {
                    field: "mode".to_owned(),
                    detail: error.to_string(),
                }],
                ..Problem::new(Kind::NotImplemented, error.to_string())
            },
            ConnectionError::NotFound => Problem::not_found(),
            ConnectionError::Engine(error) => error.into(),
        }
    }
}

impl From<PutError> for Problem {
    fn from(error: PutError) -> Self {
        match error {
            PutError::Connection(error) => error.into(),
            PutError::Seal(error) => error.into(),
            PutError::Engine(error) => error.into(),
        }
    }
}

impl From<TokenFailure> for Problem {
    fn from(error: TokenFailure) -> Self {
        match error {
            TokenFailure::Blocked(_)
            | TokenFailure::NotAuthorized(_)
            | TokenFailure::Policy(_)
            | TokenFailure::ReconnectNeeded { .. } => {
                Problem::new(Kind::Conflict, error.to_string())
            }
            TokenFailure::Operator(_) => Problem::new(Kind::Unavailable, error.to_string()),
            TokenFailure::Provider(_) => Problem::new(Kind::Provider, error.to_string()),
            TokenFailure::Seal(error) => error.into(),
            TokenFailure::Engine(error) => error.into(),
        }
    }
}

impl From<TestError> for Problem {
    fn from(error: TestError) -> Self {
        match error {
            TestError::Connection(error) => error.into(),
            TestError::Provider(reason) => Problem::new(Kind::Provider, reason),
            TestError::Token(error) => error.into(),
        }
    }
}

impl From<RulesError> for Problem {
    fn from(error: RulesError) -> Self {
        match error {
            RulesError::Changed => Problem::new(Kind::PreconditionFailed, error.to_string()),
            RulesError::Edit(error) => error.into(),
            RulesError::Organization(error) => error.into(),
            RulesError::UnknownOrganization { .. } => {
                Problem::field("organization", error.to_string())
            }
            RulesError::NotFound => Problem::not_found(),
            RulesError::Engine(error) => error.into(),
        }
    }
}

impl From<EditError> for Problem {
    fn from(error: EditError) -> Self {
        let detail = error.to_string();
        let field = match error {
            EditError::Unknown { .. } => return Problem::new(Kind::NotFound, detail),
            EditError::DefaultFixed { .. } | EditError::Large | EditError::TooMany => {
                return Problem::new(Kind::Conflict, detail);
            }
            EditError::Expression { .. } => "expression",
            EditError::DuplicateId { .. } => "id",
            EditError::UnitPath { .. } => "unit.path",
            EditError::NotPermutation => "order",
            EditError::NoFilter { .. } => "filters",
            EditError::Length { field, .. } => field,
            EditError::SchoolTwice { .. } => "school",
            EditError::DefaultMissing { .. } => "",
        };
        Problem::field(field, detail)
    }
}

impl From<ResolutionError> for Problem {
    fn from(error: ResolutionError) -> Self {
        match error {
            ResolutionError::Changed | ResolutionError::TooMany => {
                Problem::new(Kind::Conflict, error.to_string())
            }
            ResolutionError::NoAccount => Problem::field("account", error.to_string()),
            ResolutionError::NotFound => Problem::new(Kind::NotFound, error.to_string()),
            ResolutionError::Engine(error) => error.into(),
        }
    }
}

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Busy => Problem::new(Kind::Conflict, error.to_string()),
            UploadError::Bytes(error) => error.into(),
            UploadError::Connection(_) | UploadError::NoConnection => {
                Problem::field("connection", error.to_string())
            }
            UploadError::Kind(_) => Problem::field("file", error.to_string()),
            UploadError::Large => Problem::new(Kind::TooLarge, error.to_string()),
            UploadError::NoRole => Problem::field("role", error.to_string()),
            UploadError::Engine(error) => error.into(),
        }
    }
}

impl From<BytesError> for Problem {
    fn from(error: BytesError) -> Self {
        match error {
            BytesError::Engine(error) => error.into(),
            BytesError::Seal(error) => error.into(),
        }
    }
}

impl From<DecisionError> for Problem {
    fn from(error: DecisionError) -> Self {
        match error {
            DecisionError::BadRows { .. }
            | DecisionError::Busy
            | DecisionError::Guard
            | DecisionError::State(_) => Problem::new(Kind::Conflict, error.to_string()),
            DecisionError::NotFound => Problem::not_found(),
            DecisionError::Engine(error) => error.into(),
        }
    }
}

impl From<CredentialError> for Problem {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::None => Problem::new(Kind::NotFound, error.to_string()),
            CredentialError::NotReady | CredentialError::Taken => {
                Problem::new(Kind::Conflict, error.to_string())
            }
            CredentialError::Seal(error) => error.into(),
            CredentialError::Engine(error) => error.into(),
        }
    }
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::Header(_) | WebhookError::Signature | WebhookError::Stale => {
                Problem::new(Kind::Unauthorized, error.to_string())
            }
            WebhookError::Large => Problem::new(Kind::TooLarge, error.to_string()),
            WebhookError::Replayed => Problem::new(Kind::Conflict, error.to_string()),
            WebhookError::Seal(error) => error.into(),
            WebhookError::Engine(error) => error.into(),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Deleted | AccountError::NoPerson | AccountError::Provider => {
                Problem::new(Kind::Conflict, error.to_string())
            }
            AccountError::NotFound => Problem::not_found(),
            AccountError::Unknown => Problem::field("account", error.to_string()),
            AccountError::Engine(error) => error.into(),
        }
    }
}

impl From<SettingsError> for Problem {
    fn from(error: SettingsError) -> Self {
        match error {
            SettingsError::Changed => Problem::new(Kind::PreconditionFailed, error.to_string()),
            SettingsError::Invalid { field, reason } => Problem::field(field, reason),
            SettingsError::Engine(error) => error.into(),
        }
    }
}

impl From<DistrictsError> for Problem {
    fn from(error: DistrictsError) -> Self {
        match error {
            DistrictsError::Changed => Problem::new(Kind::PreconditionFailed, error.to_string()),
            DistrictsError::Taken(_) | DistrictsError::TooMany => {
                Problem::new(Kind::Conflict, error.to_string())
            }
            DistrictsError::Engine(error) => error.into(),
        }
    }
}

impl From<HistoryError> for Problem {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Cursor => Problem {
                kind: Kind::BadRequest,
                ..Problem::field("cursor", error.to_string())
            },
            HistoryError::Engine(error) => error.into(),
        }
    }
}

impl From<crate::authorize::AuthorizeError> for Problem {
    fn from(error: crate::authorize::AuthorizeError) -> Self {
        use crate::authorize::AuthorizeError as E;
        let detail = error.to_string();
        let kind = match error {
            E::Connection(error) => return error.into(),
            E::Engine(error) | E::Identity(crate::authorize::IdentityError::Engine(error)) => {
                return error.into();
            }
            E::Seal(error) => return error.into(),
            E::State | E::Callback(_) => Kind::BadRequest,
            E::Browser | E::Identity(_) | E::MissingScopes(_) | E::NoRefreshToken => {
                Kind::Forbidden
            }
            E::Token(_) | E::Unreachable => Kind::Provider,
        };
        Problem::new(kind, detail)
    }
}

impl From<mapping::ids::IdError> for Problem {
    fn from(error: mapping::ids::IdError) -> Self {
        Problem::field("id", error.to_string())
    }
}

impl From<crate::slices::CallError> for Problem {
    fn from(error: crate::slices::CallError) -> Self {
        Problem::new(Kind::Unavailable, error.to_string())
    }
}

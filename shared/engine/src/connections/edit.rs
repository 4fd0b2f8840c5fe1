//! Making connections and editing their settings.

use super::{
    CONNECTIONS_MAX, Change, Connection, ConnectionError, ConnectionSettings, Domain, Provider,
    State, SyncMode, modify, read,
};
use crate::audit::{self, Action, Actor};
use crate::error::Error;
use crate::keys;
use crate::log::Log;
use crate::ports::{Clock, Random, Store};
use crate::{secrets, tenants, versioned};
use mapping::ids::{ConnectionId, TenantId};
use serde::Deserialize;

/// What a new connection is made from.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct NewConnection {
    /// Its id; a random one when absent. Give one to be able to repeat the request.
    #[serde(default)]
    pub id: Option<ConnectionId>,
    /// Who is at the other end.
    pub provider: Provider,
    /// What people call it; the domain when absent.
    #[serde(default)]
    pub name: Option<String>,
    /// The district's domain.
    pub domain: Domain,
    /// Which way people flow; only `import` is available yet.
    pub mode: SyncMode,
}

/// A change of settings; what is absent stays.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// New name.
    #[serde(default)]
    pub name: Option<String>,
    /// New domain; only before authorising or after revoking.
    #[serde(default)]
    pub domain: Option<Domain>,
    /// New mode.
    #[serde(default)]
    pub mode: Option<SyncMode>,
}

/// Makes a connection. With an id given, doing it again returns the one there is; the flag says
/// whether it is new.
pub async fn create(
    ports: &(impl Store + Clock + Random),
    who: &Actor,
    tenant: &TenantId,
    new: NewConnection,
) -> Result<(Connection, bool), ConnectionError> {
    check_mode(new.mode)?;
    let settings = ConnectionSettings {
        name: check_name(new.name.as_deref().unwrap_or(new.domain.as_str()))?,
        domain: new.domain,
        mode: new.mode,
    };
    let id = match new.id {
        // Its address would be that of the order of connections.
        Some(id) if id.as_str() == "order" => {
            let reason = "order is not an id of a connection".to_owned();
            return Err(ConnectionError::Invalid {
                field: "id",
                reason,
            });
        }
        Some(id) => id,
        None => random_id(ports)?,
    };
    if let Some(known) = read(ports, tenant, &id).await? {
        let same = known.settings == settings;
        return same
            .then_some((known, false))
            .ok_or(ConnectionError::Exists);
    }
    let list = Log::new(keys::connections(tenant));
    if list.count(ports).await.map_err(Error::from)? >= CONNECTIONS_MAX {
        return Err(ConnectionError::TooMany);
    }
    let key = keys::connection(tenant, &id);
    versioned::claim_newest(ports, &key, 0).await?;
    list.append(ports, &id).await.map_err(Error::from)?;
    let connection = Connection {
        id,
        provider: new.provider,
        state: State::Draft,
        settings,
        draft: None,
        authorization: None,
        attention: None,
        last_test: None,
        created_at_ms: ports.now().as_millisecond(),
    };
    let what = Action::ConnectionCreated;
    audit::record(ports, tenant, who, what, connection.id.as_str()).await?;
    let written = versioned::write(ports, &key, 0, connection).await?;
    Ok((written.value, true))
}

/// Edits the settings without putting them to use.
pub async fn edit(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    id: &ConnectionId,
    edit: &Edit,
) -> Result<Connection, ConnectionError> {
    modify(
        ports,
        tenant,
        id,
        (who, Action::ConnectionEdited),
        |connection| {
            let mut draft = connection
                .draft
                .clone()
                .unwrap_or_else(|| connection.settings.clone());
            apply(&mut draft, edit)?;
            let is_held = matches!(
                connection.state,
                State::Active | State::Authorized | State::ReconnectNeeded
            );
            if is_held && draft.domain != connection.settings.domain {
                return Err(ConnectionError::State(
                    "the domain of an authorised connection can't be changed: revoke it first"
                        .to_owned(),
                ));
            }
            let next = (draft != connection.settings).then_some(draft);
            if next == connection.draft {
                return Ok(Change::Nothing);
            }
            connection.draft = next;
            Ok(Change::Write)
        },
    )
    .await
}

/// Puts edits to use, and an authorised connection into service.
pub async fn save(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    id: &ConnectionId,
) -> Result<Connection, ConnectionError> {
    let change = (who, Action::ConnectionSaved);
    modify(ports, tenant, id, change, |connection| {
        let before = connection.clone();
        if let Some(draft) = connection.draft.take() {
            connection.settings = draft;
        }
        if connection.state == State::Authorized {
            check_tested(connection)?;
            connection.state = State::Active;
        }
        Ok(written_if(*connection != before))
    })
    .await
}

/// Throws unsaved edits away.
pub async fn discard(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    id: &ConnectionId,
) -> Result<Connection, ConnectionError> {
    let change = (who, Action::ConnectionDiscarded);
    modify(ports, tenant, id, change, |connection| {
        Ok(written_if(connection.draft.take().is_some()))
    })
    .await
}

fn written_if(changed: bool) -> Change {
    if changed {
        Change::Write
    } else {
        Change::Nothing
    }
}

fn check_tested(connection: &Connection) -> Result<(), ConnectionError> {
    let reason = match &connection.last_test {
        Some(test) if test.passed => return Ok(()),
        Some(test) => format!(
            "the connection test found something missing: {}",
            test.missing.join("; ")
        ),
        None => "the connection was not tested yet: test it first".to_owned(),
    };
    Err(ConnectionError::State(reason))
}

fn apply(settings: &mut ConnectionSettings, edit: &Edit) -> Result<(), ConnectionError> {
    if let Some(name) = &edit.name {
        settings.name = check_name(name)?;
    }
    if let Some(domain) = &edit.domain {
        settings.domain = domain.clone();
    }
    if let Some(mode) = edit.mode {
        check_mode(mode)?;
        settings.mode = mode;
    }
    Ok(())
}

fn check_mode(mode: SyncMode) -> Result<(), ConnectionError> {
    match mode {
        SyncMode::Import => Ok(()),
        SyncMode::Export => Err(ConnectionError::NotAvailable("export")),
        SyncMode::ImportExport => Err(ConnectionError::NotAvailable("import_export")),
    }
}

fn check_name(name: &str) -> Result<String, ConnectionError> {
    tenants::check_name("name", name).map_err(|error| match error {
        tenants::TenantError::Invalid { field, reason } => {
            ConnectionError::Invalid { field, reason }
        }
        tenants::TenantError::Engine(error) => ConnectionError::Engine(error),
        tenants::TenantError::Changed
        | tenants::TenantError::Exists
        | tenants::TenantError::NotFound => ConnectionError::Changed,
    })
}

fn random_id(random: &impl Random) -> Result<ConnectionId, ConnectionError> {
    ConnectionId::parse(secrets::random_id(random, "con")).map_err(|error| {
        ConnectionError::Invalid {
            field: "id",
            reason: error.to_string(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connections::{TestReport, list};
    use crate::memory::{MemoryPorts, block_on};

    fn new(mode: &str) -> NewConnection {
        serde_json::from_value(serde_json::json!({
            "id": "google", "provider": "google", "domain": "maplegrove.example", "mode": mode,
        }))
        .unwrap()
    }

    fn tenant() -> TenantId {
        TenantId::parse("maple").unwrap()
    }

    #[test]
    fn a_mode_that_is_not_available_is_refused_and_nothing_is_written() {
        let ports = MemoryPorts::new();
        for mode in ["export", "import_export"] {
            let refused = block_on(create(&ports, &Actor::Operator, &tenant(), new(mode)));
            assert!(matches!(refused, Err(ConnectionError::NotAvailable(name)) if name == mode));
        }
        assert!(ports.dump().is_empty());
    }

    #[test]
    fn edits_stay_beside_the_settings_until_saved_or_discarded() {
        let ports = MemoryPorts::new();
        let (who, tenant) = (Actor::Operator, tenant());
        block_on(async {
            let (made, _) = create(&ports, &who, &tenant, new("import")).await.unwrap();
            let change: Edit = serde_json::from_str(r#"{"name":"Main"}"#).unwrap();
            let edited = edit(&ports, &who, &tenant, &made.id, &change)
                .await
                .unwrap();
            assert_eq!(edited.settings, made.settings);
            assert_eq!(edited.draft.unwrap().name, "Main");
            let discarded = discard(&ports, &who, &tenant, &made.id).await.unwrap();
            assert_eq!(discarded, made);
            edit(&ports, &who, &tenant, &made.id, &change)
                .await
                .unwrap();
            let saved = save(&ports, &who, &tenant, &made.id).await.unwrap();
            assert_eq!(saved.settings.name, "Main");
            assert_eq!((saved.draft, saved.state), (None, State::Draft));
        });
    }

    #[test]
    fn an_authorised_connection_goes_into_service_only_after_a_passed_test() {
        let ports = MemoryPorts::new();
        let (who, tenant) = (Actor::Operator, tenant());
        let report = |passed| TestReport {
            at_ms: 0,
            passed,
            missing: vec!["Users > Read".to_owned()],
        };
        block_on(async {
            let (made, _) = create(&ports, &who, &tenant, new("import")).await.unwrap();
            let what = (&who, Action::ConnectionAuthorized);
            let set = |test: Option<TestReport>| {
                modify(&ports, &tenant, &made.id, what, move |connection| {
                    connection.state = State::Authorized;
                    connection.last_test.clone_from(&test);
                    Ok(Change::Write)
                })
            };
            for test in [None, Some(report(false))] {
                set(test).await.unwrap();
                let refused = save(&ports, &who, &tenant, &made.id).await;
                assert!(matches!(refused, Err(ConnectionError::State(_))));
            }
            set(Some(report(true))).await.unwrap();
            let saved = save(&ports, &who, &tenant, &made.id).await.unwrap();
            assert!(saved.is_active());
            let moved: Edit = serde_json::from_str(r#"{"domain":"other.example"}"#).unwrap();
            let refused = edit(&ports, &who, &tenant, &made.id, &moved).await;
            assert!(matches!(refused, Err(ConnectionError::State(_))));
        });
    }

    #[test]
    fn making_a_connection_again_gives_the_same_one() {
        let ports = MemoryPorts::new();
        let (who, tenant) = (Actor::Operator, tenant());
        block_on(async {
            let (made, is_new) = create(&ports, &who, &tenant, new("import")).await.unwrap();
            assert!(is_new);
            let (again, is_new) = create(&ports, &who, &tenant, new("import")).await.unwrap();
            assert_eq!((again, is_new), (made.clone(), false));
            assert_eq!(list(&ports, &tenant).await.unwrap(), [made]);
        });
    }
}

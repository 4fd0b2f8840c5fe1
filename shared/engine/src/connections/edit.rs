//! Making connections and editing their settings.

use super::districts::{self, named};
use super::{
    CONNECTIONS_MAX, Change, CleverEdit, CleverSettings, Connection, ConnectionError,
    ConnectionSettings, Domain, Extent, ExtentEdit, Holder, OneRosterEdit, OneRosterSettings,
    Provider, Source, State, SyncMode, modify, read,
};
use crate::audit::{self, Action, Actor};
use crate::error::Error;
use crate::keys;
use crate::log::Log;
use crate::ports::{Clock, Random, Store};
use crate::{rules, secrets, tenants, versioned};
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
    /// What people call it; the domain, or the provider, when absent.
    #[serde(default)]
    pub name: Option<String>,
    /// The district's domain at Google.
    #[serde(default)]
    pub domain: Option<Domain>,
    /// For Clever.
    #[serde(default)]
    pub clever: Option<CleverEdit>,
    /// For files.
    #[serde(default)]
    pub csv: Option<ExtentEdit>,
    /// For OneRoster; with the way to the server.
    #[serde(default)]
    pub oneroster: Option<OneRosterEdit>,
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
    /// For Clever.
    #[serde(default)]
    pub clever: Option<CleverEdit>,
    /// For files.
    #[serde(default)]
    pub csv: Option<ExtentEdit>,
    /// For OneRoster. Where it leads can be changed before the test or after revoking.
    #[serde(default)]
    pub oneroster: Option<OneRosterEdit>,
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
    let settings = settings_of(&new)?;
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
    let connection = Connection {
        id,
        provider: new.provider,
        state: State::Draft,
        settings,
        draft: None,
        authorization: None,
        attention: None,
        credentials: None,
        last_test: None,
        created_at_ms: ports.now().as_millisecond(),
    };
    check_district(who, &connection.settings.source, None)?;
    let key = keys::connection(tenant, &connection.id);
    let holder = Holder {
        tenant: tenant.clone(),
        connection: connection.id.clone(),
    };
    for district in named(&connection) {
        districts::claim(ports, &district, &holder).await?;
    }
    versioned::claim_newest(ports, &key, 0).await?;
    list.append(ports, &connection.id)
        .await
        .map_err(Error::from)?;
    let what = Action::ConnectionCreated;
    audit::record(ports, tenant, who, what, connection.id.as_str()).await?;
    if connection.provider != Provider::Google {
        // Such a source states schools and roles itself, and what it shares is meant to be taken.
        rules::begin(ports, tenant, &connection.id).await?;
    }
    let written = versioned::write(ports, &key, 0, connection).await?;
    Ok((written.value, true))
}

/// The settings of a new connection.
fn settings_of(new: &NewConnection) -> Result<ConnectionSettings, ConnectionError> {
    check_mode(new.mode)?;
    let mut source = match new.provider {
        Provider::Clever => Source::Clever(CleverSettings::default()),
        Provider::Csv => Source::Csv(Extent::default()),
        Provider::Google => {
            let domain = new.domain.clone();
            Source::Google(domain.ok_or_else(|| invalid("domain", "is needed for Google"))?)
        }
        Provider::Oneroster => {
            let edit = new.oneroster.as_ref();
            let way = edit.and_then(|edit| edit.way.clone());
            Source::Oneroster(OneRosterSettings {
                version: edit.and_then(|edit| edit.version).unwrap_or_default(),
                way: way.ok_or_else(|| invalid("oneroster.way", "is needed"))?,
                extent: Extent::default(),
            })
        }
    };
    let edits = (&new.domain, &new.clever, &new.csv, &new.oneroster);
    apply_to_source(&mut source, edits)?;
    let name = match (&new.name, &source) {
        (Some(name), _) => name.as_str(),
        (None, Source::Google(domain)) => domain.as_str(),
        (None, _) => new.provider.title(),
    };
    Ok(ConnectionSettings {
        name: check_name(name)?,
        source,
        mode: new.mode,
    })
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
            let before = draft.source.clone();
            apply(&mut draft, edit)?;
            check_district(who, &draft.source, Some(&before))?;
            let settings = &connection.settings;
            if connection.is_held() && draft.source.leads_elsewhere(&settings.source) {
                let reason = match settings.source {
                    Source::Google(_) => {
                        "the domain of an authorised connection can't be changed: revoke it first"
                    }
                    Source::Clever(_) | Source::Csv(_) | Source::Oneroster(_) => {
                        "where a tested connection leads can't be changed: revoke it first"
                    }
                };
                return Err(ConnectionError::State(reason.to_owned()));
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
            if connection.is_held() && draft.source.leads_elsewhere(&connection.settings.source) {
                return Err(ConnectionError::State(
                    "the unsaved changes lead elsewhere than where the connection was tested: \
                     discard them, or revoke the connection first"
                        .to_owned(),
                ));
            }
            connection.settings = draft;
        }
        match (connection.state, connection.provider) {
            (State::Authorized, _) => {
                check_tested(connection)?;
                connection.state = State::Active;
            }
            // There is nothing to authorise.
            (State::Draft | State::Revoked, Provider::Csv) => connection.state = State::Active,
            _ => {}
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
    let edits = (&edit.domain, &edit.clever, &edit.csv, &edit.oneroster);
    apply_to_source(&mut settings.source, edits)?;
    if let Some(mode) = edit.mode {
        check_mode(mode)?;
        settings.mode = mode;
    }
    Ok(())
}

/// Applies what is for the provider; what is for another one is a mistake.
fn apply_to_source(
    source: &mut Source,
    (domain, clever, csv, oneroster): (
        &Option<Domain>,
        &Option<CleverEdit>,
        &Option<ExtentEdit>,
        &Option<OneRosterEdit>,
    ),
) -> Result<(), ConnectionError> {
    let foreign = |field| Err(invalid(field, "is for connections of another provider"));
    match (source.provider(), domain, clever, csv, oneroster) {
        (Provider::Clever | Provider::Csv | Provider::Oneroster, Some(_), ..) => {
            return foreign("domain");
        }
        (Provider::Csv | Provider::Google | Provider::Oneroster, _, Some(_), ..) => {
            return foreign("clever");
        }
        (Provider::Clever | Provider::Google | Provider::Oneroster, _, _, Some(_), _) => {
            return foreign("csv");
        }
        (Provider::Clever | Provider::Csv | Provider::Google, _, _, _, Some(_)) => {
            return foreign("oneroster");
        }
        _ => {}
    }
    match source {
        Source::Clever(settings) => clever.iter().try_for_each(|edit| edit.apply(settings)),
        Source::Csv(extent) => csv.iter().try_for_each(|edit| edit.apply(extent)),
        Source::Google(known) => {
            if let Some(domain) = domain {
                known.clone_from(domain);
            }
            Ok(())
        }
        Source::Oneroster(settings) => oneroster.iter().try_for_each(|edit| edit.apply(settings)),
    }
}

/// Refuses a district from anybody but the operator. Taking it away is anybody's right.
fn check_district(
    who: &Actor,
    source: &Source,
    before: Option<&Source>,
) -> Result<(), ConnectionError> {
    let district = source.district();
    let is_set = district.is_some() && district != before.and_then(Source::district);
    if !is_set || *who == Actor::Operator {
        return Ok(());
    }
    Err(ConnectionError::Operators(match source {
        Source::Oneroster(_) => "oneroster.way.tenant",
        Source::Clever(_) | Source::Csv(_) | Source::Google(_) => "clever.district",
    }))
}

fn invalid(field: &'static str, reason: &str) -> ConnectionError {
    ConnectionError::Invalid {
        field,
        reason: reason.to_owned(),
    }
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
            notes: Vec::new(),
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

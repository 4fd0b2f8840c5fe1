//! A whole application in memory, for tests of the engine: one tenant, one Google connection, the
//! doors of all components behind their names, and a Google that answers the requests of the
//! connector from a list of people.

mod attention;
mod by_hand;
mod classes;
mod google;
mod held;
mod looks;
mod pushes;
mod receiver;
mod runs;
mod script;
mod series;
mod sleepers;
mod uploads;

use crate::audit::{Action, Actor};
use crate::connections::{self, Change, KeptTokens, NewConnection, Provider, State, SyncMode};
use crate::doors;
use crate::doors::nudge::Delivery;
use crate::error::Error;
use crate::hints;
use crate::keys;
use crate::large;
use crate::memory::{MemoryPorts, block_on};
use crate::ports::{Clock, Store, TransportError};
use crate::record;
use crate::roster::Reader;
use crate::runs::{self as engine_runs, Lane, Run, Trigger, TriggerKind};
use crate::settings;
use crate::tenants::{self, NewTenant};
use crate::tick;
use bytes::Bytes;
use connectors::fetch::Whom;
pub(crate) use google::{FakeChannel, FakeGoogle, FakeGroup, FakeUser};
use mapping::account::Account;
use mapping::ids::{ConnectionId, ExternalId, RunId, TenantId};
use mapping::rules::{AccountType, Assignment, DefaultIds, OrgUnitRef, RuleSet, Subject};
pub(crate) use receiver::FakeReceiver;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The application and its Google.
pub(crate) struct World {
    pub(crate) ports: MemoryPorts,
    pub(crate) google: Arc<Mutex<FakeGoogle>>,
    pub(crate) receiver: Arc<Mutex<FakeReceiver>>,
    pub(crate) tenant: TenantId,
    pub(crate) connection: ConnectionId,
}

impl World {
    /// A tenant with an active connection, and rules that make everybody below `/Students` a
    /// student and everybody below `/Staff` a teacher.
    pub(crate) fn new(users: Vec<FakeUser>) -> Self {
        let google = Arc::new(Mutex::new(FakeGoogle::new(users)));
        let receiver = Arc::new(Mutex::new(FakeReceiver::default()));
        let ports = answered_by(&MemoryPorts::new(), &google, &receiver);
        ports.set_now("2026-11-02T12:00:00Z".parse().unwrap());
        for (name, value) in [
            (
                "seal_keys",
                "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            ),
            ("public_url", "https://sync.example"),
            ("google_client_id", "rollcall.apps.googleusercontent.com"),
            ("google_client_secret", "a-secret-of-the-fake-google"),
        ] {
            ports.set_variable(name, value);
        }
        let tenant = TenantId::parse("maple-grove").unwrap();
        let connection = ConnectionId::parse("google").unwrap();
        let world = Self {
            ports,
            google,
            receiver,
            tenant,
            connection,
        };
        block_on(world.make_tenant());
        block_on(world.connect(&world.connection, "access"));
        world.set_usual_rules(&world.connection);
        world
    }

    /// Adds the connection `oak`, to the Google of another district with these people and the usual
    /// rules.
    pub(crate) fn connect_elsewhere(&self, users: Vec<FakeUser>) -> ConnectionId {
        let oak = ConnectionId::parse("oak").unwrap();
        self.google(|google| google.elsewhere = Some(Box::new(FakeGoogle::new(users))));
        block_on(self.connect(&oak, "elsewhere"));
        self.set_usual_rules(&oak);
        oak
    }

    fn set_usual_rules(&self, connection: &ConnectionId) {
        self.set_rules_of(connection, |rules| {
            for (id, path, account_type) in [
                ("students", "/Students", AccountType::Student),
                ("staff", "/Staff", AccountType::Teacher),
            ] {
                assign(rules, id, path, account_type);
            }
        });
    }

    /// A world of its own that is in the same state now.
    pub(crate) fn fork(&self) -> Self {
        let google = Arc::new(Mutex::new(self.google.lock().unwrap().clone()));
        let receiver = Arc::new(Mutex::new(self.receiver.lock().unwrap().clone()));
        Self {
            ports: answered_by(&self.ports.fork(), &google, &receiver),
            google,
            receiver,
            tenant: self.tenant.clone(),
            connection: self.connection.clone(),
        }
    }

    async fn make_tenant(&self) {
        let who = Actor::Operator;
        let new: NewTenant = serde_json::from_str(
            r#"{"id":"maple-grove","name":"Maple Grove","time_zone":"America/New_York"}"#,
        )
        .unwrap();
        tenants::create(&self.ports, &who, new).await.unwrap();
    }

    async fn connect(&self, connection: &ConnectionId, access: &str) {
        let who = Actor::Operator;
        let new = NewConnection {
            id: Some(connection.clone()),
            provider: Provider::Google,
            name: None,
            domain: Some(connections::Domain::parse("maplegrove.example").unwrap()),
            clever: None,
            csv: None,
            oneroster: None,
            mode: SyncMode::Import,
        };
        connections::create(&self.ports, &who, &self.tenant, new)
            .await
            .unwrap();
        let seal_keys = settings::seal_keys(&self.ports).await.unwrap();
        let tokens = KeptTokens {
            refresh_token: format!("refresh-{access}"),
            access_token: access.to_owned(),
            access_until_ms: i64::MAX,
        };
        connections::keep_tokens(&self.ports, &seal_keys, &self.tenant, connection, &tokens)
            .await
            .unwrap();
        let of = (&who, Action::ConnectionSaved);
        connections::modify(&self.ports, &self.tenant, connection, of, |connection| {
            connection.state = State::Active;
            Ok(Change::Write)
        })
        .await
        .unwrap();
    }

    /// Puts the connection into a state.
    pub(crate) fn set_state(&self, state: State) {
        self.set_state_of(&self.connection, state);
    }

    /// Puts a connection into a state.
    pub(crate) fn set_state_of(&self, connection: &ConnectionId, state: State) {
        let of = (&Actor::Operator, Action::ConnectionSaved);
        let change = |connection: &mut connections::Connection| {
            connection.state = state;
            Ok(Change::Write)
        };
        self.ports.advance(Duration::from_mins(1));
        let modified = connections::modify(&self.ports, &self.tenant, connection, of, change);
        block_on(modified).unwrap();
    }

    /// Sets the seasons in which no run is scheduled.
    pub(crate) fn set_pauses(&self, pauses: serde_json::Value) {
        block_on(async {
            let key = keys::tenant(&self.tenant);
            let stored: Option<serde_json::Value> = record::read(&self.ports, &key).await.unwrap();
            let mut stored = stored.unwrap();
            stored["value"]["pauses"] = pauses;
            record::write(&self.ports, &key, &stored).await.unwrap();
        });
    }

    /// Edits the connection's rules.
    pub(crate) fn set_rules(&self, edit: impl FnOnce(&mut RuleSet)) {
        self.set_rules_of(&self.connection, edit);
    }

    /// Edits a connection's rules.
    pub(crate) fn set_rules_of(&self, connection: &ConnectionId, edit: impl FnOnce(&mut RuleSet)) {
        block_on(async {
            let key = keys::rule_set(&self.tenant, connection);
            let mut rules: RuleSet = large::read(&self.ports, &key)
                .await
                .unwrap()
                .unwrap_or_default();
            edit(&mut rules);
            large::write(&self.ports, &key, &rules).await.unwrap();
        });
    }

    /// Changes the people whom Google has.
    pub(crate) fn google<T>(&self, change: impl FnOnce(&mut FakeGoogle) -> T) -> T {
        change(&mut self.google.lock().unwrap())
    }

    /// Asks for a run and ticks until it is finished.
    pub(crate) fn sync(&self) -> Run {
        self.run(Lane::Run)
    }

    /// Asks for a run or a preview and ticks until it is finished.
    pub(crate) fn run(&self, lane: Lane) -> Run {
        block_on(async {
            let trigger = Trigger {
                kind: TriggerKind::Api,
                by: "test".to_owned(),
            };
            let asked =
                engine_runs::request_in(&self.ports, &self.tenant, lane, trigger, None).await;
            let asked = asked.unwrap();
            self.tick_until_idle().await;
            engine_runs::read(&self.ports, &self.tenant, &asked.run)
                .await
                .unwrap()
                .unwrap()
        })
    }

    /// Hints at people by number and asks for a look at them; the look, finished.
    pub(crate) fn look_at(&self, numbers: &[usize]) -> Run {
        let whom = numbers.iter().map(|number| {
            let id = ExternalId::parse(format!("1{number:020}")).unwrap();
            Whom::Id(id)
        });
        self.look(whom.collect())
    }

    /// Hints at people and asks for a look at them; the look, finished.
    pub(crate) fn look(&self, whom: Vec<Whom>) -> Run {
        block_on(async {
            let asked = self.ask_for_look(whom).await.unwrap();
            self.tick_until_idle().await;
            engine_runs::read(&self.ports, &self.tenant, &asked)
                .await
                .unwrap()
                .unwrap()
        })
    }

    /// Hints at people and asks for a look at them.
    pub(crate) async fn ask_for_look(&self, whom: Vec<Whom>) -> Result<RunId, Error> {
        for whom in whom {
            hints::add(&self.ports, &self.tenant, &self.connection, &whom).await?;
        }
        let trigger = Trigger {
            kind: TriggerKind::Push,
            by: "push".to_owned(),
        };
        let asked = engine_runs::request_look(&self.ports, &self.tenant, trigger).await?;
        Ok(asked.run)
    }

    /// Ticks, the clock moving on, until no run is under way.
    pub(crate) async fn tick_until_idle(&self) {
        for _ in 0..500 {
            let report = tick::tick(&self.ports).await.unwrap();
            assert_eq!(report.failures, [], "a tick failed");
            let mut busy = report.more;
            for lane in Lane::ALL {
                busy |= engine_runs::has_work(&self.ports, &self.tenant, lane)
                    .await
                    .unwrap();
            }
            if !busy {
                return;
            }
            self.ports.advance(Duration::from_secs(10));
        }
        panic!("the run does not come to an end");
    }

    /// All accounts of the newest roster, by address.
    pub(crate) fn accounts(&self) -> BTreeMap<String, Account> {
        block_on(async {
            let reader = Reader::open(&self.ports, &self.tenant).await.unwrap();
            let mut all = BTreeMap::new();
            let mut cursor = None;
            loop {
                let page = reader
                    .accounts(&self.ports, cursor.as_deref(), 7)
                    .await
                    .unwrap();
                for account in page.0 {
                    let email = account.email.as_ref().map(ToString::to_string);
                    let known = all.insert(email.unwrap_or_default(), account);
                    assert!(known.is_none(), "an address has two accounts");
                }
                cursor = page.1;
                if cursor.is_none() {
                    return all;
                }
            }
        })
    }
}

/// The surroundings with the application's components and Google behind their names.
fn answered_by(
    ports: &MemoryPorts,
    google: &Arc<Mutex<FakeGoogle>>,
    receiver: &Arc<Mutex<FakeReceiver>>,
) -> MemoryPorts {
    let answering = (Arc::clone(google), Arc::clone(receiver));
    ports.with_handler(Arc::new(move |ports, request| {
        let (google, receiver) = answering.clone();
        Box::pin(async move { answer(ports, &google, &receiver, request).await })
    }))
}

/// Adds an assignment of an org unit with everything below it.
pub(crate) fn assign(rules: &mut RuleSet, id: &str, path: &str, account_type: AccountType) {
    let rule = |text: String| mapping::ids::RuleId::parse(text).unwrap();
    let assignment = Assignment {
        id: rule(id.to_owned()),
        subject: Subject::OrgUnit {
            unit: OrgUnitRef {
                id: None,
                path: path.to_owned(),
            },
            include_sub_units: true,
        },
        account_type,
        organization: None,
    };
    let ids = DefaultIds {
        filter: rule(format!("{id}-f")),
        mapping_set: rule(format!("{id}-s")),
    };
    rules.put_assignment(assignment, &ids).unwrap();
}

/// Answers a request as the component or the Google that it is for.
pub(crate) async fn answer(
    ports: MemoryPorts,
    google: &Arc<Mutex<FakeGoogle>>,
    receiver: &Arc<Mutex<FakeReceiver>>,
    request: http::Request<Bytes>,
) -> Result<http::Response<Bytes>, TransportError> {
    // A component whose process died answers nobody.
    if ports.exists("nothing").await.is_err() {
        return Err(TransportError::Failed);
    }
    match request.uri().host() {
        Some("fetch-csv.spin.internal") => Ok(doors::fetch_csv::handle(&ports, request).await),
        Some("fetch-google.spin.internal") => {
            Ok(doors::fetch_google::handle(&ports, request).await)
        }
        Some("oauth.spin.internal") => Ok(doors::oauth::handle(&ports, request).await),
        Some("roster.spin.internal") => Ok(doors::roster::handle(&ports, request).await),
        Some("watch-google.spin.internal") => {
            Ok(doors::watch_google::handle(&ports, request).await)
        }
        Some("alerts.spin.internal") => {
            let mut answer = doors::alerts::handle(&ports, request).await;
            // What the frame of a component does after the answer.
            if let Some(delivery) = answer.extensions_mut().remove::<Delivery>() {
                doors::alerts::handle(&ports, delivery.into_request()).await;
            }
            Ok(answer)
        }
        Some(receiver::HOST) => receiver.lock().unwrap().answer(&ports, &request),
        Some("rules.spin.internal") => Ok(doors::rules::handle(&ports, request).await),
        Some("sync.spin.internal") => Ok(doors::sync::handle(&ports, request).await),
        Some("admin.googleapis.com") => {
            let mut google = google.lock().unwrap();
            google.now_ms = ports.now().as_millisecond();
            Ok(google.answer(&request))
        }
        Some("oauth2.googleapis.com") => Ok(http::Response::new(Bytes::new())),
        _ => Err(TransportError::Denied),
    }
}

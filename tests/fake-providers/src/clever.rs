//! A fake Clever: sign-in, district tokens, lists and events for one district.
//!
//! The OAuth host and the data host are served under one address. Where Clever's documents are
//! silent, the fake does this:
//!
//! - A token that is good for something else is refused with 403 and a message, a token that is
//!   good for nothing with 401.
//! - `starting_after` an event that is unknown or older than thirty days is refused with 404. A
//!   list takes any id there, as it only compares ids.
//! - What a code that is not accepted is answered with was never documented; see
//!   [`FakeClever::set_codes_refused_in_words`].
//! - `count=true` adds `count` to the answer.
//! - Role objects that do not apply are left out for most users, and null for some.
//! - Clever's public demonstration tokens work for this district.
//! - The keys of id tokens are at `/oauth/certs`; the discovery document names them.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use fake_providers::clever::{Config, FakeClever};
//! use fake_providers::district::District;
//!
//! let district = District::maple_grove(1, 5_000);
//! let fake = FakeClever::start(district, Config::with_redirect("http://127.0.0.1:3000/back")).await?;
//! println!("{}/oauth/tokens?owner_type=district", fake.base_url());
//! # Ok(()) }
//! ```

mod admin;
mod answer;
mod api;
mod config;
mod events;
mod exchange;
mod id;
mod oauth;
mod quota;
mod reply;
mod rewrite;
mod roster;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

pub use crate::keys::KeysUnusable;
pub use config::{CLIENT_ID, CLIENT_SECRET, Config, EmailRates};
pub use id::ObjectId;
pub use oauth::{SignIn, SignInRefused};
pub use roster::{
    Change, ChangeRefused, Changed, Course, DistrictRecord, Part, Role, Roster, School, Section,
    SyncState, Term, User,
};

use crate::VirtualClock;
use crate::district::District;
use crate::faults::FaultPlan;
use crate::journal::Journal;
use crate::keys::Keyring;
use crate::lock::{lock, read, write};
use crate::server::{Answer, Dropped, Server};
use api::{Pages, Shape};
use events::Events;
use oauth::Tokens;
use quota::Quota;

/// Why the fake did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port can't be had.
    #[error("the port can't be listened on")]
    Io(#[from] std::io::Error),
    /// The embedded keys can't be read.
    #[error(transparent)]
    Keys(#[from] KeysUnusable),
}

/// Switches that tests turn.
#[derive(Clone, Copy, Debug)]
struct Switches {
    codes_refused_in_words: bool,
    events: bool,
    shape: Shape,
}

impl Switches {
    fn of(config: &Config) -> Self {
        Self {
            codes_refused_in_words: true,
            events: config.events,
            shape: Shape::default(),
        }
    }
}

/// Everything behind the answers.
///
/// Who needs several locks takes them in this order.
#[derive(Debug)]
struct State {
    base_url: String,
    config: Config,
    district: District,
    roster: RwLock<Roster>,
    events: RwLock<Events>,
    tokens: Mutex<Tokens>,
    switches: Mutex<Switches>,
    keys: Keyring,
    quota: Quota,
    pages: Pages,
    /// How many places the faults made up.
    made_up: AtomicU64,
    faults: FaultPlan,
    journal: Journal,
}

/// A running fake Clever. It stops when dropped.
#[derive(Debug)]
pub struct FakeClever {
    state: Arc<State>,
    server: Server,
}

impl Answer for State {
    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Dropped> {
        answer::answer(self, request).await
    }
}

impl State {
    fn now_ms(&self) -> i64 {
        self.config.clock.now_ms()
    }

    fn tokens_of(district: &District, config: &Config) -> Tokens {
        Tokens::new(district.seed(), config.secure_sync)
    }

    fn sign_in(&self, authorize_url: &str, choice: &SignIn) -> Result<String, SignInRefused> {
        let query = authorize_url.split_once('?').map_or("", |(_, query)| query);
        let query = query.split('#').next().unwrap_or_default();
        oauth::sign_in(self, query, oauth::From::Application, choice)
    }

    fn change(&self, change: &Change) -> Result<Changed, ChangeRefused> {
        let now_ms = self.now_ms();
        let mut roster = write(&self.roster);
        let mut events = write(&self.events);
        roster.change(change, now_ms, &mut events)
    }

    fn reset(&self) {
        *write(&self.roster) = Roster::of(&self.district, &self.config);
        *write(&self.events) = Events::default();
        *lock(&self.tokens) = Self::tokens_of(&self.district, &self.config);
        *lock(&self.switches) = Switches::of(&self.config);
        self.quota.clear();
        self.pages.clear();
        self.faults.clear();
        self.journal.clear();
    }
}

impl FakeClever {
    /// Starts serving a district on a loopback port.
    pub async fn start(district: District, config: Config) -> Result<Self, StartError> {
        let (listener, address) = Server::listen(config.port).await?;
        let state = Arc::new(State {
            base_url: format!("http://{address}"),
            roster: RwLock::new(Roster::of(&district, &config)),
            events: RwLock::default(),
            tokens: Mutex::new(State::tokens_of(&district, &config)),
            switches: Mutex::new(Switches::of(&config)),
            keys: Keyring::new()?,
            quota: Quota::default(),
            pages: Pages::default(),
            made_up: AtomicU64::new(1),
            faults: FaultPlan::default(),
            journal: Journal::default(),
            config,
            district,
        });
        let server = Server::start(listener, address, Arc::clone(&state));
        Ok(Self { state, server })
    }

    /// `http://127.0.0.1:port`, without a slash at the end. Stands for both hosts of Clever's.
    pub fn base_url(&self) -> &str {
        &self.state.base_url
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.server.address().port()
    }

    /// Answers a request without the network in between.
    pub async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Dropped> {
        self.state.answer(request).await
    }

    /// Signs a user in (by id, number or address) at an authorization address, and gives the
    /// address to which the browser is sent back.
    pub fn sign_in(&self, authorize_url: &str, user: &str) -> Result<String, SignInRefused> {
        let choice = SignIn::As(user.to_owned());
        self.state.sign_in(authorize_url, &choice)
    }

    /// Goes to an authorization address and refuses there; gives the same.
    pub fn deny(&self, authorize_url: &str) -> Result<String, SignInRefused> {
        self.state.sign_in(authorize_url, &SignIn::Deny)
    }

    /// Opens the application in Clever's portal, and gives the address to which the browser is
    /// sent: the first one of the application, without any state.
    pub fn launch(&self, user: &str) -> Result<String, SignInRefused> {
        oauth::launch(&self.state, user)
    }

    /// The district as it was drawn.
    pub fn district(&self) -> &District {
        &self.state.district
    }

    /// The id of the district.
    pub fn district_id(&self) -> ObjectId {
        read(&self.state.roster).district().id
    }

    /// Looks at the roster as it is now.
    pub fn with_roster<T>(&self, look: impl FnOnce(&Roster) -> T) -> T {
        look(&read(&self.state.roster))
    }

    /// Changes the roster, or what is shared of it.
    pub fn change(&self, change: &Change) -> Result<Changed, ChangeRefused> {
        self.state.change(change)
    }

    /// How many events of each type are kept.
    pub fn event_counts(&self) -> BTreeMap<String, usize> {
        read(&self.state.events).counts()
    }

    /// The district's token; none while it is not connected.
    pub fn district_token(&self) -> Option<String> {
        lock(&self.state.tokens).district().map(str::to_owned)
    }

    /// Gives the district a new token, connecting it if it was not; the old one stops working.
    pub fn rotate_token(&self) {
        lock(&self.state.tokens).connect();
    }

    /// The district leaves the application: its token stops working, and no list names it.
    pub fn disconnect(&self) {
        lock(&self.state.tokens).disconnect();
    }

    /// Whether the district shares its rosters, or only its name.
    pub fn set_secure_sync(&self, shared: bool) {
        lock(&self.state.tokens).secure_sync = shared;
    }

    /// Makes every token of people stop working.
    pub fn end_user_tokens(&self) {
        lock(&self.state.tokens).end_users();
    }

    /// Whether a code that is not accepted is told in words, `invalid grant: invalid code`, or as
    /// the standard has it. Both were seen; the words are what the fake starts with.
    pub fn set_codes_refused_in_words(&self, in_words: bool) {
        lock(&self.state.switches).codes_refused_in_words = in_words;
    }

    /// Whether events are switched on. They are kept in any case.
    pub fn set_events(&self, on: bool) {
        lock(&self.state.switches).events = on;
    }

    /// Whether the last page of a list has a next one, which is empty.
    pub fn set_trailing_empty_page(&self, there: bool) {
        lock(&self.state.switches).shape.trailing_empty_page = there;
    }

    /// The requests so far; those under `/_fake/` are left out.
    pub fn journal(&self) -> &Journal {
        &self.state.journal
    }

    /// The failures in force. In them a page is told by the link that leads to it.
    pub fn faults(&self) -> &FaultPlan {
        &self.state.faults
    }

    /// The clock of everything here.
    pub fn clock(&self) -> &Arc<VirtualClock> {
        &self.state.config.clock
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.state.config.clock.advance(by);
    }

    /// Stops listening and closes every connection.
    pub fn go_down(&mut self) {
        self.server.stop();
    }

    /// Listens again, on the same port.
    pub async fn come_up(&mut self) -> std::io::Result<()> {
        self.server.restart(Arc::clone(&self.state)).await
    }

    /// Puts everything back to the start, except the clock.
    pub fn reset(&self) {
        self.state.reset();
    }
}

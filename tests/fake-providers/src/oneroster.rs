//! A fake OneRoster server: versions 1.1 and 1.2 of one district's records, with ClassLink's
//! Roster Server and `LaunchPad` in front of the same.
//!
//! The default follows the specification; [`Quirks`] make it deviate as real servers do. All
//! hosts are served under one address:
//!
//! | path | what |
//! |---|---|
//! | `/oauth/token` | tokens for client credentials |
//! | `/ims/oneroster/v1p1/…` | version 1.1: a token or an OAuth 1.0a signature |
//! | `/ims/oneroster/rostering/v1p2/…` | version 1.2: a token |
//! | `/applications…`, `/{application}/ims/oneroster/v1p1/…` | Roster Server's proxy |
//! | `/oauth2/v2/…`, `/v2/my/info` | `LaunchPad` |
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use fake_providers::district::District;
//! use fake_providers::oneroster::{Config, FakeOneRoster};
//!
//! let district = District::maple_grove(1, 5_000);
//! let fake = FakeOneRoster::start(district, Config::default()).await?;
//! println!("{}/ims/oneroster/rostering/v1p2/users", fake.base_url());
//! # Ok(()) }
//! ```

mod access;
mod admin;
mod answer;
mod call;
mod classlink;
mod config;
mod dataset;
mod discovery;
mod exchange;
mod failure;
mod fields;
mod filter;
mod list;
mod oauth1;
mod oauth2;
mod quirks;
mod render;
mod reply;
mod rewrite;

use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

pub use classlink::launchpad::{
    LAUNCHPAD_CLIENT_ID, LAUNCHPAD_CLIENT_SECRET, SignIn, SignInRefused,
};
pub use classlink::{APPLICATION_ID, BearerChange, ClassLink, PARTNER_KEY};
pub use config::{CLIENT_ID, CLIENT_SECRET, Client, Config, CredentialsIn, ScopeUse, Security};
pub use dataset::{
    AcademicSession, Change, ChangeRefused, Changed, Class, Course, Dataset, Demographics,
    Enrollment, IdStyle, Kind, Org, Record, Role, Row, SessionType, User,
};
pub use oauth1::SignatureMethod;
pub use quirks::{
    Answers, BooleanStyle, DeletedStatus, EmptyList, Envelope, ErrorShape, Filters, LinkStyle,
    ModifiedStyle, Quirks, RoleStyle, Sorting, TotalCount, Unauthorized,
};

pub use crate::keys::KeysUnusable;

use crate::VirtualClock;
use crate::district::District;
use crate::faults::FaultPlan;
use crate::journal::Journal;
use crate::keys::Keyring;
use crate::lock::{lock, read, write};
use crate::server::{Answer, Dropped, Server};
use classlink::Bearer;
use classlink::launchpad::{self, LaunchPad};
use oauth1::Nonces;
use oauth2::Tokens;

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

/// A change that comes after some more reads.
#[derive(Debug)]
struct Scheduled {
    after: u64,
    change: Change,
}

/// Everything behind the answers.
#[derive(Debug)]
struct State {
    base_url: String,
    config: Config,
    district: District,
    dataset: RwLock<Dataset>,
    quirks: RwLock<Quirks>,
    security: RwLock<Security>,
    class_link: RwLock<ClassLink>,
    bearer: Mutex<Bearer>,
    tokens: Mutex<Tokens>,
    nonces: Mutex<Nonces>,
    launchpad: Mutex<LaunchPad>,
    keys: Keyring,
    scheduled: Mutex<Vec<Scheduled>>,
    faults: FaultPlan,
    journal: Journal,
}

/// A running fake OneRoster server. It stops when dropped.
#[derive(Debug)]
pub struct FakeOneRoster {
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

    fn seed(&self) -> u64 {
        self.district.seed()
    }

    fn token_url(&self) -> String {
        format!("{}{}", self.base_url, answer::TOKEN)
    }

    fn change(&self, change: &Change) -> Result<Changed, ChangeRefused> {
        let now_ms = self.now_ms();
        write(&self.dataset).change(change, now_ms)
    }

    fn schedule(&self, after: u64, change: Change) {
        lock(&self.scheduled).push(Scheduled { after, change });
    }

    /// Counts a read of data and makes the changes that are due after it.
    fn count_read(&self) {
        let mut due = Vec::new();
        lock(&self.scheduled).retain_mut(|scheduled| {
            scheduled.after = scheduled.after.saturating_sub(1);
            if scheduled.after == 0 {
                due.push(scheduled.change.clone());
            }
            scheduled.after > 0
        });
        for change in due {
            // What it was about may be gone by now; nobody is there to be told.
            let _ = self.change(&change);
        }
    }

    fn set_quirks(&self, quirks: Quirks) {
        *write(&self.quirks) = quirks;
        write(&self.dataset).forget_fragments();
    }

    fn set_security(&self, security: Security) {
        *write(&self.security) = security;
    }

    fn set_class_link(&self, class_link: ClassLink) {
        *write(&self.class_link) = class_link;
        write(&self.dataset).forget_fragments();
    }

    fn sign_in(&self, authorize_url: &str, choice: &SignIn) -> Result<String, SignInRefused> {
        let query = authorize_url.split_once('?').map_or("", |(_, query)| query);
        let query = query.split('#').next().unwrap_or_default();
        launchpad::sign_in(self, query, choice)
    }

    fn reset(&self) {
        *write(&self.dataset) = Dataset::of(&self.district, self.config.ids);
        *write(&self.quirks) = self.config.quirks.clone();
        *write(&self.security) = self.config.security.clone();
        *write(&self.class_link) = self.config.class_link.clone();
        *lock(&self.bearer) = Bearer::default();
        *lock(&self.tokens) = Tokens::default();
        *lock(&self.nonces) = Nonces::default();
        *lock(&self.launchpad) = LaunchPad::default();
        lock(&self.scheduled).clear();
        self.faults.clear();
        self.journal.clear();
    }
}

impl FakeOneRoster {
    /// Starts serving a district on a loopback port.
    pub async fn start(district: District, config: Config) -> Result<Self, StartError> {
        let (listener, address) = Server::listen(config.port).await?;
        let state = Arc::new(State {
            base_url: format!("http://{address}"),
            dataset: RwLock::new(Dataset::of(&district, config.ids)),
            quirks: RwLock::new(config.quirks.clone()),
            security: RwLock::new(config.security.clone()),
            class_link: RwLock::new(config.class_link.clone()),
            bearer: Mutex::default(),
            tokens: Mutex::default(),
            nonces: Mutex::default(),
            launchpad: Mutex::default(),
            keys: Keyring::new()?,
            scheduled: Mutex::default(),
            faults: FaultPlan::default(),
            journal: Journal::default(),
            config,
            district,
        });
        let server = Server::start(listener, address, Arc::clone(&state));
        Ok(Self { state, server })
    }

    /// `http://127.0.0.1:port`, without a slash at the end. Stands for every host.
    pub fn base_url(&self) -> &str {
        &self.state.base_url
    }

    /// Where version 1.1 is.
    pub fn v1p1_url(&self) -> String {
        format!("{}/ims/oneroster/v1p1", self.base_url())
    }

    /// Where version 1.2 is.
    pub fn v1p2_url(&self) -> String {
        format!("{}/ims/oneroster/rostering/v1p2", self.base_url())
    }

    /// Where tokens come from.
    pub fn token_url(&self) -> String {
        self.state.token_url()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.server.address().port()
    }

    /// Answers a request without the network in between.
    pub async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Dropped> {
        self.state.answer(request).await
    }

    /// The district as it was drawn.
    pub fn district(&self) -> &District {
        &self.state.district
    }

    /// Looks at the records as they are now.
    pub fn with_dataset<T>(&self, look: impl FnOnce(&Dataset) -> T) -> T {
        look(&read(&self.state.dataset))
    }

    /// Changes the records as a student information system would.
    pub fn change(&self, change: &Change) -> Result<Changed, ChangeRefused> {
        self.state.change(change)
    }

    /// The same after so many more reads of data: in the middle of somebody's pull.
    pub fn schedule(&self, after: u64, change: Change) {
        self.state.schedule(after, change);
    }

    /// The deviations in force.
    pub fn quirks(&self) -> Quirks {
        read(&self.state.quirks).clone()
    }

    /// Deviates in these ways from now on.
    pub fn set_quirks(&self, quirks: Quirks) {
        self.state.set_quirks(quirks);
    }

    /// Lets in these and no others from now on.
    pub fn set_security(&self, security: Security) {
        self.state.set_security(security);
    }

    /// ClassLink behaves so from now on.
    pub fn set_class_link(&self, class_link: ClassLink) {
        self.state.set_class_link(class_link);
    }

    /// How ClassLink behaves.
    pub fn class_link(&self) -> ClassLink {
        read(&self.state.class_link).clone()
    }

    /// The bearer of the district's application, whether it works or not.
    pub fn bearer(&self) -> String {
        lock(&self.state.bearer).text(self.state.seed())
    }

    /// Changes the bearer of the district's application.
    pub fn change_bearer(&self, change: BearerChange) {
        lock(&self.state.bearer).change(change);
    }

    /// Goes through the page of an authorization address of `LaunchPad` and gives the address to
    /// which the browser is sent back.
    pub fn sign_in(&self, authorize_url: &str, choice: &SignIn) -> Result<String, SignInRefused> {
        self.state.sign_in(authorize_url, choice)
    }

    /// Clicks on the application's tile in `LaunchPad` as the user with this id or address.
    pub fn launch(&self, redirect_uri: &str, account: &str) -> Result<String, SignInRefused> {
        launchpad::launch(&self.state, redirect_uri, account)
    }

    /// Makes every token of people who signed in stop working.
    pub fn end_launchpad_tokens(&self) {
        lock(&self.state.launchpad).end_tokens();
    }

    /// Makes every token of the token endpoint stop working.
    pub fn expire_tokens(&self) {
        lock(&self.state.tokens).expire();
    }

    /// The requests so far; those under `/_fake/` are left out.
    pub fn journal(&self) -> &Journal {
        &self.state.journal
    }

    /// The failures in force.
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

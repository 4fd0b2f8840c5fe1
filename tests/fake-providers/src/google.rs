//! A fake Google: sign-in, consent, tokens and the Directory API for one district.
//!
//! All of Google's hosts are served under one address; the discovery document names it. Answers
//! are written without the line breaks that the real API puts in by default.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use fake_providers::district::District;
//! use fake_providers::google::{Config, FakeGoogle};
//!
//! let district = District::maple_grove(1, 5_000);
//! let fake = FakeGoogle::start(district, Config::with_redirect("http://127.0.0.1:3000/back")).await?;
//! println!("{}/.well-known/openid-configuration", fake.base_url());
//! # Ok(()) }
//! ```

mod admin;
mod answer;
mod api;
mod channels;
mod config;
mod directory;
mod exchange;
mod fields;
mod json;
mod oauth;
mod page;
mod query;
mod quota;
mod reply;
mod rewrite;

use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

pub use channels::{Channel, Delivery, PushWeather};
pub use config::{CLIENT_ID, CLIENT_SECRET, Client, Config, Outsider};
pub use directory::{
    AdminRole, Change, ChangeRefused, Changed, Delegation, Directory, Group, Member, MemberKey,
    MemberRole, OrgUnit, OrgUnitSlot, OrgUnits, Privilege, RoleChange, User, UserId,
};
pub use oauth::{ErrorPage, GrantEnd, IdTokenFault, KeysUnusable, Outcome};

use crate::VirtualClock;
use crate::district::{District, PersonKind, PersonState};
use crate::faults::FaultPlan;
use crate::journal::Journal;
use crate::lock::{lock, read, write};
use crate::server::{Answer, Dropped, Server};
use channels::{Channels, Told};
use oauth::{Decision, Keyring, OAuth, Tokens};

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

/// Addresses of people to sign in as.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Serialize)]
pub struct KnownAccounts {
    /// May do everything.
    pub super_admin: String,
    /// Holds a custom role that can read users and org units, and nothing else.
    pub delegated_admin: Option<String>,
    /// A teacher without any admin role.
    pub teacher: Option<String>,
    /// A student.
    pub student: Option<String>,
    /// Somebody who is suspended.
    pub suspended: Option<String>,
    /// A personal account.
    pub personal: Option<String>,
    /// An account of another organization.
    pub elsewhere: Option<String>,
}

/// Switches that tests turn.
#[derive(Debug)]
struct Switches {
    hd_claim: bool,
    id_token_fault: Option<IdTokenFault>,
    people_page_limit: Option<usize>,
    groups_page_limit: Option<usize>,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            hd_claim: true,
            id_token_fault: None,
            people_page_limit: None,
            groups_page_limit: None,
        }
    }
}

/// Everything behind the answers.
#[derive(Debug)]
struct State {
    base_url: String,
    config: Config,
    district: District,
    directory: RwLock<Directory>,
    outsiders: RwLock<Vec<Outsider>>,
    tokens: Mutex<Tokens>,
    keys: RwLock<Keyring>,
    switches: Mutex<Switches>,
    page_tokens: page::PageTokens,
    listings: api::Listings,
    quota: quota::Quota,
    faults: FaultPlan,
    journal: Journal,
    channels: Channels,
}

/// A running fake Google. It stops when dropped.
#[derive(Debug)]
pub struct FakeGoogle {
    state: Arc<State>,
    server: Server,
    _post: Post,
}

/// What brings pushes; it ends when dropped.
#[derive(Debug)]
struct Post(tokio::task::AbortHandle);

impl Drop for Post {
    fn drop(&mut self) {
        self.0.abort();
    }
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

    /// The most records of a page of a call.
    fn page_limit(&self, call: &api::Call) -> Option<usize> {
        let switches = lock(&self.switches);
        if matches!(call, api::Call::Groups | api::Call::Members(_)) {
            switches.groups_page_limit
        } else {
            switches.people_page_limit
        }
    }

    /// Lends the OAuth endpoints what they work on.
    fn with_oauth<T>(&self, work: impl FnOnce(&mut OAuth<'_>) -> T) -> T {
        let directory = read(&self.directory);
        let outsiders = read(&self.outsiders);
        let keys = read(&self.keys);
        let switches = lock(&self.switches);
        let mut tokens = lock(&self.tokens);
        work(&mut OAuth {
            config: &self.config,
            directory: &directory,
            outsiders: &outsiders,
            tokens: &mut tokens,
            keys: &keys,
            hd_claim: switches.hd_claim,
            id_token_fault: switches.id_token_fault.as_ref(),
            now_ms: self.now_ms(),
        })
    }

    fn consent(&self, authorize_url: &str, outcome: &Outcome) -> Result<String, ErrorPage> {
        let query = authorize_url.split_once('?').map_or("", |(_, query)| query);
        let query = query.split('#').next().unwrap_or_default();
        match self.with_oauth(|oauth| oauth::decide(oauth, query, outcome)) {
            Decision::Page(page) => Err(page),
            Decision::Redirect(to) => Ok(to),
        }
    }

    fn change(&self, change: &Change) -> Result<Changed, ChangeRefused> {
        let now_ms = self.now_ms();
        let mut directory = write(&self.directory);
        let changed = directory.change(change, now_ms)?;
        if let Some(user) = Told::of(&directory, &changed.id, now_ms) {
            self.channels.tell(change, &changed, &user, now_ms);
        }
        Ok(changed)
    }

    fn reset(&self) {
        *write(&self.directory) = Directory::of(&self.district);
        write(&self.outsiders).clone_from(&self.config.outsiders);
        *lock(&self.tokens) = Tokens::new(self.district.seed());
        *lock(&self.switches) = Switches::default();
        self.quota.clear();
        self.faults.clear();
        self.journal.clear();
        self.channels.clear();
    }

    fn add_outsider(&self, outsider: Outsider) {
        let mut outsiders = write(&self.outsiders);
        outsiders.retain(|known| known.sub != outsider.sub);
        outsiders.push(outsider);
    }

    fn accounts(&self) -> KnownAccounts {
        let directory = read(&self.directory);
        let with_role = |wanted: &dyn Fn(&AdminRole) -> bool| {
            let found = directory
                .users()
                .filter(|user| wanted(directory.role(user.id)));
            found
                .min_by_key(|user| user.number)
                .map(|user| user.email.to_string())
        };
        let person = |kind: PersonKind, state: PersonState| {
            let mut people = self.district.people().iter();
            let found = people.find(|person| person.kind == kind && person.state == state);
            found.map(|person| self.district.address_of(person))
        };
        let outsiders = read(&self.outsiders);
        let outsider = |has_domain: bool| {
            let mut outsiders = outsiders.iter();
            let found = outsiders.find(|outsider| outsider.hosted_domain.is_some() == has_domain);
            found.map(|outsider| outsider.email.clone())
        };
        KnownAccounts {
            super_admin: with_role(&|role| role == &AdminRole::Super).unwrap_or_default(),
            delegated_admin: with_role(&|role| {
                role.allows(Privilege::UsersRead) && !role.allows(Privilege::GroupsRead)
            }),
            teacher: person(PersonKind::Teacher, PersonState::Active),
            student: person(PersonKind::Student, PersonState::Active),
            suspended: person(PersonKind::Student, PersonState::Suspended),
            personal: outsider(false),
            elsewhere: outsider(true),
        }
    }
}

impl FakeGoogle {
    /// Starts serving a district on a loopback port.
    pub async fn start(district: District, config: Config) -> Result<Self, StartError> {
        let (listener, address) = Server::listen(config.port).await?;
        let (channels, post) = Channels::new();
        let state = Arc::new(State {
            base_url: format!("http://{address}"),
            directory: RwLock::new(Directory::of(&district)),
            outsiders: RwLock::new(config.outsiders.clone()),
            tokens: Mutex::new(Tokens::new(district.seed())),
            keys: RwLock::new(Keyring::new()?),
            switches: Mutex::default(),
            page_tokens: page::PageTokens::default(),
            listings: api::Listings::default(),
            quota: quota::Quota::default(),
            faults: FaultPlan::default(),
            journal: Journal::default(),
            channels,
            config,
            district,
        });
        let server = Server::start(listener, address, Arc::clone(&state));
        let post = tokio::spawn(channels::bring(Arc::clone(&state), post));
        let post = Post(post.abort_handle());
        Ok(Self {
            state,
            server,
            _post: post,
        })
    }

    /// `http://127.0.0.1:port`, without a slash at the end. Stands for every host of Google's.
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

    /// Goes through the consent page of an authorization address and gives the address to which
    /// the browser is sent back, or the page on which it stays.
    pub fn consent(&self, authorize_url: &str, outcome: &Outcome) -> Result<String, ErrorPage> {
        self.state.consent(authorize_url, outcome)
    }

    /// People to sign in as.
    pub fn accounts(&self) -> KnownAccounts {
        self.state.accounts()
    }

    /// Adds an account from elsewhere, or changes the one with the same id.
    pub fn add_outsider(&self, outsider: Outsider) {
        self.state.add_outsider(outsider);
    }

    /// The district as it was drawn.
    pub fn district(&self) -> &District {
        &self.state.district
    }

    /// The directory as it is now.
    pub fn directory(&self) -> Directory {
        read(&self.state.directory).clone()
    }

    /// Looks at the directory as it is now, without copying it.
    pub fn with_directory<T>(&self, look: impl FnOnce(&Directory) -> T) -> T {
        look(&read(&self.state.directory))
    }

    /// Changes the directory as an administrator would.
    pub fn change(&self, change: &Change) -> Result<Changed, ChangeRefused> {
        self.state.change(change)
    }

    /// The push channels that are open now.
    pub fn channels(&self) -> Vec<Channel> {
        self.state.channels.open_at(self.state.now_ms())
    }

    /// Every attempt to bring a push.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state.channels.deliveries()
    }

    /// What happens to pushes from now on.
    pub fn set_push_weather(&self, weather: PushWeather) {
        self.state.channels.set_weather(weather);
    }

    /// Waits until every push was brought or given up on.
    pub async fn pushes_delivered(&self) {
        while !self.state.channels.are_delivered() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
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

    /// Signs id tokens with a new key; the one before stays published.
    pub fn rotate_keys(&self) {
        write(&self.state.keys).rotate();
    }

    /// Whether id tokens have the `hd` claim; they do from the start.
    pub fn set_hd_claim(&self, present: bool) {
        lock(&self.state.switches).hd_claim = present;
    }

    /// Makes every id token wrong in one way, or right again.
    pub fn set_id_token_fault(&self, fault: Option<IdTokenFault>) {
        lock(&self.state.switches).id_token_fault = fault;
    }

    /// Gives at most so many people on a page, as Google may, or again as many as are asked for.
    pub fn set_page_limit(&self, limit: Option<usize>) {
        lock(&self.state.switches).people_page_limit = limit;
    }

    /// The same for groups and members.
    pub fn set_groups_page_limit(&self, limit: Option<usize>) {
        lock(&self.state.switches).groups_page_limit = limit;
    }

    /// Stops listening and closes every connection.
    pub fn go_down(&mut self) {
        self.server.stop();
    }

    /// Listens again, on the same port.
    pub async fn come_up(&mut self) -> std::io::Result<()> {
        self.server.restart(Arc::clone(&self.state)).await
    }

    /// Ends what an account has granted: access tokens now, refresh tokens when next used.
    /// Gives whether there is such an account.
    pub fn end_grants(&self, account: &str, why: GrantEnd) -> bool {
        self.state.with_oauth(|oauth| {
            let account = oauth.account(account);
            if let Some(account) = &account {
                oauth.tokens.end(&account.sub, why);
            }
            account.is_some()
        })
    }

    /// Makes every access token stop working; refresh tokens go on.
    pub fn expire_access_tokens(&self) {
        lock(&self.state.tokens).expire_access();
    }

    /// How many refresh tokens work.
    pub fn refresh_token_count(&self) -> usize {
        lock(&self.state.tokens).refresh_count()
    }

    /// Puts everything back to the start, except the clock, the keys and the page tokens.
    pub fn reset(&self) {
        self.state.reset();
    }
}

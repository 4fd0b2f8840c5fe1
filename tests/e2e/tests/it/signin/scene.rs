//! A district whose people sign in, and an application that they sign in to.

use driver::{Agent, District, FileKind, Page, Relying, Sheet, text};
use e2e::{ADMIN_TENANT, Setup, World};
use fake_providers::google::Outcome;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Somebody who has a password, and no account anywhere else.
pub(super) const IDA: &str = "ida.holm@maplegrove.example";

/// The password of [`IDA`] that the district's file gave.
pub(super) const IDAS_PASSWORD: &str = "a password from the file 7";

/// What she changes it to.
pub(super) const IDAS_OWN: &str = "words that only Ida knows 8";

/// Everything around a sign-in.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) district: District,
    /// An application with a secret.
    pub(super) app: Relying,
    /// A student and a teacher with Google accounts; their addresses.
    pub(super) student: String,
    pub(super) teacher: String,
}

impl Scene {
    /// All methods are on, and a file has brought a student, a teacher and [`IDA`].
    pub(super) async fn new() -> Self {
        Self::with(Setup::of(30)).await
    }

    /// The same in a world that is set up in another way.
    pub(super) async fn with(setup: Setup) -> Self {
        let world = World::with(setup).await.unwrap();
        let bare = District::bare(&world.operator, ADMIN_TENANT, "Maple Grove");
        let addresses = json!({"email_domains": ["maplegrove.example"]});
        let bare = bare.await.unwrap();
        let district = bare.connect_files("files", addresses).await.unwrap();
        let accounts = world.google.accounts();
        let (student, teacher) = (accounts.student.unwrap(), accounts.teacher.unwrap());
        people(&district, &student, &teacher).await;
        let settings = json!({
            "methods": ["google", "clever", "classlink", "password"],
            "classlink_emails": true,
        });
        district.set_sign_in(&settings).await.unwrap();
        let more = json!({"tenants": [ADMIN_TENANT]});
        let app = Relying::register(&world.operator, "app", "client_secret_basic", &more);
        Self {
            app: app.await.unwrap(),
            world,
            district,
            student,
            teacher,
        }
    }

    /// Another application of the same district.
    pub(super) async fn another_app(&self, method: &'static str) -> Relying {
        let more = json!({"tenants": [ADMIN_TENANT]});
        let app = Relying::register(&self.world.operator, "other", method, &more);
        app.await.unwrap()
    }

    /// Rollcall's address with a path.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.world.operator.url())
    }

    /// The address of the district's sign-in page, with more of it.
    pub(super) fn login(&self, rest: &str) -> String {
        self.url(&format!("/login/{ADMIN_TENANT}{rest}"))
    }

    /// The way to Google from an address here: what the browser is about to be redirected to.
    pub(super) async fn to_google(&self, agent: &mut Agent, from: &str) -> Url {
        let google = self.world.google.base_url().to_owned();
        self.to_provider(agent, from, "google", &google).await
    }

    /// The way to a provider's page, through the sign-in page if that is what is shown.
    pub(super) async fn to_provider(
        &self,
        agent: &mut Agent,
        from: &str,
        method: &str,
        provider: &str,
    ) -> Url {
        let is_there = |url: &Url| url.as_str().starts_with(provider);
        let first = agent.get(from).await.unwrap();
        let mut page = agent.follow(first, is_there).await.unwrap();
        if !page.leads_on() {
            let link = link(&page, &format!("/login/{ADMIN_TENANT}/{method}"));
            let next = agent.get(&link).await.unwrap();
            page = agent.follow(next, is_there).await.unwrap();
        }
        page.location().unwrap()
    }

    /// Google's answer for somebody: where it sends the browser back to.
    pub(super) fn google_says(&self, authorize: &Url, person: &str) -> String {
        let outcome = Outcome::allow(person);
        self.world
            .google
            .consent(authorize.as_str(), &outcome)
            .unwrap()
    }

    /// Somebody signs in with Google, beginning at an address. Ends at a page that stays, or before
    /// the application's.
    pub(super) async fn by_google(&self, agent: &mut Agent, from: &str, person: &str) -> Page {
        let authorize = self.to_google(agent, from).await;
        let back = self.google_says(&authorize, person);
        let page = agent.get(&back).await.unwrap();
        agent
            .follow(page, |url| self.app.is_back(url))
            .await
            .unwrap()
    }

    /// The student's browser, signed in by way of the application, and the code it came back with.
    pub(super) async fn signed_in(&self) -> (Agent, String) {
        let mut agent = Agent::new().unwrap();
        let page = self
            .by_google(&mut agent, &self.app.request(&[]), &self.student)
            .await;
        let code = self.app.code_of(&page).unwrap();
        (agent, code)
    }

    /// A browser loses its session, and nothing else that it was given.
    pub(super) fn forgets_session(&self, agent: &mut Agent) {
        agent.keep_cookies(&self.url("/"), |name| !name.ends_with("rollcall-session"));
    }

    /// Changes how the district's people sign in.
    pub(super) async fn set_methods(&self, settings: &Value) {
        self.district.set_sign_in(settings).await.unwrap();
    }

    /// The district's people at Clever and `ClassLink` are those of the fakes.
    pub(super) async fn has_districts(&self) {
        let mut districts = json!({});
        if let Ok(clever) = self.world.clever() {
            districts["clever"] = json!([clever.district_id().to_string()]);
        }
        if self.world.oneroster().is_ok() {
            districts["classlink"] = json!(["9021"]);
        }
        self.set_districts(&districts).await;
    }

    /// The operator says which districts' people are the tenant's.
    pub(super) async fn set_districts(&self, districts: &Value) {
        let operator = &self.world.operator;
        self.district
            .set_districts(operator, districts)
            .await
            .unwrap();
    }

    /// The administrator's entries about people who were not signed in.
    pub(super) async fn refusals(&self) -> Vec<Value> {
        let path = self.district.path("/sign-in/refusals");
        self.district.all(&path).await.unwrap()
    }

    /// The account with an address.
    pub(super) async fn account(&self, address: &str) -> Value {
        let accounts = self.world.accounts(&self.district).await.unwrap();
        accounts.get(address).cloned().unwrap()
    }

    /// Changes the account with an address.
    pub(super) async fn edit(&self, address: &str, edit: &Value) {
        let account = self.account(address).await;
        let path = format!("/accounts/{}", text(&account, "id").unwrap());
        let path = self.district.path(&path);
        let admin = &self.district.admin;
        let edited = admin.send(Method::PATCH, &path, Some(edit)).await.unwrap();
        edited.ok().unwrap();
    }

    /// All that the store holds, as text.
    pub(super) fn store(&self) -> BTreeMap<String, String> {
        let stored = self.world.stored("").into_iter();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        stored.map(|(key, value)| (key, text(value))).collect()
    }
}

/// Sends the district's people, and waits until they are accounts.
async fn people(files: &District, student: &str, teacher: &str) {
    let row = |cells: [&str; 4]| cells.map(str::to_owned);
    let header = row(["Email address", "First Name", "Last Name", "Password"]);
    let students = [
        header.clone(),
        row([student, "Sam", "Ortiz", ""]),
        row([IDA, "Ida", "Holm", IDAS_PASSWORD]),
    ];
    let teachers = [header, row([teacher, "Dana", "Okafor", ""])];
    let book = driver::workbook(&[
        Sheet {
            name: "Student",
            rows: &students,
        },
        Sheet {
            name: "Teacher",
            rows: &teachers,
        },
    ]);
    let sent = files.upload(FileKind::named("people.xlsx"), book).await;
    let sent = sent.unwrap();
    assert_eq!(sent["state"], "planned", "{sent}");
    files
        .accept(text(&sent, "id").unwrap(), "all")
        .await
        .unwrap();
}

/// Where a page's link that begins so leads.
pub(super) fn link(page: &Page, path: &str) -> String {
    let links = page.text.split("href=\"").skip(1);
    let mut links = links.filter_map(|rest| rest.split('"').next());
    let found = links.find(|link| link.starts_with(path) || link.contains(&format!("{path}?")));
    let found = found.map(|link| link.replace("&amp;", "&"));
    let found =
        found.unwrap_or_else(|| panic!("no link to {path} in {} {}", page.status, page.text));
    page.url.join(&found).unwrap().into()
}

/// Claims that may be there or not.
pub(super) fn json_of(page: &Page) -> Value {
    serde_json::from_str(&page.text).unwrap_or_else(|_| panic!("{} {}", page.status, page.text))
}

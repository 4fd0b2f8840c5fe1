//! Files from the first byte to the roster, over the doors that take them in and read them.

use super::World;
use super::google::FakeUser;
use crate::access::{self, KeyRole, NewKey};
use crate::audit::Actor;
use crate::connections::{self, NewConnection};
use crate::doors;
use crate::memory::{CrashPoint, block_on};
use crate::passwords;
use crate::ports::{Chunks, TransportError, VALUE_BYTES_MAX};
use crate::runs::{self, Lane, RunState};
use crate::uploads::KEPT_MS;
use bytes::Bytes;
use connectors::files::zip;
use http::Request;
use mapping::account::{Account, Role, Status};
use mapping::ids::ConnectionId;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;

const OPERATOR_TOKEN: &str = "operator-token-of-thirty-two-bytes";

/// A body that comes in pieces, and may break off.
struct Pieces(VecDeque<Result<Bytes, TransportError>>);

impl Pieces {
    fn of(bytes: &[u8]) -> Self {
        let pieces = bytes.chunks(1_000).map(Bytes::copy_from_slice).map(Ok);
        Self(pieces.collect())
    }
}

impl Chunks for Pieces {
    async fn next(&mut self) -> Option<Result<Bytes, TransportError>> {
        self.0.pop_front()
    }
}

/// A world with a connection for files and somebody who may send them.
struct Office {
    world: World,
    key: String,
}

impl Office {
    fn new() -> Self {
        let world = World::new(Vec::new());
        world.ports.set_variable("operator_token", OPERATOR_TOKEN);
        let key = block_on(async {
            let new: NewConnection = serde_json::from_value(json!({
                "id": "files", "provider": "csv", "name": "Coaches", "mode": "import",
            }))
            .unwrap();
            let who = Actor::Operator;
            let made = connections::create(&world.ports, &who, &world.tenant, new).await;
            let (made, _) = made.unwrap();
            let saved = connections::save(&world.ports, &who, &world.tenant, &made.id).await;
            assert!(saved.unwrap().is_active());
            mint(&world, KeyRole::Admin).await
        });
        Self { world, key }
    }

    fn call(&self, method: &str, path: &str, body: Pieces) -> (u16, Vec<u8>) {
        let path = format!("/api/v1/tenants/maple-grove/uploads{path}");
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .body(())
            .unwrap();
        let (parts, ()) = request.into_parts();
        let response = block_on(doors::uploads::handle(&self.world.ports, parts, body));
        (response.status().as_u16(), response.body().to_vec())
    }

    fn json(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let (status, answer) = self.call(method, path, Pieces::of(body.to_string().as_bytes()));
        (status, serde_json::from_slice(&answer).unwrap_or_default())
    }

    /// Sends a file and reads it; the upload as it is shown then.
    fn send(&self, query: &str, file: &[u8]) -> Value {
        let (status, sent) = self.try_send(query, file);
        assert_eq!(status, 202, "{sent}");
        block_on(self.world.tick_until_idle());
        self.show(sent["id"].as_str().unwrap())
    }

    fn try_send(&self, query: &str, file: &[u8]) -> (u16, Value) {
        let path = format!("?connection=files&{query}");
        let (status, answer) = self.call("POST", &path, Pieces::of(file));
        (status, serde_json::from_slice(&answer).unwrap())
    }

    fn show(&self, id: &str) -> Value {
        let (status, shown) = self.json("GET", &format!("/{id}"), &Value::Null);
        assert_eq!(status, 200, "{shown}");
        shown
    }

    fn decide(&self, id: &str, decision: &Value) -> (u16, Value) {
        let answer = self.json("POST", &format!("/{id}/accept"), decision);
        block_on(self.world.tick_until_idle());
        answer
    }

    /// Sends a file and accepts all of it.
    fn bring(&self, query: &str, file: &str) -> Value {
        let sent = self.send(query, file.as_bytes());
        let id = sent["id"].as_str().unwrap().to_owned();
        let (status, answer) = self.decide(&id, &json!({"rows": "all", "despite_guard": true}));
        assert_eq!(status, 202, "{answer} {sent}");
        self.show(&id)
    }

    fn account(&self, address: &str) -> Account {
        self.world.accounts()[address].clone()
    }
}

async fn mint(world: &World, role: KeyRole) -> String {
    let new = NewKey {
        role,
        label: "office".to_owned(),
    };
    let minted = access::mint(&world.ports, &Actor::Operator, &world.tenant, new).await;
    minted.unwrap().secret.expose().to_owned()
}

const COACHES: &str = "Email address,First Name,Last Name,Password,School\n\
    Cleo@maplegrove.example,Cleo,Marsh,Welcome1!,Oak\n\
    dan@maplegrove.example,Dan,Fox,,Oak\n\
    eva@maplegrove.example,Eva,Lund,,\n";

#[test]
fn a_file_shows_its_plan_and_changes_nothing_until_it_is_accepted() {
    let office = Office::new();
    let sent = office.send("role=teacher&name=coaches.csv", COACHES.as_bytes());
    assert_eq!(sent["state"], "planned", "{sent}");
    assert_eq!(sent["counts"]["total"]["creates"], 3);
    assert_eq!(sent["report"]["rows"], 3);
    assert_eq!(sent["file_name"], "coaches.csv");
    assert!(office.world.accounts().is_empty());
    let id = sent["id"].as_str().unwrap();
    let (status, _) = office.decide(id, &json!({"rows": "all"}));
    assert_eq!(status, 202);
    let shown = office.show(id);
    assert_eq!(shown["state"], "applied", "{shown}");
    let cleo = office.account("cleo@maplegrove.example");
    assert_eq!(cleo.roles, [Role::Teacher].into());
    assert_eq!(cleo.memberships.len(), 1, "Oak was made for her");
    let organizations = block_on(crate::organizations::read(
        &office.world.ports,
        &office.world.tenant,
    ));
    assert_eq!(organizations.unwrap().len(), 1);
    let (status, again) = office.decide(id, &json!({"rows": "all"}));
    assert_eq!(status, 409, "{again}");
}

#[test]
fn given_passwords_are_digests_and_made_ones_come_back_once() {
    let office = Office::new();
    let shown = office.bring("role=teacher", COACHES);
    let id = shown["id"].as_str().unwrap();
    assert_eq!(shown["credentials"], json!({"state": "ready", "count": 2}));
    let (status, file) = office.call("POST", &format!("/{id}/credentials"), Pieces::of(b""));
    assert_eq!(status, 200);
    let file = String::from_utf8(file).unwrap();
    let lines: Vec<&str> = file.lines().collect();
    assert_eq!(lines.len(), 3, "{file}");
    for address in ["dan@maplegrove.example", "eva@maplegrove.example"] {
        let line = lines.iter().find(|line| line.contains(address)).unwrap();
        let made = line.rsplit(',').next().unwrap();
        let account = office.account(address);
        let kept = block_on(passwords::read(
            &office.world.ports,
            &office.world.tenant,
            &account.id,
        ));
        let kept = kept.unwrap().unwrap();
        assert!(kept.must_change && kept.digest.is_of(made), "{address}");
    }
    let cleo = office.account("cleo@maplegrove.example");
    let kept = passwords::read(&office.world.ports, &office.world.tenant, &cleo.id);
    assert!(block_on(kept).unwrap().unwrap().digest.is_of("Welcome1!"));
    let (status, _) = office.call("POST", &format!("/{id}/credentials"), Pieces::of(b""));
    assert_eq!(status, 409, "only once");
    assert_eq!(office.show(id)["credentials"]["state"], "taken");
}

#[test]
fn nothing_that_is_stored_has_a_password_in_clear() {
    let office = Office::new();
    let sent = office.send("role=teacher", COACHES.as_bytes());
    let clear = |office: &Office| {
        let dump = office.world.ports.dump();
        dump.into_iter()
            .filter(|(_, value)| String::from_utf8_lossy(value).contains("Welcome1!"))
            .map(|(key, _)| key)
            .collect::<Vec<_>>()
    };
    assert_eq!(clear(&office), Vec::<String>::new());
    office.decide(sent["id"].as_str().unwrap(), &json!({"rows": "all"}));
    assert_eq!(clear(&office), Vec::<String>::new());
    let left = office.world.ports.dump();
    let bytes = left.keys().filter(|key| key.contains("/bytes/"));
    assert_eq!(bytes.count(), 0, "an applied file is forgotten");
    assert!(!left.keys().any(|key| key.contains("/secrets/")));
}

#[test]
fn bad_rows_are_named_and_come_back_as_a_file_that_can_be_mended() {
    let office = Office::new();
    let file = "E-mail,First Name,Last Name,Grade,Password\n\
        ana@maplegrove.example,Ana,Moss,9,\n\
        not an address,Ben,Moss,9,secret!\n\
        ,Cy,Moss,9,\n";
    let sent = office.send("role=student", file.as_bytes());
    assert_eq!(sent["report"]["bad_rows"], 2, "{sent}");
    let id = sent["id"].as_str().unwrap();
    let (status, refused) = office.decide(id, &json!({"rows": "all"}));
    assert_eq!(status, 409, "{refused}");
    let (_, problems) = office.json("GET", &format!("/{id}/problems"), &Value::Null);
    let messages: Vec<&str> = (problems["items"].as_array().unwrap().iter())
        .map(|row| row["problems"][0]["message"].as_str().unwrap())
        .collect();
    insta::assert_debug_snapshot!(messages, @r#"
    [
        "line 3, E-mail is not an email address",
        "line 4, E-mail has no email address",
    ]
    "#);
    let (status, csv) = office.call("GET", &format!("/{id}/bad-rows.csv"), Pieces::of(b""));
    assert_eq!(status, 200);
    let csv = String::from_utf8(csv).unwrap();
    assert!(!csv.contains("secret!"), "{csv}");
    let (status, _) = office.decide(id, &json!({"rows": "good"}));
    assert_eq!(status, 202);
    assert_eq!(office.world.accounts().len(), 1);
    let mended = csv
        .replace("not an address", "ben@maplegrove.example")
        .lines()
        .take(2)
        .collect::<Vec<_>>()
        .join("\n");
    office.bring("role=student", &mended);
    assert_eq!(office.world.accounts().len(), 2);
}

#[test]
fn a_file_about_one_person_alone_fits_into_the_store_however_long_it_is() {
    let office = Office::new();
    let row = |n: usize| format!("ana@maplegrove.example,Ana{},Moss,secret-{n}\n", n % 2);
    let rows: String = (0..6_000).map(row).collect();
    let file = format!("Email address,First Name,Last Name,Password\n{rows}");
    let sent = office.send("role=student", file.as_bytes());
    let (state, bad) = (&sent["state"], &sent["report"]["bad_rows"]);
    assert_eq!((state, bad), (&json!("planned"), &json!(6_000)), "{sent}");
    for (key, value) in office.world.ports.dump() {
        assert!(value.len() <= VALUE_BYTES_MAX, "{key} has {}", value.len());
    }
}

#[test]
fn a_further_file_adds_and_updates_and_removes_nobody() {
    let office = Office::new();
    office.bring("role=teacher", COACHES);
    let more = "Email address,First Name,Last Name\nfay@maplegrove.example,Fay,Ode\n\
        dan@maplegrove.example,Daniel,Fox\n";
    let shown = office.bring("role=teacher", more);
    let total = &shown["counts"]["total"];
    assert_eq!(
        (&total["creates"], &total["updates"]),
        (&json!(1), &json!(1))
    );
    let accounts = office.world.accounts();
    assert_eq!(accounts.len(), 4);
    assert!(
        accounts
            .values()
            .all(|account| account.status == Status::Active)
    );
    assert_eq!(
        office.account("dan@maplegrove.example").given_name,
        "Daniel"
    );
    assert_eq!(
        shown["credentials"]["count"], 1,
        "who has a password keeps it"
    );
}

#[test]
fn a_complete_list_removes_who_is_not_in_it_when_the_guard_was_seen() {
    let office = Office::new();
    let row = |n: usize| format!("p{n}@maplegrove.example,P{n},Moss\n");
    let header = "Email address,First Name,Last Name\n";
    let all: String = (0..60).map(row).collect();
    office.bring("role=student", &format!("{header}{all}"));
    let few: String = (0..20).map(row).collect();
    let sent = office.send(
        "role=student&complete=true",
        format!("{header}{few}").as_bytes(),
    );
    assert_eq!(sent["state"], "planned");
    assert_eq!(sent["counts"]["total"]["suspensions"], 40, "{sent}");
    assert!(!sent["refusals"].as_array().unwrap().is_empty());
    let id = sent["id"].as_str().unwrap();
    let (status, refused) = office.decide(id, &json!({"rows": "all"}));
    assert_eq!(status, 409, "{refused}");
    let (status, _) = office.decide(id, &json!({"rows": "all", "despite_guard": true}));
    assert_eq!(status, 202);
    let accounts = office.world.accounts();
    let active = accounts
        .values()
        .filter(|account| account.status == Status::Active);
    assert_eq!(active.count(), 20);
}

#[test]
fn a_bad_row_of_a_complete_list_is_nobody_who_left() {
    let office = Office::new();
    let header = "Email address,First Name,Last Name,Username\n";
    let rows = "ana@maplegrove.example,Ana,Moss,\nben@maplegrove.example,Ben,Moss,\n";
    office.bring("role=student", &format!("{header}{rows}"));
    let long = "x".repeat(500);
    let bad = format!(
        "{header}ana@maplegrove.example,Ana,Moss,\nben@maplegrove.example,Ben,Moss,{long}\n"
    );
    let sent = office.send("role=student&complete=true", bad.as_bytes());
    assert_eq!(sent["report"]["bad_rows"], 1, "{sent}");
    assert_eq!(sent["counts"]["total"]["suspensions"], 0);
}

#[test]
fn a_file_that_is_not_what_it_says_is_refused_and_nothing_is_kept() {
    let office = Office::new();
    let before = office.world.ports.dump();
    for (name, file) in [
        ("people.csv", &b"%PDF-1.7 and so on, for long enough"[..]),
        (
            "people.csv",
            &b"<!DOCTYPE html><html><body>Sign in</body></html>"[..],
        ),
        (
            "people.xls",
            &[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1, 0, 0][..],
        ),
        ("people.csv", &b""[..]),
    ] {
        let (status, refused) = office.try_send(&format!("role=student&name={name}"), file);
        assert_eq!(status, 422, "{refused}");
    }
    assert_eq!(office.world.ports.dump(), before);
    let (status, _) = office.try_send("name=people.csv", COACHES.as_bytes());
    assert_eq!(status, 422, "what are they?");
    let mut broken = zip::Writer::new();
    broken.add("../users.csv", b"sourcedId\n");
    let sent = office.send("name=package.zip", &broken.finish());
    assert_eq!(sent["state"], "failed", "{sent}");
    assert_eq!(sent["failure"]["code"], "file_unreadable");
    let sent = office.send("role=student", b"just,some\nwords,here\nand,there\n");
    assert_eq!(sent["state"], "failed", "no header: {sent}");
    assert!(office.world.accounts().is_empty());
}

#[test]
fn a_sender_who_goes_away_leaves_nothing() {
    let office = Office::new();
    let before = office.world.ports.dump();
    let mut pieces = Pieces::of(&COACHES.repeat(3_000).into_bytes());
    pieces.0.truncate(300);
    pieces.0.push_back(Err(TransportError::Failed));
    let (status, _) = office.call("POST", "?connection=files&role=teacher", pieces);
    assert_eq!(status, 400);
    assert_eq!(office.world.ports.dump(), before);
}

#[test]
fn a_second_file_waits_for_the_first_to_be_begun() {
    let office = Office::new();
    assert_eq!(office.try_send("role=teacher", COACHES.as_bytes()).0, 202);
    assert_eq!(office.try_send("role=teacher", COACHES.as_bytes()).0, 409);
    block_on(office.world.tick_until_idle());
    let (_, list) = office.json("GET", "", &Value::Null);
    let states: Vec<&str> = (list["items"].as_array().unwrap().iter())
        .map(|upload| upload["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["discarded", "planned"]);
}

#[test]
fn a_file_whose_receiver_died_is_forgotten() {
    let office = Office::new();
    let probe = Office {
        world: office.world.fork(),
        key: office.key.clone(),
    };
    let before = probe.world.ports.operations();
    probe.try_send("role=teacher", COACHES.as_bytes());
    let operations = probe.world.ports.operations() - before;
    for operation in 1..=operations {
        let crashed = Office {
            world: office.world.fork(),
            key: office.key.clone(),
        };
        crashed
            .world
            .ports
            .crash_at(Some((operation, CrashPoint::After)));
        crashed.try_send("role=teacher", COACHES.as_bytes());
        crashed.world.ports.crash_at(None);
        crashed.world.ports.advance(Duration::from_mins(20));
        block_on(crashed.world.tick_until_idle());
        let (_, list) = crashed.json("GET", "", &Value::Null);
        for upload in list["items"].as_array().unwrap() {
            let state = upload["state"].as_str().unwrap();
            assert!(
                ["discarded", "planned"].contains(&state),
                "{operation} {upload}"
            );
        }
        assert!(crashed.world.accounts().is_empty());
        office_sends_again(&crashed);
    }
}

fn office_sends_again(office: &Office) {
    let sent = office.send("role=teacher", COACHES.as_bytes());
    assert_eq!(sent["state"], "planned", "{sent}");
}

#[test]
fn a_viewer_may_look_and_not_send_and_a_stranger_neither() {
    let office = Office::new();
    let viewer = Office {
        key: block_on(mint(&office.world, KeyRole::Viewer)),
        world: office.world.fork(),
    };
    let (status, _) = viewer.try_send("role=student", COACHES.as_bytes());
    assert_eq!(status, 403);
    assert_eq!(viewer.json("GET", "", &Value::Null).0, 200);
    let stranger = Office {
        key: "rk_nobody".to_owned(),
        world: office.world.fork(),
    };
    assert_eq!(stranger.json("GET", "", &Value::Null).0, 401);
}

#[test]
fn a_package_of_two_schools_is_read_with_its_classes() {
    let office = Office::new();
    let mut package = zip::Writer::new();
    for (name, text) in [
        (
            "manifest.csv",
            "propertyName,value\nmanifest.version,1.0\noneroster.version,1.2\nfile.orgs,bulk\n\
             file.users,bulk\nfile.roles,bulk\nfile.classes,bulk\nfile.courses,bulk\n\
             file.enrollments,bulk\n",
        ),
        (
            "orgs.csv",
            "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\n\
             D,,,Maple Grove,district,,\nHS,,,High,school,01,D\nMS,,,Middle,school,02,D\n",
        ),
        (
            "users.csv",
            "sourcedId,status,dateLastModified,enabledUser,username,givenName,familyName,email,\
             grades\nu1,,,true,dana,Dana,Fox,dana@maplegrove.example,\n\
             u2,,,true,leo,Leo,Marsh,,09\n",
        ),
        (
            "roles.csv",
            "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,\
             orgSourcedId,userProfileSourcedId\nr1,,,u1,primary,teacher,,,HS,\n\
             r2,,,u1,secondary,teacher,,,MS,\nr3,,,u2,primary,student,,,HS,\n",
        ),
        (
            "courses.csv",
            "sourcedId,status,dateLastModified,title,orgSourcedId\nbio,,,Biology,HS\n",
        ),
        (
            "classes.csv",
            "sourcedId,status,dateLastModified,title,courseSourcedId,schoolSourcedId,\
             termSourcedIds\nc1,,,Biology 3,bio,HS,\n",
        ),
        (
            "enrollments.csv",
            "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role\n\
             e1,,,c1,HS,u2,student\ne2,,,c1,HS,u1,teacher\n",
        ),
    ] {
        package.add(name, text.as_bytes());
    }
    let sent = office.send("complete=true&name=oneroster.zip", &package.finish());
    assert_eq!(sent["state"], "planned", "{sent}");
    assert_eq!(sent["counts"]["total"]["creates"], 2, "{sent}");
    let id = sent["id"].as_str().unwrap();
    assert_eq!(office.decide(id, &json!({"rows": "all"})).0, 202);
    assert_eq!(office.show(id)["state"], "applied");
    assert_eq!(
        office.account("dana@maplegrove.example").memberships.len(),
        2
    );
    let dump = office.world.ports.dump();
    assert!(
        dump.values()
            .any(|value| String::from_utf8_lossy(value).contains("Biology 3"))
    );
}

#[test]
fn a_delta_of_roles_adds_and_takes_nothing_away() {
    let office = Office::new();
    let package = |mode: &str, users: &str, roles: &str| {
        let mut package = zip::Writer::new();
        let manifest = format!(
            "propertyName,value\noneroster.version,1.2\nfile.orgs,bulk\nfile.users,{mode}\n\
             file.roles,{mode}\n"
        );
        package.add("manifest.csv", manifest.as_bytes());
        package.add(
            "orgs.csv",
            b"sourcedId,name,type\nHS,High,school\nMS,Middle,school\n",
        );
        let users = format!(
            "sourcedId,status,dateLastModified,enabledUser,username,givenName,familyName,email\n{users}"
        );
        package.add("users.csv", users.as_bytes());
        let roles = format!(
            "sourcedId,status,dateLastModified,userSourcedId,roleType,role,orgSourcedId\n{roles}"
        );
        package.add("roles.csv", roles.as_bytes());
        package.finish()
    };
    let dana = "u1,,,true,dana,Dana,Fox,dana@maplegrove.example\n";
    let sent = office.send("", &package("bulk", dana, "r1,,,u1,primary,teacher,HS\n"));
    office.decide(sent["id"].as_str().unwrap(), &json!({"rows": "all"}));
    let dated = "u1,active,2026-09-01T00:00:00.000Z,true,dana,Diana,Fox,dana@maplegrove.example\n";
    let role = "r2,active,2026-09-01T00:00:00.000Z,u1,secondary,teacher,MS\n";
    let sent = office.send("", &package("delta", dated, role));
    office.decide(sent["id"].as_str().unwrap(), &json!({"rows": "all"}));
    let dana = office.account("dana@maplegrove.example");
    assert_eq!(dana.given_name, "Diana");
    assert_eq!(dana.memberships.len(), 2, "the role in High stays");
}

#[test]
fn a_plan_that_is_not_what_was_accepted_is_shown_again() {
    let office = Office::new();
    let sent = office.send("role=teacher", COACHES.as_bytes());
    let id = sent["id"].as_str().unwrap();
    let other = "Email address,First Name,Last Name\ndan@maplegrove.example,Dan,Fox\n";
    office.bring("role=teacher", other);
    let (status, _) = office.decide(id, &json!({"rows": "all"}));
    assert_eq!(status, 202);
    let shown = office.show(id);
    assert_eq!(shown["state"], "planned", "{shown}");
    assert_eq!(shown["counts"]["total"]["creates"], 2);
    office.decide(id, &json!({"rows": "all"}));
    assert_eq!(office.show(id)["state"], "applied");
}

#[test]
fn a_discarded_file_and_one_that_nobody_decides_about_are_forgotten() {
    let office = Office::new();
    let sent = office.send("role=teacher", COACHES.as_bytes());
    let id = sent["id"].as_str().unwrap();
    let (status, _) = office.json("POST", &format!("/{id}/discard"), &Value::Null);
    assert_eq!(status, 200);
    block_on(office.world.tick_until_idle());
    assert_eq!(office.show(id)["state"], "discarded");
    let bytes = |office: &Office| {
        let dump = office.world.ports.dump();
        dump.into_keys()
            .filter(|key| key.contains("/bytes/"))
            .count()
    };
    assert_eq!(bytes(&office), 0);
    let late = office.send("role=teacher", COACHES.as_bytes());
    assert_eq!(bytes(&office), 1);
    office
        .world
        .ports
        .advance(Duration::from_millis(u64::try_from(KEPT_MS).unwrap()));
    block_on(office.world.tick_until_idle());
    assert_eq!(
        office.show(late["id"].as_str().unwrap())["state"],
        "discarded"
    );
    assert_eq!(bytes(&office), 0);
}

#[test]
fn somebody_whom_google_knows_gets_no_password_from_a_file() {
    let office = Office::new();
    office.world.google(|google| {
        for number in 0..3 {
            google.add(FakeUser::new(number, "/Staff"));
        }
    });
    office.world.sync();
    let file = "Email address,First Name,Last Name,Password,School\n\
        person1@maplegrove.example,Coach,One,Welcome1!,Oak\n";
    let shown = office.bring("role=teacher", file);
    assert_eq!(shown["state"], "applied", "{shown}");
    let account = office.account("person1@maplegrove.example");
    assert_eq!(account.sources.len(), 2);
    assert_eq!(account.given_name, "Given1", "Google comes first");
    assert_eq!(account.memberships.len(), 1, "the file adds a school");
    let kept = passwords::read(&office.world.ports, &office.world.tenant, &account.id);
    assert_eq!(block_on(kept).unwrap(), None);
    let google = ConnectionId::parse("google").unwrap();
    assert!(account.statements.contains_key(&google));
}

#[test]
fn a_crash_at_any_store_operation_leaves_a_file_read_or_waiting_and_never_half() {
    let office = Office::new();
    let sent = office.send("role=teacher", COACHES.as_bytes());
    let id = sent["id"].as_str().unwrap().to_owned();
    let accepted = Office {
        world: office.world.fork(),
        key: office.key.clone(),
    };
    let before = accepted.world.ports.operations();
    accepted.decide(&id, &json!({"rows": "all"}));
    let operations = accepted.world.ports.operations() - before;
    let expected: Vec<String> = accepted.world.accounts().into_keys().collect();
    assert_eq!(expected.len(), 3);
    for operation in (1..operations).step_by(5) {
        for point in [CrashPoint::Before, CrashPoint::After] {
            let crashed = Office {
                world: office.world.fork(),
                key: office.key.clone(),
            };
            crashed.world.ports.crash_at(Some((operation, point)));
            let path = format!("/{id}/accept");
            crashed.json("POST", &path, &json!({"rows": "all"}));
            let _ = block_on(crate::tick::tick(&crashed.world.ports));
            crashed.world.ports.crash_at(None);
            crashed.world.ports.advance(Duration::from_mins(2));
            block_on(crashed.world.tick_until_idle());
            if crashed.show(&id)["state"] == "planned" {
                crashed.decide(&id, &json!({"rows": "all"}));
            }
            let found: Vec<String> = crashed.world.accounts().into_keys().collect();
            assert_eq!(found, expected, "{operation} {point:?}");
            let shown = crashed.show(&id);
            assert_eq!(shown["state"], "applied", "{operation} {point:?} {shown}");
            assert_eq!(shown["credentials"]["count"], 2, "{operation} {point:?}");
        }
    }
}

#[test]
fn the_runs_of_files_stand_in_the_history() {
    let office = Office::new();
    office.bring("role=teacher", COACHES);
    let listed = runs::list(
        &office.world.ports,
        &office.world.tenant,
        Lane::Upload,
        None,
        10,
    );
    let states: Vec<RunState> = block_on(listed)
        .unwrap()
        .runs
        .into_iter()
        .map(|run| run.state)
        .collect();
    assert_eq!(states, [RunState::Applied, RunState::Planned]);
}

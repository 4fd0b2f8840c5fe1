//! Files that administrators send.

use super::elsewhere::{Roster, active, nobody_is_lost, only, stored};
use driver::{District, FileKind, Sheet, text};
use e2e::{ADMIN_TENANT, Setup, World};
use local_host::{Counted, Crash, When};
use reqwest::{Body, Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

const MEBIBYTE: u64 = 1024 * 1024;

/// The most that one instance may ever hold.
const MEMORY_BYTES_MAX: u64 = 64 * MEBIBYTE;

/// Points of an upload's runs, in percent of their store operations.
const POINTS: [u64; 4] = [5, 35, 65, 95];

/// How long the lease of a dead host keeps others away, and a little more.
const LEASE: Duration = Duration::from_secs(61);

type Row = Vec<String>;

fn row(cells: &[&str]) -> Row {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

/// A header and so many students, from a number on.
fn students(from: usize, count: usize) -> Vec<Row> {
    let header = row(&[
        "Email address",
        "First Name",
        "Last Name",
        "Password",
        "School",
        "Grade",
    ]);
    let people = (from..from + count).map(|number| {
        let email = format!("s{number}@files.example");
        let school = format!("School {}", number % 3);
        row(&[&email, "Ann", &format!("Lee {number}"), "", &school, "09"])
    });
    std::iter::once(header).chain(people).collect()
}

async fn world_of(setup: Setup) -> (World, District) {
    let world = World::with(setup).await.unwrap();
    let tenant = District::bare(&world.operator, ADMIN_TENANT, "Maple Grove");
    let tenant = tenant.await.unwrap();
    let files = tenant.connect_files("files", json!({})).await.unwrap();
    (world, files)
}

async fn small_world() -> (World, District) {
    world_of(Setup::of(5)).await
}

/// Sends students, accepts all of them, and gives the upload's id.
async fn accepted(files: &District, kind: FileKind<'_>, rows: &[Row]) -> String {
    let sent = files.upload(kind.of("student"), driver::csv(rows)).await;
    let sent = sent.unwrap();
    assert_eq!(sent["state"], "planned", "{sent}");
    let id = text(&sent, "id").unwrap().to_owned();
    files.accept(&id, "all").await.unwrap();
    id
}

async fn refused(files: &District, kind: FileKind<'_>, bytes: Vec<u8>) -> (StatusCode, Value) {
    let answer = files.send_file(kind, bytes).await.unwrap();
    assert_eq!(answer.media_type, "application/problem+json");
    (answer.status, answer.body)
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_a_workbook_with_bad_rows_is_taken_in_part_mended_and_taken_whole() {
    let (world, files) = small_world().await;
    let mut rows = students(1, 4);
    rows.push(row(&["not an address", "Bo", "Ray", "", "School 1", "10"]));
    rows.push(row(&["", "Bo", "Hill", "", "School 1", "10"]));
    let teachers = [
        row(&["Email address", "First Name", "Last Name", "School"]),
        row(&["t1@files.example", "Dana", "Okafor", "School 1"]),
    ];
    let book = driver::workbook(&[
        Sheet {
            name: "Student",
            rows: &rows,
        },
        Sheet {
            name: "Teacher",
            rows: &teachers,
        },
    ]);
    let before = stored(&world);
    let sent = files.upload(FileKind::named("people.xlsx"), book).await;
    let sent = sent.unwrap();
    assert_eq!(sent["state"], "planned", "{sent}");
    assert_eq!(sent["report"]["bad_rows"], 2, "{sent}");
    assert_eq!(sent["counts"]["total"]["creates"], 5, "{sent}");
    // Nothing changes until somebody accepts it.
    assert_eq!(stored(&world), before);
    let id = text(&sent, "id").unwrap();
    let problems = files.all(&files.upload_path(id, "/problems")).await;
    let problems = problems.unwrap();
    let lines: Vec<_> = problems
        .iter()
        .map(|row| (row["problems"][0]["line"].clone(), row["table"].clone()))
        .collect();
    assert_eq!(
        lines,
        [(json!(6), json!("Student")), (json!(7), json!("Student"))],
        "{problems:?}"
    );

    let path = files.upload_path(id, "/accept");
    let all = json!({"rows": "all"});
    let answer = files.admin.send(Method::POST, &path, Some(&all)).await;
    assert_eq!(answer.unwrap().status, StatusCode::CONFLICT);
    files.accept(id, "good").await.unwrap();
    let roster = world.roster(&files).await.unwrap();
    assert_eq!(roster.len(), 5);

    let bad = files.bad_rows(id).await.unwrap();
    let mended = bad
        .replace("not an address", "ray@files.example")
        .replace(",Bo,Hill,", "bo@files.example,Bo,Hill,");
    assert_ne!(bad, mended);
    let kind = FileKind::named("bad-rows.csv").of("student");
    let sent = files.upload(kind, mended.into_bytes()).await.unwrap();
    assert_eq!(sent["report"]["bad_rows"], 0, "{sent}");
    files
        .accept(text(&sent, "id").unwrap(), "all")
        .await
        .unwrap();
    let roster = world.roster(&files).await.unwrap();
    assert_eq!(roster.len(), 7);
    let hill = only(&roster, |account| account["family_name"] == "Hill");
    assert_eq!(hill["roles"], json!(["student"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_passwords_are_made_handed_out_once_and_never_kept_as_they_are() {
    let (world, files) = small_world().await;
    let mut rows = students(1, 3);
    "Tr0ub4dor-and-3".clone_into(&mut rows[1][3]);
    let id = accepted(&files, FileKind::named("people.csv"), &rows).await;
    let path = files.upload_path(&id, "");
    let shown = files.admin.get(&path).await.unwrap();
    assert_eq!(
        shown["credentials"],
        json!({"state": "ready", "count": 2}),
        "{shown}"
    );
    let viewer = world.viewer(&files).await.unwrap();
    let credentials = files.upload_path(&id, "/credentials");
    let peeked = viewer.send(Method::POST, &credentials, None).await;
    assert_eq!(peeked.unwrap().status, StatusCode::FORBIDDEN);

    let first = files.credentials(&id).await.unwrap();
    assert_eq!(first.status(), StatusCode::OK);
    let sheet = first.text().await.unwrap();
    let lines: Vec<&str> = sheet.lines().collect();
    assert_eq!(lines.len(), 3, "{sheet}");
    let made: Vec<&str> = lines[1..]
        .iter()
        .filter_map(|line| line.rsplit(',').find(|cell| cell.len() >= 8))
        .collect();
    let second = files.credentials(&id).await.unwrap();
    assert_eq!(second.status(), StatusCode::CONFLICT);
    for (key, value) in world.stored("") {
        let value = String::from_utf8_lossy(&value).into_owned();
        assert!(!value.contains("Tr0ub4dor"), "{key} has a password");
        assert!(
            made.iter().all(|password| !value.contains(password)),
            "{key} has a password"
        );
    }
    let accounts = world.roster(&files).await.unwrap();
    assert!(
        !format!("{accounts:?}").contains("argon2"),
        "a digest is shown"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_an_additional_file_removes_nobody_and_a_complete_one_only_by_its_plan() {
    let (world, files) = small_world().await;
    accepted(&files, FileKind::named("a.csv"), &students(1, 60)).await;
    let before = world.roster(&files).await.unwrap();
    assert_eq!(active(&before), 60);
    accepted(&files, FileKind::named("b.csv"), &students(61, 2)).await;
    let more = world.roster(&files).await.unwrap();
    nobody_is_lost(&before, &more, 0);
    assert_eq!(active(&more), 62);

    let complete = FileKind::named("all.csv").complete();
    accepted(&files, complete, &students(1, 61)).await;
    let fewer = world.roster(&files).await.unwrap();
    nobody_is_lost(&more, &fewer, 1);

    // Half of everybody: the guard has to be overruled by name.
    let kind = complete.of("student");
    let sent = files.upload(kind, driver::csv(&students(1, 20))).await;
    let sent = sent.unwrap();
    assert_eq!(sent["state"], "planned", "{sent}");
    assert!(!sent["refusals"].as_array().unwrap().is_empty(), "{sent}");
    let id = text(&sent, "id").unwrap();
    let path = files.upload_path(id, "/accept");
    let decision = json!({"rows": "all"});
    let answer = files.admin.send(Method::POST, &path, Some(&decision)).await;
    assert_eq!(answer.unwrap().status, StatusCode::CONFLICT);
    assert_eq!(world.roster(&files).await.unwrap(), fewer);
    let decision = json!({"rows": "all", "despite_guard": true});
    files.admin.post(&path, &decision).await.unwrap();
    let shown = files.read_through(id).await.unwrap();
    assert_eq!(shown["state"], "applied", "{shown}");
    assert_eq!(active(&world.roster(&files).await.unwrap()), 20);

    let discarded = files.upload(kind, driver::csv(&students(1, 1))).await;
    let id = text(&discarded.unwrap(), "id").unwrap().to_owned();
    let path = files.upload_path(&id, "/discard");
    let shown = files.admin.post(&path, &json!({})).await.unwrap();
    assert_eq!(shown["state"], "discarded", "{shown}");
    assert_eq!(active(&world.roster(&files).await.unwrap()), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_a_package_of_oneroster_brings_people_schools_and_classes() {
    let (world, files) = small_world().await;
    let manifest = "propertyName,value\r\nmanifest.version,1.0\r\noneroster.version,1.1\r\n\
        file.orgs,bulk\r\nfile.users,bulk\r\nfile.classes,bulk\r\nfile.enrollments,bulk\r\n";
    let orgs = "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\r\n\
        D-1,,,Maple Grove,district,,\r\nHS-01,,,Maple High,school,,D-1\r\n";
    let users = "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,\
        userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,\
        grades,password\r\n\
        u-1,,,true,HS-01,teacher,dokafor,,Dana,Okafor,,,dana@files.example,,,,,\r\n\
        u-2,,,true,HS-01,student,alee,,Ann,Lee,,,ann@files.example,,,,09,\r\n";
    let classes = "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,\
        classType,location,schoolSourcedId,termSourcedIds,subjects,subjectCodes,periods\r\n\
        c-1,,,Biology,09,crs-1,BIO-1,scheduled,,HS-01,T-1,Science,,3\r\n";
    let enrollments = "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,\
        userSourcedId,role,primary,beginDate,endDate\r\n\
        e-1,,,c-1,HS-01,u-1,teacher,true,,\r\ne-2,,,c-1,HS-01,u-2,student,false,,\r\n";
    let zip = driver::package(&[
        ("manifest.csv", manifest.as_bytes()),
        ("orgs.csv", orgs.as_bytes()),
        ("users.csv", users.as_bytes()),
        ("classes.csv", classes.as_bytes()),
        ("enrollments.csv", enrollments.as_bytes()),
    ]);
    let sent = files.upload(FileKind::named("oneroster.zip"), zip).await;
    let sent = sent.unwrap();
    assert_eq!(sent["state"], "planned", "{sent}");
    files
        .accept(text(&sent, "id").unwrap(), "all")
        .await
        .unwrap();
    let roster = world.roster(&files).await.unwrap();
    assert_eq!(roster.len(), 2);
    let dana = only(&roster, |account| account["given_name"] == "Dana");
    assert_eq!(dana["memberships"].as_array().unwrap().len(), 1, "{dana}");
    let class = files.admin.get(&files.path("/classes/files/c-1")).await;
    let class = class.unwrap();
    assert_eq!(class["member_count"], 2, "{class}");
    assert!(
        class["members"]
            .as_array()
            .unwrap()
            .iter()
            .all(|member| member["account"].is_string()),
        "{class}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_what_is_no_table_is_refused_with_what_to_do_and_nothing_is_kept() {
    let (world, files) = small_world().await;
    let old = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1].repeat(600);
    let rows: [(&str, Vec<u8>, &str); 5] = [
        (
            "people.xlsx",
            b"<!DOCTYPE html><html><body>Sign in</body></html>".to_vec(),
            "web page",
        ),
        ("people.xls", old, ".xls"),
        ("people.csv", Vec::new(), "empty"),
        ("people.pdf", b"%PDF-1.7 and so on".to_vec(), "PDF"),
        (
            "people.zip",
            driver::package(&[("readme.txt", b"hello")]),
            "neither",
        ),
    ];
    for (name, bytes, said) in rows {
        let kind = FileKind::named(name);
        let answer = files.send_file(kind, bytes).await.unwrap();
        let told = if answer.status.is_success() {
            // The directory of a zip is at its end: that is seen by the run.
            let id = text(&answer.body, "id").unwrap();
            let shown = files.read_through(id).await.unwrap();
            assert_eq!(shown["state"], "failed", "{shown}");
            shown["failure"]["message"].to_string()
        } else {
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
            answer.body.to_string()
        };
        assert!(told.contains(said), "{name}: {told}");
    }
    let without_role = driver::csv(&students(1, 1));
    let (status, problem) = refused(&files, FileKind::named("a.csv"), without_role).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["field"], "role");
    let elsewhere = files.with_connection("nowhere");
    let (status, _) = refused(&elsewhere, FileKind::named("a.csv"), b"a,b".to_vec()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let parts = |world: &World| {
        let mut stored = world.stored("upload");
        stored.retain(|key, _| key.contains("/part") || key.contains("bytes"));
        stored.len()
    };
    files.admin.tick().await.unwrap();
    assert_eq!(parts(&world), 0, "{:?}", world.stored("upload").keys());
    assert!(world.roster(&files).await.unwrap().is_empty());
}

/// A body that is sent in pieces, without its length.
fn streamed(bytes: &[u8]) -> Body {
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> = bytes
        .chunks(48 * 1024)
        .map(|piece| Ok(piece.to_vec()))
        .collect();
    Body::wrap_stream(futures::stream::iter(pieces))
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_a_large_file_goes_through_in_little_memory_and_one_too_large_is_refused() {
    let (world, files) = small_world().await;
    let mut rows = students(1, 20_000);
    let notes = "x".repeat(400);
    for (index, row) in rows.iter_mut().enumerate() {
        row.push(if index == 0 {
            "Notes".to_owned()
        } else {
            notes.clone()
        });
    }
    let file = driver::csv(&rows);
    assert!(file.len() > 9_000_000, "{}", file.len());
    let kind = FileKind::named("large.csv").of("student");
    let sent = files.upload(kind, streamed(&file)).await.unwrap();
    assert_eq!(sent["state"], "planned", "{sent}");
    assert_eq!(sent["counts"]["total"]["creates"], 20_000, "{sent}");
    let path = files.upload_path(text(&sent, "id").unwrap(), "/discard");
    files.admin.post(&path, &json!({})).await.unwrap();

    let too_large = vec![b'a'; usize::try_from(66 * MEBIBYTE).unwrap()];
    let answer = files.send_file(kind, streamed(&too_large)).await.unwrap();
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    for (component, bytes) in world.host().unwrap().counters().peak_memory {
        assert!(bytes <= MEMORY_BYTES_MAX, "{component} held {bytes} bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_a_sender_who_goes_away_leaves_nothing() {
    let (world, files) = small_world().await;
    let bytes = driver::csv(&students(1, 2_000));
    let first = bytes[..bytes.len() / 2].to_vec();
    let pieces = vec![
        Ok(first),
        Err(std::io::Error::other("the browser was closed")),
    ];
    let body = Body::wrap_stream(futures::stream::iter(pieces));
    let kind = FileKind::named("half.csv").of("student");
    let answer = files.send_file(kind, body).await;
    assert!(answer.is_err() || !answer.unwrap().status.is_success());
    // Whatever became of it, it is not there.
    let listed = files.all(&files.path("/uploads")).await.unwrap();
    assert_eq!(listed, Vec::<Value>::new());
    let again = accepted(&files, FileKind::named("whole.csv"), &students(1, 20)).await;
    assert!(!again.is_empty());
    assert_eq!(world.roster(&files).await.unwrap().len(), 20);
}

/// Store operations so far.
fn operations(world: &World) -> u64 {
    let counters = world.host().unwrap().counters();
    counters.store.values().map(|traffic| traffic.calls).sum()
}

/// Sends a file, accepts it and gives the roster: what is killed in the test below.
async fn taken(files: &District) -> anyhow::Result<()> {
    let kind = FileKind::named("people.csv").of("student");
    let sent = files.upload(kind, driver::csv(&students(1, 40))).await?;
    files.accept(text(&sent, "id")?, "all").await?;
    Ok(())
}

/// Goes on with whatever is there of the upload.
async fn gone_on_with(files: &District) -> Value {
    let listed = files.all(&files.path("/uploads")).await.unwrap();
    let Some(sent) = listed.first() else {
        // The file itself was lost on the way: the administrator sends it again.
        taken(files).await.unwrap();
        return files.all(&files.path("/uploads")).await.unwrap()[0].clone();
    };
    let id = text(sent, "id").unwrap();
    let shown = files.read_through(id).await.unwrap();
    if shown["state"] == "planned" {
        return files.accept(id, "all").await.unwrap();
    }
    // Passwords are made after the commit.
    files.read_through(id).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_a_host_that_is_killed_anywhere_takes_the_file_once() {
    let directory = tempfile::tempdir().unwrap();
    let setup = Setup::of(5).in_directory(directory.path());
    let (mut world, calm) = world_of(setup).await;
    let before = operations(&world);
    taken(&calm).await.unwrap();
    let of_all = operations(&world) - before;
    let mut deaths = 0;
    for (index, point) in POINTS.into_iter().enumerate() {
        let tenant = format!("killed-{point}");
        let tenant = District::bare(&world.operator, &tenant, "Killed").await;
        let files = tenant.unwrap().connect_files("files", json!({})).await;
        let files = files.unwrap();
        let crash = Crash {
            when: [When::Before, When::After][index % 2],
            nth: (of_all * point / 100).max(1),
            counted: Counted::Every,
        };
        let host = world.host().unwrap();
        host.controls().crash_at(Some(crash));
        let died = tokio::select! {
            () = host.crashed() => true,
            done = taken(&files) => done.is_err(),
        };
        host.controls().crash_at(None);
        deaths += u32::from(died);
        world.restart().await.unwrap();
        world.advance(LEASE).unwrap();
        let shown = gone_on_with(&files).await;
        assert_eq!(shown["state"], "applied", "killed at {point} %: {shown}");
        let roster: Roster = world.roster(&files).await.unwrap();
        assert_eq!(active(&roster), 40, "killed at {point} %");
        let commits = files.admin.get(&files.path("/commits")).await.unwrap();
        assert_eq!(commits["items"].as_array().unwrap().len(), 1, "{commits}");
        assert_eq!(shown["credentials"]["count"], 40, "{shown}");
    }
    assert!(deaths >= 3, "only {deaths} hosts died in time");
}

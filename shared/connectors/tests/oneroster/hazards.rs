//! The hazards of PROVIDERS 9.3 that are not told of elsewhere, by number.

use super::district::user;
use super::driver::{count, driver, id, now, plan, read, read_with, stage};
use super::server::{Quirks, Server, Total, ok, raw};
use connectors::fetch::{Asking, Cause, FetchError, Malformation};
use connectors::oneroster::Version;
use connectors::oneroster::fetch::Fetch;
use mapping::account::Role;
use serde_json::{Value, json};

/// How a read ends when the list of users answers so.
fn end_with(status: u16, kind: &str, body: &str) -> FetchError {
    let server = Server::new(Version::V1_1, 5);
    let (batches, end) = read_with(plan(Version::V1_1), |request| {
        Ok(if request.uri().path().ends_with("users") {
            raw(status, kind, body)
        } else {
            server.answer(request)
        })
    });
    assert!(stage(batches).records.is_empty());
    end.unwrap_err()
}

#[test]
fn o1_a_page_capped_lower_than_asked_is_no_end() {
    let quirks = Quirks {
        cap: 4,
        total: Total::Missing,
        ..Quirks::default()
    };
    assert_eq!(count(&Server::with(57, quirks)), Ok(60));
}

#[test]
fn o3_a_sign_in_page_is_nobody_s_list() {
    for (kind, body, malformation) in [
        ("text/html", "<html>Sign in</html>", Malformation::NotJson),
        ("text/html", "{\"users\":[]}", Malformation::NotJson),
        ("application/json", "<html>", Malformation::NotJson),
        ("application/json", "", Malformation::Truncated),
        (
            "application/json",
            "{\"users\":[{\"sourcedId\":",
            Malformation::Truncated,
        ),
        ("application/json", "{}", Malformation::MissingList),
        ("application/json", "null", Malformation::Shape),
        (
            "application/json",
            "{\"users\":\"\"}",
            Malformation::MissingList,
        ),
        ("application/json", "{\"users\":[{}]}", Malformation::Shape),
    ] {
        let end = end_with(200, kind, body);
        let cause = Cause::Malformed(malformation);
        assert!(
            matches!(&end, FetchError::GaveUp { cause: found, .. } if *found == cause),
            "{body}: {end}"
        );
    }
}

#[test]
fn o3_a_list_of_nobody_is_not_believed() {
    assert_eq!(
        end_with(200, "application/json", "{\"users\":[]}"),
        FetchError::NobodyListed
    );
    let mut server = Server::new(Version::V1_1, 5);
    server.lists.get_mut("orgs").unwrap().clear();
    let end = read(&server, plan(Version::V1_1)).1.unwrap_err();
    let cause = Cause::Malformed(Malformation::MissingList);
    assert_eq!(
        end,
        FetchError::GaveUp {
            asking: Asking::Schools,
            attempts: 3,
            cause
        }
    );
}

#[test]
fn o4_a_row_to_be_deleted_is_said_to_be_gone() {
    let mut server = Server::new(Version::V1_1, 5);
    for (index, status) in ["tobedeleted", "inactive", "toBeDeleted"]
        .iter()
        .enumerate()
    {
        server.users()[index]["status"] = json!(status);
    }
    server.lists.get_mut("enrollments").unwrap()[0]["status"] = json!("tobedeleted");
    server.lists.get_mut("orgs").unwrap()[2]["status"] = json!("tobedeleted");
    let mut plan = plan(Version::V1_1);
    plan.classes = true;
    let (batches, end) = read(&server, plan);
    let totals = end.unwrap().totals();
    assert_eq!(
        (
            totals.gone,
            totals.records,
            totals.schools,
            totals.class_members
        ),
        (3, 5, 2, 2)
    );
    let gone: Vec<_> = stage(batches).gone.into_iter().collect();
    assert_eq!(gone, [id("u-00000"), id("u-00001"), id("u-00002")]);
}

#[test]
fn o8_a_server_may_write_the_roles_of_the_other_version() {
    let mut server = Server::new(Version::V1_1, 0);
    *server.users() = vec![user(Version::V1_2, "n", "teacher", &["HS-01"])];
    let staged = stage(read(&server, plan(Version::V1_1)).0);
    assert_eq!(staged.records[&id("n")].placements.len(), 1);
}

#[test]
fn o9_a_word_of_no_vocabulary_is_told_and_the_person_stays() {
    for role in [
        json!("ext:formerCoach"),
        json!("wizard"),
        json!(""),
        Value::Null,
    ] {
        let mut server = Server::new(Version::V1_1, 0);
        server.users()[0]["role"] = role.clone();
        let (batches, _) = read(&server, plan(Version::V1_1));
        let staged = stage(batches);
        assert!(staged.records[&id("t-1")].placements.is_empty(), "{role}");
        assert_eq!(staged.issues.len(), 1, "{role}");
    }
}

#[test]
fn o9_who_is_not_enabled_is_suspended() {
    for (value, suspended) in [
        (json!("false"), true),
        (json!("False"), true),
        (json!(false), true),
        (json!(0), true),
        (json!("True"), false),
        (json!(1), false),
        (json!(""), false),
        (Value::Null, false),
    ] {
        let mut server = Server::new(Version::V1_1, 0);
        server.users()[0]["enabledUser"] = value.clone();
        let staged = stage(read(&server, plan(Version::V1_1)).0);
        assert_eq!(staged.records[&id("t-1")].suspended, suspended, "{value}");
    }
}

#[test]
fn o11_an_id_is_kept_as_it_is_written() {
    for text in [
        "7_1111",
        "a/b",
        "x|y",
        "two words",
        "1+1",
        "50%",
        "Ärger",
        " padded ",
    ] {
        let mut server = Server::new(Version::V1_1, 0);
        server.users()[0]["sourcedId"] = json!(text);
        let staged = stage(read(&server, plan(Version::V1_1)).0);
        assert!(staged.records.contains_key(&id(text)), "{text}");
    }
}

#[test]
fn o16_a_reference_may_lead_nowhere() {
    let mut server = Server::new(Version::V1_1, 1);
    server.users()[0]["orgs"][0]["sourcedId"] = json!("not-shared");
    server.lists.get_mut("classes").unwrap()[0]["school"]["sourcedId"] = json!("not-shared");
    let mut plan = plan(Version::V1_1);
    plan.classes = true;
    let (batches, end) = read(&server, plan);
    assert!(end.is_ok());
    let staged = stage(batches);
    let person = &staged.records[&id("u-00000")];
    assert_eq!(person.placements.first().unwrap().school, id("not-shared"));
    assert!(staged.issues.is_empty());
}

#[test]
fn o19_a_role_is_in_force_from_its_first_day_to_the_day_before_its_last() {
    for (begin, end, is_in_force) in [
        (json!("2026-09-01"), json!("2026-09-02"), true),
        (json!("2026-09-02"), json!("2027-06-15"), false),
        (json!("2026-08-01"), json!("2026-09-01"), false),
        (json!("2026-08-01T00:00:00Z"), Value::Null, true),
        (json!(""), json!("not a date"), true),
    ] {
        let mut server = Server::new(Version::V1_2, 0);
        server.users()[0]["roles"][0]["beginDate"] = begin.clone();
        server.users()[0]["roles"][0]["endDate"] = end.clone();
        let staged = stage(read(&server, plan(Version::V1_2)).0);
        let placements = &staged.records[&id("t-1")].placements;
        assert_eq!(
            placements.len(),
            1 + usize::from(is_in_force),
            "{begin} {end}"
        );
        assert!(placements.iter().all(|place| place.role == Role::Teacher));
    }
}

#[test]
fn o20_a_person_needs_no_user_name() {
    let mut server = Server::new(Version::V1_2, 0);
    server.users()[0]
        .as_object_mut()
        .unwrap()
        .remove("username");
    server.users()[1]["username"] = json!("");
    let staged = stage(read(&server, plan(Version::V1_2)).0);
    assert_eq!(staged.records[&id("t-1")].username, None);
    assert_eq!(staged.records[&id("x-1")].username, None);
    assert!(staged.issues.is_empty());
}

#[test]
fn o21_a_list_of_people_that_is_not_found_is_no_empty_list() {
    let server = Server::with(
        0,
        Quirks {
            empty_is_404: true,
            ..Quirks::default()
        },
    );
    for name in ["users", "orgs"] {
        let mut server = server.clone();
        server.lists.get_mut(name).unwrap().clear();
        let end = read(&server, plan(Version::V1_1)).1.unwrap_err();
        assert!(matches!(end, FetchError::Refused { .. }), "{name}: {end}");
    }
}

#[test]
fn the_same_row_on_a_page_twice_is_one_person() {
    let mut server = Server::new(Version::V1_1, 5);
    let again = server.users()[0].clone();
    server.users().push(again);
    let mut quirks = server.clone();
    quirks.quirks.total = Total::Off(-1);
    assert_eq!(count(&quirks), Ok(8));
    // With a total that counts the row twice, nothing says that nobody is missing.
    assert!(matches!(
        count(&server),
        Err(FetchError::ShortOfTotal { .. })
    ));
}

#[test]
fn a_row_with_two_ids_is_refused_in_every_list() {
    let server = Server::new(Version::V1_1, 5);
    let mut plan = plan(Version::V1_1);
    plan.classes = true;
    let whole = stage(read(&server, plan.clone()).0);
    for list in ["orgs", "academicSessions", "courses", "classes", "users"] {
        let (batches, _) = read_with(plan.clone(), |request| {
            let mut answer = server.answer(request);
            let body = std::str::from_utf8(answer.body()).unwrap();
            let start = format!("{{\"{list}\":[{{");
            let two = body.replacen(&start, &format!("{start}\"sourcedId\":\"other\","), 1);
            *answer.body_mut() = two.into();
            Ok(answer)
        });
        let staged = stage(batches);
        let people = usize::from(list == "users");
        assert_eq!(staged.records.len(), whole.records.len() - people, "{list}");
        let things = whole.schooling.len() - (1 - people);
        assert_eq!(staged.schooling.len(), things, "{list}");
        assert_eq!(staged.issues.len(), whole.issues.len() + 1, "{list}");
    }
}

#[test]
fn only_the_address_of_the_bases_and_the_order_is_asked_for() {
    let server = Server::new(Version::V1_2, 5);
    let mut driver = driver(|request: &http::Request<bytes::Bytes>| {
        let query = request.uri().query().unwrap();
        assert!(query.ends_with("&sort=sourcedId&orderBy=asc"), "{query}");
        Ok(server.answer(request))
    });
    assert!(
        driver
            .run(Fetch::start(plan(Version::V1_2), now()))
            .1
            .is_ok()
    );
    let lists = [json!({ "users": [] }), json!({ "orgs": [] })];
    assert!(lists.iter().all(|list| ok(list).status() == 200));
}

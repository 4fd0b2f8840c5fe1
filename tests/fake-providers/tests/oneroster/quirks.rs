//! Servers that deviate.

use fake_providers::oneroster::{
    Answers, BooleanStyle, Change, Config, DeletedStatus, Envelope, ErrorShape, Filters, IdStyle,
    Kind, ModifiedStyle, RoleStyle, Sorting,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::support::{V1p1, V1p2, World, distinct, ids};

#[tokio::test]
async fn lists_can_be_named_by_the_path() {
    let world = World::of(100).await;
    world.set_quirks(|quirks| quirks.envelope = Envelope::Path);
    for name in [
        "students",
        "teachers",
        "schools",
        "terms",
        "gradingPeriods",
        "users",
    ] {
        let got = world.get(V1p1, name, &[]).await;
        assert!(!got.list(name).is_empty(), "{name}");
        assert_eq!(got.body.as_object().unwrap().len(), 1);
    }
    let got = world.get(V1p1, "schools/HS-01/students", &[]).await;
    assert!(!got.list("students").is_empty());
}

#[tokio::test]
async fn errors_have_the_shape_of_the_server() {
    let world = World::of(20).await;
    let error = async |version, shape: ErrorShape| {
        world.set_quirks(|quirks| quirks.errors = shape);
        let got = world.get(version, "users/nobody", &[]).await;
        assert_eq!(got.status, 404);
        (got.body.clone(), got)
    };
    let (body, _) = error(V1p2, ErrorShape::Version).await;
    assert_eq!(
        body,
        json!({
            "imsx_codeMajor": "failure", "imsx_severity": "error", "imsx_description": "Unknown user",
            "imsx_CodeMinor": { "imsx_codeMinorField": [
                { "imsx_codeMinorFieldName": "TargetEndSystem", "imsx_codeMinorFieldValue": "unknownobject" },
            ] },
        })
    );
    let (body, _) = error(V1p1, ErrorShape::Version).await;
    assert_eq!(body["statusInfoSet"][0]["imsx_codeMinor"], "unknown object");
    let (body, _) = error(V1p2, ErrorShape::StatusInfoSet).await;
    assert_eq!(body["statusInfoSet"][0]["imsx_codeMajor"], "failure");
    let (body, _) = error(V1p1, ErrorShape::Capitalised).await;
    assert_eq!(
        body,
        json!({ "CodeMajor": "failure", "Severity": "error", "CodeMinor": "unknown object", "Description": "Unknown user" })
    );
    let (body, _) = error(V1p1, ErrorShape::LowerCase).await;
    assert_eq!(body["codeMinor"], "unknown object");
    let (body, got) = error(V1p1, ErrorShape::PlainText).await;
    assert_eq!((body, got.text.as_str()), (Value::Null, "Unknown user"));
    assert!(
        got.header("content-type")
            .unwrap()
            .starts_with("text/plain")
    );
}

#[tokio::test]
async fn everything_can_be_a_page_to_sign_in_or_nothing() {
    let world = World::of(20).await;
    world.set_quirks(|quirks| quirks.answers = Answers::LoginPage);
    let got = world.get(V1p1, "users", &[]).await;
    assert_eq!(got.status, 200);
    assert!(got.header("content-type").unwrap().starts_with("text/html"));
    world.set_quirks(|quirks| quirks.answers = Answers::Nothing);
    let got = world.get(V1p1, "users", &[]).await;
    assert_eq!((got.status, got.text.as_str()), (200, ""));
}

#[tokio::test]
async fn filters_can_be_refused_or_ignored() {
    let world = World::of(100).await;
    let total = world.get(V1p2, "users", &[]).await.total();
    let filter = [("filter", "status='tobedeleted'")];
    world.set_quirks(|quirks| quirks.filters = Filters::Ignored);
    assert_eq!(world.get(V1p2, "users", &filter).await.total(), total);
    world.set_quirks(|quirks| quirks.filters = Filters::Refused);
    let got = world.get(V1p2, "users", &filter).await;
    assert_eq!((got.status, got.minor()), (400, "invalid_filter_field"));
}

#[tokio::test]
async fn sorting_can_be_unsupported() {
    let world = World::of(100).await;
    let plain = world.get(V1p1, "users", &[]).await.ids("users");
    world.set_quirks(|quirks| quirks.sorting = Sorting::Unsupported);
    let sort = [("sort", "sourcedId"), ("orderBy", "desc")];
    let got = world.get(V1p1, "users", &sort).await;
    assert_eq!(got.ids("users"), plain);
    assert_eq!(got.body["statusInfoSet"][0]["imsx_severity"], "warning");
}

#[tokio::test]
async fn the_last_change_can_be_told_in_every_wrong_way() {
    let world = World::of(20).await;
    let id = world.first_id("users", "users").await;
    let modified = async |style: ModifiedStyle| {
        world.set_quirks(|quirks| quirks.modified = style);
        let got = world.get(V1p1, &format!("users/{id}"), &[]).await;
        got.body["user"]["dateLastModified"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let exact = modified(ModifiedStyle::Exact).await;
    assert!(&exact[19..] == ".000Z", "{exact}");
    assert_eq!(modified(ModifiedStyle::DateOnly).await, exact[..10]);
    let local = modified(ModifiedStyle::LocalTime).await;
    assert!(
        local.len() == 19 && local[..13] != exact[..13],
        "{local} for {exact}"
    );
    let now = modified(ModifiedStyle::AlwaysNow).await;
    world.fake.advance(std::time::Duration::from_mins(1));
    assert!(modified(ModifiedStyle::AlwaysNow).await > now);
    let since = format!("dateLastModified>='{now}'");
    let total = world.get(V1p1, "users", &[]).await.total();
    assert_eq!(world.count(V1p1, "users", &since).await, total);
}

#[tokio::test]
async fn roles_can_be_capitalised_or_unknown_to_any_version() {
    let world = World::of(400).await;
    world.set_quirks(|quirks| quirks.roles = RoleStyle::Capitalised);
    let got = world.get(V1p1, "teachers", &[]).await;
    assert!(
        got.list("users")
            .iter()
            .all(|user| user["role"] == "Teacher")
    );
    let got = world.get(V1p1, "enrollments", &[]).await;
    assert_eq!(got.list("enrollments")[0]["role"], "Teacher");
    // Text is compared without regard to case.
    assert!(world.count(V1p1, "users", "role='teacher'").await > 0);
    world.set_quirks(|quirks| quirks.roles = RoleStyle::OutsideEnumeration);
    let users = world.all(V1p1, "users", "users").await;
    assert!(users.iter().any(|user| user["role"] == "Office Staff"));
}

#[tokio::test]
async fn what_is_deleted_can_be_inactive() {
    let world = World::of(400).await;
    world.set_quirks(|quirks| quirks.deleted = DeletedStatus::Inactive);
    assert!(world.count(V1p1, "users", "status='inactive'").await > 0);
    assert_eq!(world.count(V1p1, "users", "status='tobedeleted'").await, 0);
}

#[tokio::test]
async fn true_and_false_can_be_written_otherwise() {
    let world = World::of(100).await;
    for (style, expected) in [
        (BooleanStyle::Text, json!("true")),
        (BooleanStyle::Capitalised, json!("True")),
        (BooleanStyle::Json, json!(true)),
    ] {
        world.set_quirks(|quirks| quirks.booleans = style);
        let got = world.get(V1p2, "users", &[("limit", "1")]).await;
        assert_eq!(got.list("users")[0]["enabledUser"], expected);
        let got = world.get(V1p2, "enrollments", &[("limit", "1")]).await;
        assert_eq!(got.list("enrollments")[0]["primary"], expected);
    }
}

#[tokio::test]
async fn ids_can_hold_what_paths_stumble_over() {
    let config = Config {
        ids: IdStyle::Odd,
        ..Config::default()
    };
    let world = World::with(100, config).await;
    let got = world.get(V1p1, "classes", &[("limit", "1")]).await;
    let class = &got.list("classes")[0];
    let id = class["sourcedId"].as_str().unwrap();
    assert!(
        ["/", "|", " ", "+", "%"].iter().all(|odd| id.contains(odd)),
        "{id}"
    );
    let escaped = utf8_percent_encode(id, NON_ALPHANUMERIC).to_string();
    let one = world.get(V1p1, &format!("classes/{escaped}"), &[]).await;
    assert_eq!(&one.body["class"], class);
    let students = world
        .get(V1p1, &format!("classes/{escaped}/students"), &[])
        .await;
    assert!(!students.list("users").is_empty());
    // Escaped twice it is another id, and a plus is no space.
    let twice = escaped.replace('%', "%25");
    assert_eq!(
        world
            .get(V1p1, &format!("classes/{twice}"), &[])
            .await
            .status,
        404
    );
    let plus = escaped.replace("%20", "+");
    assert_eq!(
        world
            .get(V1p1, &format!("classes/{plus}"), &[])
            .await
            .status,
        404
    );
    let href = class["school"]["href"].as_str().unwrap();
    let school = world.get_as(crate::support::BEARER, href, &[]).await;
    assert_eq!(
        school.body["org"]["sourcedId"],
        class["school"]["sourcedId"]
    );
}

#[tokio::test]
async fn some_users_can_refer_to_an_org_that_is_not_in_the_set() {
    let world = World::of(100).await;
    world.set_quirks(|quirks| quirks.dangling_orgs = true);
    let dangling = world.count(V1p1, "users", "orgs.sourcedId='XX-99'").await;
    assert!(dangling > 0);
    assert_eq!(
        dangling,
        world
            .count(V1p2, "users", "roles.org.sourcedId='XX-99'")
            .await
    );
    assert_eq!(world.get(V1p1, "orgs/XX-99", &[]).await.status, 404);
}

#[tokio::test]
async fn the_students_of_a_class_can_include_its_teachers() {
    let world = World::of(200).await;
    let class = world.first_id("classes", "classes").await;
    let path = format!("classes/{class}/students");
    let right = world.get(V1p1, &path, &[]).await.total();
    world.set_quirks(|quirks| quirks.class_students_include_teachers = true);
    let got = world.get(V1p1, &path, &[]).await;
    assert!(got.total() > right);
    assert!(
        got.list("users")
            .iter()
            .any(|user| user["role"] == "teacher")
    );
}

#[tokio::test]
async fn what_is_deleted_is_marked_for_a_while_and_then_gone() {
    let world = World::of(200).await;
    let id = world.first_id("students", "users").await;
    let before = world.get(V1p1, "users", &[]).await.total();
    let mark = Change::MarkDeleted {
        kind: Kind::User,
        sourced_id: id.clone(),
    };
    world.fake.change(&mark).unwrap();
    let one = world.get(V1p1, &format!("users/{id}"), &[]).await;
    assert_eq!(one.body["user"]["status"], "tobedeleted");
    let own = format!("user.sourcedId='{id}' AND status='tobedeleted'");
    assert_eq!(world.count(V1p1, "enrollments", &own).await, 4);
    assert_eq!(world.get(V1p1, "users", &[]).await.total(), before);
    world.fake.change(&Change::Purge).unwrap();
    assert_eq!(
        world.get(V1p1, &format!("users/{id}"), &[]).await.status,
        404
    );
    assert_eq!(world.count(V1p1, "enrollments", &own).await, 0);
    assert!(world.get(V1p1, "users", &[]).await.total() < before);
}

#[tokio::test]
async fn all_ids_can_change_at_once_and_still_fit_together() {
    let world = World::of(200).await;
    let before = world.all(V1p1, "users", "users").await;
    let style = IdStyle::Guid;
    world.fake.change(&Change::RegenerateIds { style }).unwrap();
    let after = world.all(V1p1, "users", "users").await;
    assert_eq!(before.len(), after.len());
    let (before, after) = (ids(&before), ids(&after));
    assert_eq!(distinct(&[before, after.clone()].concat()), 2 * after.len());
    let enrollments = world.all(V1p1, "enrollments", "enrollments").await;
    assert!(enrollments.iter().all(|enrollment| {
        after.contains(&enrollment["user"]["sourcedId"].as_str().unwrap().to_owned())
    }));
}

#[tokio::test]
async fn a_server_can_be_emptied() {
    let world = World::of(100).await;
    world.fake.change(&Change::Empty).unwrap();
    for path in ["users", "orgs", "classes", "enrollments"] {
        let got = world.get(V1p2, path, &[]).await;
        assert_eq!((got.status, got.total()), (200, 0), "{path}");
    }
}

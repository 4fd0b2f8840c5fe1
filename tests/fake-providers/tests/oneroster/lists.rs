//! Filter, sort, selection and nested reads.

use serde_json::json;

use crate::support::{V1p1, V1p2, World, distinct, ids};

#[tokio::test]
async fn filters_find_what_they_say() {
    let world = World::of(1_000).await;
    let users = world.all(V1p2, "users", "users").await;
    let one = users
        .iter()
        .find(|user| user["familyName"].as_str().unwrap().contains('\''))
        .unwrap();
    let text = |field: &str| one[field].as_str().unwrap();
    let email = format!("email='{}'", text("email").to_uppercase());
    assert_eq!(world.count(V1p2, "users", &email).await, 1);
    let family = format!(
        "familyName='{}' AND givenName='{}'",
        text("familyName"),
        text("givenName")
    );
    assert!(world.count(V1p2, "users", &family).await >= 1);

    let total = users.len();
    let deleted = world.count(V1p2, "users", "status='tobedeleted'").await;
    let active = world.count(V1p2, "users", "status='active'").await;
    assert!(deleted > 0 && deleted + active == total);
    let students = world.count(V1p2, "users", "roles.role='student'").await;
    assert_eq!(students, world.get(V1p2, "students", &[]).await.total());
    assert_eq!(students, world.count(V1p1, "users", "role='student'").await);
    let either = "roles.role='student' OR roles.role='teacher'";
    let teachers = world.count(V1p2, "users", "roles.role='teacher'").await;
    assert_eq!(
        world.count(V1p2, "users", either).await,
        students + teachers
    );
    let at_school = world.count(V1p1, "users", "orgs.sourcedId='HS-01'").await;
    assert!(at_school > 0 && at_school < total);
    assert_eq!(
        world
            .count(V1p2, "users", "metadata.mg.hireDate>='2025'")
            .await
            + world
                .count(V1p2, "users", "metadata.mg.hireDate<'2025'")
                .await,
        total
    );
    assert!(world.count(V1p1, "users", "familyName~'ee'").await > 0);
}

#[tokio::test]
async fn a_filter_by_date_gives_what_changed_since() {
    let world = World::of(300).await;
    let since = world.fake.clock().now().to_string();
    let filter = format!("dateLastModified>='{since}'");
    assert_eq!(world.count(V1p1, "users", &filter).await, 0);
    let id = world.first_id("students", "users").await;
    let change = serde_json::from_value(json!({
        "op": "edit", "kind": "user", "sourced_id": id, "fields": { "given_name": "Zoë" },
    }));
    world.fake.change(&change.unwrap()).unwrap();
    let got = world.get(V1p1, "users", &[("filter", &filter)]).await;
    assert_eq!(got.ids("users"), [id]);
    assert_eq!(got.list("users")[0]["givenName"], "Zoë");
    // An enrollment's change is none of its user's.
    assert_eq!(world.count(V1p1, "enrollments", &filter).await, 0);
}

#[tokio::test]
async fn filters_that_are_none_are_refused() {
    let world = World::of(50).await;
    for filter in [
        "shoeSize='7'",
        "status=active",
        "status = 'active'",
        "status='active' and role='student'",
        "status='active' AND givenName='a' AND familyName='b'",
        "dateLastModified>'last week'",
        "role='student'",
    ] {
        let got = world.get(V1p2, "users", &[("filter", filter)]).await;
        assert_eq!(
            (got.status, got.minor()),
            (400, "invalid_filter_field"),
            "{filter}"
        );
    }
}

#[tokio::test]
async fn lists_come_in_the_order_asked_for() {
    let world = World::of(300).await;
    let sorted = async |field: &str, order: &str| {
        let parameters = [("sort", field), ("orderBy", order), ("limit", "10000")];
        let got = world.get(V1p2, "users", &parameters).await;
        assert_eq!(got.status, 200);
        got.list("users").clone()
    };
    let up = ids(&sorted("sourcedId", "asc").await);
    assert!(up.is_sorted() && up.len() > 300);
    let mut down = ids(&sorted("sourcedId", "desc").await);
    down.reverse();
    assert_eq!(up, down);
    let by_name = sorted("familyName", "asc").await;
    let names: Vec<String> = by_name
        .iter()
        .map(|user| user["familyName"].as_str().unwrap().to_lowercase())
        .collect();
    assert!(names.is_sorted());
    let wrong = world.get(V1p2, "users", &[("orderBy", "up")]).await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn an_unknown_sort_field_is_a_warning() {
    let world = World::of(50).await;
    let plain = world.get(V1p2, "users", &[]).await;
    let got = world.get(V1p2, "users", &[("sort", "shoeSize")]).await;
    assert_eq!((got.status, got.minor()), (200, "invalid_sort_field"));
    assert_eq!(got.body["imsx_severity"], "warning");
    assert_eq!(got.body["users"], plain.body["users"]);
    let got = world.get(V1p1, "users", &[("sort", "shoeSize")]).await;
    assert_eq!(
        got.body["statusInfoSet"][0]["imsx_codeMinor"],
        "invalid_sort_field"
    );
}

#[tokio::test]
async fn fields_can_be_selected() {
    let world = World::of(50).await;
    let got = world
        .get(
            V1p2,
            "users",
            &[("fields", "sourcedId,email"), ("limit", "3")],
        )
        .await;
    let user = got.list("users")[0].as_object().unwrap();
    assert_eq!(user.keys().collect::<Vec<_>>(), ["email", "sourcedId"]);
    let id = user["sourcedId"].as_str().unwrap();
    let one = world
        .get(V1p2, &format!("users/{id}"), &[("fields", "familyName")])
        .await;
    assert_eq!(one.body["user"].as_object().unwrap().len(), 1);
    let unknown = [("fields", "sourcedId,shoeSize")];
    let got = world.get(V1p2, "users", &unknown).await;
    assert_eq!((got.status, got.minor()), (400, "invalid_selection_field"));
    let got = world.get(V1p1, "users", &unknown).await;
    assert_eq!(got.list("users")[0].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn nested_reads_give_what_belongs_to_a_record() {
    let world = World::of(800).await;
    let class = world
        .get(
            V1p2,
            "classes",
            &[("filter", "school.sourcedId='HS-01'"), ("limit", "1")],
        )
        .await;
    let class = &class.list("classes")[0];
    let id = class["sourcedId"].as_str().unwrap();
    let within = async |path: &str, name: &str| world.all(V1p2, path, name).await;
    let students = within(&format!("classes/{id}/students"), "users").await;
    let teachers = within(&format!("classes/{id}/teachers"), "users").await;
    assert!(!students.is_empty() && !teachers.is_empty());
    assert!(
        students
            .iter()
            .all(|user| user["roles"][0]["role"] == "student")
    );
    let here = format!("schools/HS-01/classes/{id}");
    let enrollments = within(&format!("{here}/enrollments"), "enrollments").await;
    assert_eq!(enrollments.len(), students.len() + teachers.len());
    assert_eq!(within(&format!("{here}/students"), "users").await, students);
    assert_eq!(within(&format!("{here}/teachers"), "users").await, teachers);

    let student = students[0]["sourcedId"].as_str().unwrap();
    let own = within(&format!("students/{student}/classes"), "classes").await;
    assert_eq!(own.len(), 4);
    assert!(own.contains(class));
    assert_eq!(
        within(&format!("users/{student}/classes"), "classes").await,
        own
    );
    let teacher = teachers[0]["sourcedId"].as_str().unwrap();
    assert!(
        within(&format!("teachers/{teacher}/classes"), "classes")
            .await
            .contains(class)
    );
    let course = class["course"]["sourcedId"].as_str().unwrap();
    assert!(
        within(&format!("courses/{course}/classes"), "classes")
            .await
            .contains(class)
    );
    let term = class["terms"][0]["sourcedId"].as_str().unwrap();
    assert!(
        within(&format!("terms/{term}/classes"), "classes")
            .await
            .contains(class)
    );
    let periods = within(&format!("terms/{term}/gradingPeriods"), "academicSessions").await;
    assert!(
        periods.len() == 2
            && periods
                .iter()
                .all(|period| period["type"] == "gradingPeriod")
    );
}

#[tokio::test]
async fn nested_reads_give_what_belongs_to_a_school() {
    let world = World::of(800).await;
    let within = async |path: &str, name: &str| {
        let path = format!("schools/HS-01/{path}");
        world.all(V1p2, &path, name).await
    };
    let of_school = world
        .count(V1p2, "classes", "school.sourcedId='HS-01'")
        .await;
    assert_eq!(within("classes", "classes").await.len(), of_school);
    let of_school = world
        .count(V1p2, "students", "roles.org.sourcedId='HS-01'")
        .await;
    assert_eq!(within("students", "users").await.len(), of_school);
    for (path, name) in [
        ("enrollments", "enrollments"),
        ("teachers", "users"),
        ("courses", "courses"),
        ("terms", "academicSessions"),
    ] {
        let records = within(path, name).await;
        assert!(
            !records.is_empty() && distinct(&ids(&records)) == records.len(),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let world = World::of(100).await;
    let class = world.first_id("classes", "classes").await;
    for path in [
        "schools/XX-9/classes",
        "schools/D-1/classes",
        "classes/nothing/students",
        &format!("schools/XX-9/classes/{class}/students"),
        "users/nobody/classes",
        "orgs/HS-01/classes",
        "users/",
        "pupils",
        "enrollments/e-000001/users",
    ] {
        let got = world.get(V1p2, path, &[]).await;
        assert_eq!((got.status, got.minor()), (404, "unknownobject"), "{path}");
    }
    let posted = world
        .http
        .post(world.url(V1p2, "users"))
        .send()
        .await
        .unwrap();
    assert_eq!(posted.status(), 405);
}

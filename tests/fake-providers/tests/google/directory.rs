use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::time::Duration;

use fake_providers::google::{Change, Config, Privilege, RoleChange};
use serde_json::Value;

use crate::support::{REDIRECT, World, reason};

const ALL: (&str, &str) = ("customer", "my_customer");

fn emails(users: &[Value]) -> Vec<String> {
    users
        .iter()
        .map(|user| user["primaryEmail"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn pages_cover_everybody_once_in_order() {
    let world = World::of(1_203).await;
    let token = world.admin_token().await;
    let users = world
        .all(&token, "users", "users", &[ALL, ("maxResults", "500")])
        .await;
    assert_eq!(
        world
            .fake
            .journal()
            .entries_under("/admin/directory/v1/users")
            .len(),
        3
    );
    let listed = emails(&users);
    assert_eq!(listed.len(), 1_203);
    assert!(listed.is_sorted());
    let expected: BTreeSet<_> = world
        .fake
        .with_directory(|d| d.users().map(|u| u.email.to_string()).collect());
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), expected);
    assert!(world.fake.journal().unknown_parameters().is_empty());
}

#[tokio::test]
async fn a_user_looks_like_googles() {
    let world = World::of(500).await;
    let token = world.admin_token().await;
    let student = world.fake.accounts().student.unwrap();
    let (status, user) = world
        .get(
            &token,
            &format!("users/{student}"),
            &[("projection", "full")],
        )
        .await;
    assert_eq!(status, 200);
    assert_eq!(user["kind"], "admin#directory#user");
    assert_eq!(user["id"].as_str().unwrap().len(), 21);
    assert!(user["etag"].as_str().unwrap().starts_with('"'));
    assert!(
        user["orgUnitPath"]
            .as_str()
            .unwrap()
            .starts_with("/Students/")
    );
    assert_eq!(user["emails"][0]["primary"], true);
    assert_eq!(user["externalIds"][0]["type"], "organization");
    assert!(user["creationTime"].as_str().unwrap().ends_with("00Z"));
    assert!(user["customSchemas"]["SIS"]["grade"].is_string());
    let (_, basic) = world.get(&token, &format!("users/{student}"), &[]).await;
    assert!(basic.get("customSchemas").is_none());
    let (_, by_id) = world
        .get(
            &token,
            &format!("users/{}", user["id"].as_str().unwrap()),
            &[],
        )
        .await;
    assert_eq!(by_id["primaryEmail"], student.as_str());
}

#[tokio::test]
async fn a_user_is_found_by_alias_and_keeps_the_old_address_when_renamed() {
    let world = World::of(300).await;
    let token = world.admin_token().await;
    let teacher = world.fake.accounts().teacher.unwrap();
    let (_, before) = world.get(&token, &format!("users/{teacher}"), &[]).await;
    let change = Change::RenameUser {
        user: teacher.clone(),
        email: Some("Renamed.Person@maplegrove.example".to_owned()),
        given_name: None,
        family_name: Some("O'Hara".to_owned()),
    };
    world.fake.change(&change).unwrap();
    let (status, after) = world.get(&token, &format!("users/{teacher}"), &[]).await;
    assert_eq!(status, 200);
    assert_eq!(after["primaryEmail"], "renamed.person@maplegrove.example");
    assert_eq!(after["id"], before["id"]);
    assert_ne!(after["etag"], before["etag"]);
    assert!(
        after["aliases"]
            .as_array()
            .unwrap()
            .contains(&Value::from(teacher))
    );
}

#[tokio::test]
async fn a_field_mask_leaves_out_the_rest() {
    let world = World::of(20).await;
    let token = world.admin_token().await;
    let mask = "nextPageToken,users(id,name/givenName)";
    let (_, body) = world
        .get(
            &token,
            "users",
            &[ALL, ("fields", mask), ("maxResults", "5")],
        )
        .await;
    assert!(body.get("kind").is_none() && body["nextPageToken"].is_string());
    let user = body["users"][0].as_object().unwrap();
    assert_eq!(user.keys().collect::<Vec<_>>(), ["id", "name"]);
    assert_eq!(
        user["name"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["givenName"]
    );
    let (_, silent) = world
        .get(
            &token,
            "users",
            &[ALL, ("fields", "users(id)"), ("maxResults", "5")],
        )
        .await;
    assert!(silent.get("nextPageToken").is_none());
    let (status, body) = world
        .get(&token, "users", &[ALL, ("fields", "users(nope)")])
        .await;
    assert_eq!((status, reason(&body)), (400, "invalidParameter"));
}

#[tokio::test]
async fn what_google_refuses_in_a_listing_is_refused() {
    let world = World::of(20).await;
    let token = world.admin_token().await;
    let cases: [(&[(&str, &str)], u16, &str); 14] = [
        (&[], 400, "badRequest"),
        (&[ALL, ("maxResults", "501")], 400, "invalidParameter"),
        (&[ALL, ("maxResults", "0")], 400, "invalidParameter"),
        (&[ALL, ("maxResults", "many")], 400, "invalidParameter"),
        (&[ALL, ("orderBy", "age")], 400, "invalidParameter"),
        (&[ALL, ("projection", "more")], 400, "invalidParameter"),
        (&[ALL, ("projection", "custom")], 400, "invalid"),
        (&[ALL, ("showDeleted", "maybe")], 400, "invalidParameter"),
        (&[ALL, ("pageToken", "bm9uc2Vuc2U")], 400, "invalid"),
        (&[ALL, ("query", "orgUnitPath='/Nowhere'")], 400, "invalid"),
        (&[ALL, ("query", "shoeSize=9")], 400, "invalid"),
        (&[("customer", "C0somebody")], 403, "forbidden"),
        (&[("customer", "nobody!")], 400, "invalid"),
        (&[("domain", "riverbend.example")], 404, "notFound"),
    ];
    for (parameters, status, expected) in cases {
        let (got, body) = world.get(&token, "users", parameters).await;
        assert_eq!(
            (got, reason(&body)),
            (status, expected),
            "{parameters:?} {body}"
        );
    }
}

#[tokio::test]
async fn unknown_parameters_are_ignored_and_noted() {
    let world = World::of(20).await;
    let token = world.admin_token().await;
    let (status, _) = world
        .get(&token, "users", &[ALL, ("nextPageToken", "x")])
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        world.fake.journal().unknown_parameters(),
        ["nextPageToken".to_owned()].into()
    );
}

#[tokio::test]
async fn a_query_by_org_unit_covers_the_units_below() {
    let world = World::of(2_000).await;
    let token = world.admin_token().await;
    let unit = "/Students/O'Neill Elementary School";
    let asked = format!("orgUnitPath='{}'", unit.replace('\'', "\\'"));
    let found = world
        .all(
            &token,
            "users",
            "users",
            &[ALL, ("query", &asked), ("maxResults", "50")],
        )
        .await;
    let below = |path: &str| path == unit || path.starts_with(&format!("{unit}/"));
    let expected: Vec<_> = world.fake.with_directory(|directory| {
        let inside = directory
            .users()
            .filter(|user| below(directory.org_units().path(user.org_unit)));
        inside.map(|user| user.email.to_string()).collect()
    });
    assert!(expected.len() > 50);
    assert_eq!(emails(&found), expected);
    let (status, body) = world
        .get(&token, "users", &[ALL, ("query", "orgUnitPath='/Devices'")])
        .await;
    assert_eq!(status, 200);
    assert!(body.get("users").is_none(), "an empty list is left out");
}

#[tokio::test]
async fn queries_select_by_state_address_and_name() {
    let world = World::of(2_000).await;
    let token = world.admin_token().await;
    let find = async |query: &str| {
        world
            .all(
                &token,
                "users",
                "users",
                &[ALL, ("query", query), ("maxResults", "500")],
            )
            .await
    };
    let suspended = find("isSuspended=true").await;
    assert!(!suspended.is_empty() && suspended.iter().all(|user| user["suspended"] == true));
    assert_eq!(
        find("isSuspended=false").await.len() + suspended.len(),
        2_000
    );
    let teacher = world.fake.accounts().teacher.unwrap();
    let found = emails(&find(&format!("email={teacher}")).await);
    assert_eq!(found, std::slice::from_ref(&teacher));
    let start = &teacher[..6];
    assert!(emails(&find(&format!("email:{start}*")).await).contains(&teacher));
    let smiths = find("familyName=Smith isSuspended=false").await;
    assert!(
        !smiths.is_empty()
            && smiths
                .iter()
                .all(|user| user["name"]["familyName"] == "Smith")
    );
    let named = find("name:'Smith'").await;
    assert!(named.len() >= smiths.len());
}

#[tokio::test]
async fn listings_are_ordered_as_asked() {
    let world = World::of(300).await;
    let token = world.admin_token().await;
    let order = [
        ALL,
        ("orderBy", "familyName"),
        ("sortOrder", "DESCENDING"),
        ("maxResults", "70"),
    ];
    let users = world.all(&token, "users", "users", &order).await;
    assert_eq!(users.len(), 300);
    let names: Vec<_> = users
        .iter()
        .map(|user| user["name"]["familyName"].as_str().unwrap().to_lowercase())
        .collect();
    assert!(names.is_sorted_by(|one, other| one >= other));
}

#[tokio::test]
async fn a_domain_listing_misses_the_other_domain() {
    let world = World::of(300).await;
    let token = world.admin_token().await;
    let staff = world
        .all(
            &token,
            "users",
            "users",
            &[("domain", "maplegrove.example")],
        )
        .await;
    assert!(!staff.is_empty() && staff.len() < 100);
    assert!(
        emails(&staff)
            .iter()
            .all(|email| email.ends_with("@maplegrove.example"))
    );
}

#[tokio::test]
async fn page_tokens_expire_after_three_days_and_belong_to_their_listing() {
    let world = World::of(300).await;
    let token = world.admin_token().await;
    let (_, body) = world.get(&token, "users", &[ALL]).await;
    let next = body["nextPageToken"].as_str().unwrap();
    let other = [ALL, ("pageToken", next), ("orderBy", "givenName")];
    assert_eq!(world.get(&token, "users", &other).await.0, 400);
    world.fake.advance(Duration::from_secs(3 * 86_400 + 60));
    let token = world.admin_token().await;
    let (status, body) = world
        .get(&token, "users", &[ALL, ("pageToken", next)])
        .await;
    assert_eq!((status, reason(&body)), (400, "invalid"));
}

#[tokio::test]
async fn a_change_between_pages_loses_nobody_else() {
    let world = World::of(400).await;
    let token = world.admin_token().await;
    let (_, first) = world
        .get(&token, "users", &[ALL, ("maxResults", "200")])
        .await;
    let first_emails = emails(first["users"].as_array().unwrap());
    let gone = first_emails
        .iter()
        .find(|email| email.contains("students."))
        .unwrap();
    world
        .fake
        .change(&Change::DeleteUser { user: gone.clone() })
        .unwrap();
    let next = first["nextPageToken"].as_str().unwrap();
    let (_, second) = world
        .get(
            &token,
            "users",
            &[ALL, ("maxResults", "200"), ("pageToken", next)],
        )
        .await;
    let second_emails = emails(second["users"].as_array().unwrap());
    assert_eq!(first_emails.len() + second_emails.len(), 400);
    assert!(first_emails.last() < second_emails.first());
}

#[tokio::test]
async fn deleted_users_are_listed_for_twenty_days_and_keep_their_address() {
    let world = World::of(300).await;
    let token = world.admin_token().await;
    let student = world.fake.accounts().student.unwrap();
    let id = world
        .fake
        .change(&Change::DeleteUser {
            user: student.clone(),
        })
        .unwrap()
        .id;
    assert_eq!(world.get(&token, &format!("users/{id}"), &[]).await.0, 404);
    let (_, body) = world
        .get(&token, "users", &[ALL, ("showDeleted", "true")])
        .await;
    assert_eq!(body["users"][0]["primaryEmail"], student.as_str());
    assert!(body["users"][0]["deletionTime"].is_string());
    assert!(body["users"][0].get("orgUnitPath").is_none());
    let again = Change::AddUser {
        email: student.clone(),
        given_name: "New".to_owned(),
        family_name: "Person".to_owned(),
        org_unit: "/".to_owned(),
    };
    assert!(world.fake.change(&again).is_err());
    let back = Change::UndeleteUser {
        user: id.clone(),
        org_unit: "/Devices".to_owned(),
    };
    assert_eq!(world.fake.change(&back).unwrap().id, id);
    world
        .fake
        .change(&Change::DeleteUser { user: student })
        .unwrap();
    world.fake.advance(Duration::from_secs(21 * 86_400));
    assert!(world.fake.change(&back).is_err());
    assert_ne!(world.fake.change(&again).unwrap().id, id);
}

#[tokio::test]
async fn org_units_are_listed_by_type() {
    let world = World::of(300).await;
    let token = world.admin_token().await;
    let paths = async |parameters: &[(&str, &str)]| {
        let (status, body) = world
            .get(&token, "customer/my_customer/orgunits", parameters)
            .await;
        assert_eq!(status, 200, "{body}");
        let units = body["organizationUnits"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        units
            .iter()
            .map(|unit| unit["orgUnitPath"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let children = paths(&[]).await;
    assert_eq!(
        children,
        [
            "/Devices",
            "/Former Students",
            "/Service Accounts",
            "/Staff",
            "/Students"
        ]
    );
    let all = paths(&[("type", "all")]).await;
    assert!(all.len() > 20 && !all.contains(&"/".to_owned()));
    let with_root = paths(&[("type", "allIncludingParent")]).await;
    assert_eq!(with_root.len(), all.len() + 1);
    assert!(paths(&[("orgUnitPath", "/Devices")]).await.is_empty());
    assert_eq!(
        paths(&[("orgUnitPath", "/Devices"), ("type", "allIncludingParent")]).await,
        ["/Devices"]
    );
}

#[tokio::test]
async fn an_org_unit_is_found_by_path_and_id_and_keeps_its_id() {
    let world = World::of(300).await;
    let token = world.admin_token().await;
    let base = "customer/my_customer/orgunits";
    let (status, unit) = world
        .get(&token, &format!("{base}/staff/District%20Office"), &[])
        .await;
    assert_eq!(status, 200);
    assert_eq!(unit["parentOrgUnitPath"], "/Staff");
    let rename = Change::RenameOrgUnit {
        org_unit: "/Staff".to_owned(),
        name: "Employees".to_owned(),
    };
    world.fake.change(&rename).unwrap();
    let id = unit["orgUnitId"].as_str().unwrap().replace(':', "%3A");
    let (_, moved) = world.get(&token, &format!("{base}/{id}"), &[]).await;
    assert_eq!(moved["orgUnitPath"], "/Employees/District Office");
    let (status, body) = world.get(&token, &format!("{base}/Staff"), &[]).await;
    assert_eq!(
        (status, body["error"]["message"].as_str()),
        (404, Some("Org unit not found"))
    );
}

#[tokio::test]
async fn a_known_etag_saves_the_body() {
    let world = World::of(20).await;
    let token = world.admin_token().await;
    let admin = world.fake.accounts().super_admin;
    let path = format!("users/{admin}");
    let etag = world.get_raw(&token, &path, &[]).await.headers()["etag"].clone();
    let again = async || {
        let request = world
            .http
            .get(world.url(&format!("/admin/directory/v1/{path}")))
            .bearer_auth(&token);
        request
            .header("if-none-match", etag.clone())
            .send()
            .await
            .unwrap()
    };
    let response = again().await;
    assert_eq!(response.status(), 304);
    assert!(response.bytes().await.unwrap().is_empty());
    world
        .fake
        .change(&Change::MoveUser {
            user: admin.clone(),
            org_unit: "/Devices".to_owned(),
        })
        .unwrap();
    assert_eq!(again().await.status(), 200);
}

#[tokio::test]
async fn answers_are_compressed_only_for_a_client_that_says_gzip_twice() {
    let world = World::of(200).await;
    let token = world.admin_token().await;
    let ask = async |agent: &str| {
        let url = world.url("/admin/directory/v1/users?customer=my_customer");
        let request = world
            .http
            .get(url)
            .bearer_auth(&token)
            .header("user-agent", agent);
        request
            .header("accept-encoding", "gzip")
            .send()
            .await
            .unwrap()
    };
    assert!(
        ask("rollcall")
            .await
            .headers()
            .get("content-encoding")
            .is_none()
    );
    let response = ask("rollcall (gzip)").await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let mut plain = String::new();
    let body = response.bytes().await.unwrap();
    flate2::read::GzDecoder::new(body.as_ref())
        .read_to_string(&mut plain)
        .unwrap();
    let users: Value = serde_json::from_str(&plain).unwrap();
    assert_eq!(users["users"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn missing_and_dead_tokens_are_told_apart() {
    let world = World::of(20).await;
    let url = world.url("/admin/directory/v1/users?customer=my_customer");
    let (status, body) = crate::support::answer(world.http.get(url).send().await.unwrap()).await;
    assert_eq!((status, reason(&body)), (401, "required"));
    let (status, body) = world.get("ya29.nonsense", "users", &[ALL]).await;
    assert_eq!((status, reason(&body)), (401, "authError"));
    assert_eq!(body["error"]["status"], "UNAUTHENTICATED");
    let token = world.admin_token().await;
    world.fake.advance(Duration::from_secs(3_600));
    assert_eq!(world.get(&token, "users", &[ALL]).await.0, 401);
}

#[tokio::test]
async fn each_endpoint_wants_its_scope() {
    let world = World::of(20).await;
    let admin = world.fake.accounts().super_admin;
    let token = world.token(&admin, &["user.readonly"]).await;
    assert_eq!(world.get(&token, "users", &[ALL]).await.0, 200);
    for path in [
        "customer/my_customer/orgunits",
        "groups?customer=my_customer",
        "customer/my_customer/domains",
        "customers/my_customer",
    ] {
        let response = world.get_raw(&token, path, &[]).await;
        let challenge = response.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            challenge.contains("error=\"insufficient_scope\""),
            "{challenge}"
        );
        let (status, body) = crate::support::answer(response).await;
        assert_eq!(
            (status, reason(&body)),
            (403, "insufficientPermissions"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn only_administrators_read_and_a_delegated_role_is_enough_for_users_and_units() {
    let world = World::of(500).await;
    let accounts = world.fake.accounts();
    let scopes = ["user.readonly", "orgunit.readonly", "group.readonly"];
    let teacher = world.token(&accounts.teacher.unwrap(), &scopes).await;
    let (status, body) = world.get(&teacher, "users", &[ALL]).await;
    assert_eq!((status, reason(&body)), (403, "forbidden"));
    let delegated = world
        .token(&accounts.delegated_admin.unwrap(), &scopes)
        .await;
    assert_eq!(world.get(&delegated, "users", &[ALL]).await.0, 200);
    assert_eq!(
        world
            .get(&delegated, "customer/my_customer/orgunits", &[])
            .await
            .0,
        200
    );
    assert_eq!(world.get(&delegated, "groups", &[ALL]).await.0, 403);
    let stranger = world.token(&accounts.elsewhere.unwrap(), &scopes).await;
    assert_eq!(world.get(&stranger, "users", &[ALL]).await.0, 403);
}

#[tokio::test]
async fn an_administrator_of_one_unit_sees_a_part_with_status_200() {
    let world = World::of(500).await;
    let admin = world.fake.accounts().delegated_admin.unwrap();
    let role = RoleChange::Delegated {
        privileges: [Privilege::UsersRead, Privilege::OrgUnitsRead].into(),
        org_unit: Some("/Staff".to_owned()),
    };
    world
        .fake
        .change(&Change::SetRole {
            user: admin.clone(),
            role,
        })
        .unwrap();
    let token = world.token(&admin, &["user.readonly"]).await;
    let seen = world.all(&token, "users", "users", &[ALL]).await;
    assert!(!seen.is_empty() && seen.len() < 100);
    assert!(
        seen.iter()
            .all(|user| user["orgUnitPath"].as_str().unwrap().starts_with("/Staff"))
    );
    let student = world.fake.accounts().student.unwrap();
    assert_eq!(
        world.get(&token, &format!("users/{student}"), &[]).await.0,
        403
    );
}

#[tokio::test]
async fn the_quota_is_counted_per_minute() {
    let config = Config {
        quota_per_minute: 3,
        account_quota_per_minute: Some(5),
        ..Config::with_redirect(REDIRECT)
    };
    let world = World::with(50, config).await;
    let accounts = world.fake.accounts();
    let one = world.admin_token().await;
    let other = world
        .token(&accounts.delegated_admin.unwrap(), &["user.readonly"])
        .await;
    // The start of a minute, so that it does not end in between.
    let into_minute = world.fake.clock().now_ms() % 60_000;
    world.fake.advance(Duration::from_millis(
        u64::try_from(60_000 - into_minute).unwrap(),
    ));
    let mut seen = BTreeMap::new();
    for (token, calls) in [(&one, 5), (&other, 3)] {
        for _ in 0..calls {
            let (status, body) = world.get(token, "users", &[ALL]).await;
            *seen.entry((status, reason(&body).to_owned())).or_insert(0) += 1;
        }
    }
    let expected = [
        ((200, String::new()), 5),
        ((403, "userRateLimitExceeded".to_owned()), 2),
        ((429, "rateLimitExceeded".to_owned()), 1),
    ];
    assert_eq!(seen, expected.into());
    world.fake.advance(Duration::from_secs(60));
    assert_eq!(world.get(&one, "users", &[ALL]).await.0, 200);
}

#[tokio::test]
async fn domains_and_the_customer_can_be_read() {
    let world = World::of(20).await;
    let token = world.admin_token().await;
    let (_, body) = world.get(&token, "customer/my_customer/domains", &[]).await;
    let names: Vec<_> = body["domains"]
        .as_array()
        .unwrap()
        .iter()
        .map(|domain| domain["domainName"].clone())
        .collect();
    assert_eq!(names, ["maplegrove.example", "students.maplegrove.example"]);
    let (_, customer) = world.get(&token, "customers/my_customer", &[]).await;
    assert_eq!(customer["customerDomain"], "maplegrove.example");
}

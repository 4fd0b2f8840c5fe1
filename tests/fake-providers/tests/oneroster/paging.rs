//! Pages, counts and links.

use fake_providers::oneroster::{Change, EmptyList, Kind, LinkStyle, Quirks, TotalCount, User};
use fake_providers::oneroster::{Record, Role};

use crate::support::{V1p1, V1p2, World, distinct, links};

/// A user that is not there yet.
pub(crate) fn newcomer() -> Record {
    Record::User(Box::new(User {
        username: None,
        enabled: true,
        given_name: "Ada".to_owned(),
        family_name: "Newcomer".to_owned(),
        middle_name: String::new(),
        preferred_first_name: None,
        identifier: "900001".to_owned(),
        email: String::new(),
        phone: String::new(),
        roles: vec![Role {
            role: "student".to_owned(),
            org: "HS-01".to_owned(),
        }],
        agents: Vec::new(),
        grades: Vec::new(),
        password: String::new(),
        metadata: std::collections::BTreeMap::new(),
        demographics: None,
    }))
}

#[tokio::test]
async fn pages_follow_each_other_by_count_and_by_link() {
    let world = World::of(250).await;
    let first = world.get(V1p2, "users", &[]).await;
    let total = first.total();
    assert_eq!(first.list("users").len(), 100);
    assert_eq!(
        total,
        world.fake.with_dataset(|dataset| dataset.count(Kind::User))
    );
    let mut found = first.ids("users");
    let mut at = links(first.header("link").unwrap());
    assert!(!at.contains_key("prev"));
    while let Some(next) = at.get("next") {
        let page = world.get_as(crate::support::BEARER, next, &[]).await;
        found.extend(page.ids("users"));
        at = links(page.header("link").unwrap());
        assert!(at.contains_key("prev"));
    }
    assert_eq!((found.len(), distinct(&found)), (total, total));
    let past = world.get(V1p2, "users", &[("offset", "100000")]).await;
    assert_eq!((past.status, past.total()), (200, total));
    assert!(past.list("users").is_empty());
}

#[tokio::test]
async fn links_keep_the_filter_and_the_order() {
    let world = World::of(100).await;
    let parameters = [
        ("filter", "status='active'"),
        ("sort", "familyName"),
        ("limit", "10"),
    ];
    let first = world.get(V1p1, "users", &parameters).await;
    let at = links(first.header("link").unwrap());
    let second = world.get_as(crate::support::BEARER, &at["next"], &[]).await;
    let expected = [&parameters[..], &[("offset", "10")]].concat();
    let expected = world.get(V1p1, "users", &expected).await;
    assert_eq!(second.body, expected.body);
}

#[tokio::test]
async fn limits_and_offsets_that_are_none_are_refused() {
    let world = World::of(20).await;
    for parameter in [
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", "many"),
        ("offset", "-1"),
        ("offset", "x"),
    ] {
        let got = world.get(V1p2, "users", &[parameter]).await;
        assert_eq!(
            (got.status, got.minor()),
            (400, "invaliddata"),
            "{parameter:?}"
        );
    }
}

#[tokio::test]
async fn counts_can_be_missing_or_wrong() {
    let world = World::of(150).await;
    let right = world.get(V1p1, "users", &[]).await.total();
    let count = async |total_count: TotalCount| {
        world.set_quirks(|quirks| quirks.total_count = total_count);
        let got = world.get(V1p1, "users", &[]).await;
        got.header("x-total-count")
            .map(|count| count.parse::<usize>().unwrap())
    };
    assert_eq!(count(TotalCount::Missing).await, None);
    assert_eq!(count(TotalCount::OfThePage).await, Some(100));
    assert!(count(TotalCount::TooHigh).await.unwrap() > right);
}

#[tokio::test]
async fn a_limit_can_be_capped_without_a_word() {
    let world = World::of(150).await;
    world.set_quirks(|quirks| quirks.page_limit = Some(30));
    let got = world.get(V1p1, "users", &[("limit", "100")]).await;
    assert_eq!((got.status, got.list("users").len()), (200, 30));
}

#[tokio::test]
async fn an_offset_can_be_ignored_or_count_from_one() {
    let world = World::of(150).await;
    let at = async |offset: &str| {
        let parameters = [("offset", offset), ("limit", "20")];
        world.get(V1p1, "users", &parameters).await
    };
    let right = at("40").await.ids("users");
    let first = at("0").await.ids("users");
    world.set_quirks(|quirks| quirks.ignores_offset = true);
    assert_eq!(at("40").await.ids("users"), first);
    world.set_quirks(|quirks| quirks.offset_from_one = true);
    assert_eq!(at("41").await.ids("users"), right);
    assert_eq!(at("0").await.ids("users"), first);
    let page = at("1").await;
    assert_eq!(page.ids("users"), first);
    let next = &links(page.header("link").unwrap())["next"];
    assert!(next.ends_with("limit=20&offset=21"), "{next}");
}

#[tokio::test]
async fn links_can_be_bare_elsewhere_endless_or_missing() {
    let world = World::of(150).await;
    let link = async |style: LinkStyle, offset: &str| {
        world.set_quirks(|quirks| quirks.links = style);
        let got = world.get(V1p1, "users", &[("offset", offset)]).await;
        got.header("link").map(str::to_owned)
    };
    let bare = link(LinkStyle::Bare, "0").await.unwrap();
    assert!(
        bare.starts_with("http://127.0.0.1") && !bare.contains('<'),
        "{bare}"
    );
    let elsewhere = link(LinkStyle::OtherHost, "0").await.unwrap();
    let next = &links(&elsewhere)["next"];
    let inner = "http://roster-app-7.internal:8080/ims/oneroster/v1p1/users?";
    assert!(next.starts_with(inner), "{next}");
    let past = link(LinkStyle::Standard, "5000").await.unwrap();
    assert!(!links(&past).contains_key("next"));
    let past = link(LinkStyle::NextOnLast, "5000").await.unwrap();
    assert!(links(&past)["next"].ends_with("offset=5100"));
    assert_eq!(link(LinkStyle::Missing, "0").await, None);
}

#[tokio::test]
async fn an_empty_list_can_be_not_found() {
    let quirks = Quirks {
        empty_list: EmptyList::NotFound,
        ..Quirks::default()
    };
    let world = World::quirky(50, quirks).await;
    let nobody = [("filter", "familyName='nobody at all'")];
    assert_eq!(world.get(V1p2, "users", &nobody).await.status, 404);
    assert_eq!(
        world.get(V1p2, "users", &[("offset", "9999")]).await.status,
        404
    );
    world.set_quirks(|_| {});
    let got = world.get(V1p2, "users", &nobody).await;
    assert_eq!((got.status, got.total()), (200, 0));
}

#[tokio::test]
async fn rows_move_while_somebody_pages() {
    let world = World::of(150).await;
    let page = async |offset: &str| {
        let parameters = [("offset", offset), ("limit", "20")];
        world.get(V1p1, "users", &parameters).await.ids("users")
    };
    let (first, second) = (page("0").await, page("20").await);
    let put = Change::Put {
        sourced_id: "u-new".to_owned(),
        record: Box::new(newcomer()),
        first: true,
    };
    world.fake.schedule(1, put);
    assert_eq!(page("0").await, first);
    // What moved down is there twice.
    assert_eq!(page("20").await[0], first[19]);
    assert_eq!(page("0").await[0], "u-new");
    for id in ["u-new", &first[0]] {
        let remove = Change::Remove {
            kind: Kind::User,
            sourced_id: id.to_owned(),
        };
        world.fake.schedule(2, remove);
    }
    page("0").await;
    page("0").await;
    // What moved up is missing.
    assert_eq!(page("20").await[0], second[1]);
}

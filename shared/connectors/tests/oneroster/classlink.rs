//! ClassLink's proxy: applications, keys that change, and rosters behind escaped ids.

use super::driver::bearer;
use super::server::{ok, raw};
use connectors::base_url::BaseUrl;
use connectors::fetch::{Connector, Poll, Refusal};
use connectors::oneroster::classlink::{
    APPLICATIONS_PAGE, Application, PROXY_URL, ProxyError, Standing, applications_request, find,
    parse_applications, parse_server, server_request, service, standing,
};
use connectors::oneroster::fetch::{CLASSLINK_PAGE_LIMIT, Fetch};
use serde_json::{Value, json};

fn proxy() -> BaseUrl {
    BaseUrl::parse("http://proxy.example/").unwrap()
}

fn row(tenant: u32, bearer: Option<&str>, enabled: &str) -> Value {
    json!({ "id": 1011, "application_id": 1011, "tenant_id": tenant, "tenant_name": "Maple Grove Schools", "tenant_status": "Active",
        "enabled": enabled, "bearer": bearer, "oneroster_application_id": format!("%2FgVa{tenant}%3D"), "name": "Roster Sync", "version": "1.1" })
}

fn applications(rows: &[Value]) -> Vec<Application> {
    let page = parse_applications(&ok(&json!({ "status": 1, "applications": rows })));
    page.unwrap().applications
}

#[test]
fn the_real_proxy_is_an_address() {
    assert!(BaseUrl::parse(PROXY_URL).is_ok());
}

#[test]
fn applications_are_read_with_their_odd_values() {
    let all = applications(&[
        row(9_021, Some("secret-bearer"), "true"),
        row(9_022, None, "false"),
        json!({ "tenant_id": 1 }),
        json!({ "tenant_id": 1, "oneroster_application_id": "a/b?c" }),
    ]);
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].application_id_escaped, "%2FgVa9021%3D");
    assert_eq!((all[0].tenant_id.as_str(), all[0].enabled), ("9021", true));
    assert_eq!((all[1].bearer.as_deref(), all[1].enabled), (None, false));
    assert!(!format!("{all:?}").contains("secret-bearer"));
    assert_eq!(find(&all, "9022"), Some(&all[1]));
    assert_eq!(find(&all, "%2FgVa9021%3D"), Some(&all[0]));
    assert_eq!(find(&all, "/gVa9021="), Some(&all[0]));
    assert_eq!(find(&all, "9999"), None);
}

#[test]
fn pages_are_read_until_a_short_one() {
    let limit = usize::try_from(APPLICATIONS_PAGE).unwrap();
    for (rows, is_last) in [(0, true), (1, true), (limit - 1, true), (limit, false)] {
        let rows: Vec<_> = (0..rows)
            .map(|n| row(u32::try_from(n).unwrap(), None, "true"))
            .collect();
        let page = parse_applications(&ok(&json!({ "status": 1, "applications": rows }))).unwrap();
        assert_eq!((page.is_last, page.rows), (is_last, rows.len() as u64));
    }
    let request = applications_request(&proxy(), "partner", 200).unwrap();
    assert_eq!(
        request.uri(),
        "http://proxy.example/applications?limit=100&offset=200"
    );
    assert_eq!(request.headers()["authorization"], "Bearer partner");
}

#[test]
fn o11_an_escaped_id_goes_into_the_path_as_it_is() {
    let request = server_request(&proxy(), "partner", "%2FgVa0demo%3D").unwrap();
    assert_eq!(request.uri().path(), "/applications/%2FgVa0demo%3D/server");
    let base = service(&proxy(), "%2FgVa0demo%3D").unwrap();
    let mut plan = super::driver::plan(connectors::oneroster::Version::V1_1);
    plan.base = base;
    plan.page_limit = CLASSLINK_PAGE_LIMIT;
    let mut fetch = Fetch::start(plan, super::driver::now());
    let Poll::Send { request, .. } = fetch.poll(super::driver::now(), &bearer("b")) else {
        panic!("a request")
    };
    assert_eq!(
        request.uri().path_and_query().unwrap().as_str(),
        "/%2FgVa0demo%3D/ims/oneroster/v1p1/orgs?limit=10000&offset=0&sort=sourcedId&orderBy=asc"
    );
    for id in ["", "..", "a/b", "a?b", "a#b", "a b", "a\r\nb", "é"] {
        assert!(service(&proxy(), id).is_err(), "{id:?}");
        assert!(server_request(&proxy(), "partner", id).is_err(), "{id:?}");
    }
}

#[test]
fn credentials_of_a_server_are_read() {
    let body = json!({ "status": 1, "server": { "client_id": "ck", "client_secret": "very-secret", "endpoint_url": "https://maple.rosterserver.example" }, "message": "" });
    let server = parse_server(&ok(&body)).unwrap();
    assert_eq!(
        (server.client_id.as_str(), server.client_secret.as_str()),
        ("ck", "very-secret")
    );
    assert!(!format!("{server:?}").contains("very-secret"));
    for body in [
        json!({}),
        json!({ "status": 0, "server": {} }),
        json!({ "status": 1, "server": { "client_id": "ck" } }),
    ] {
        assert_eq!(
            parse_server(&ok(&body)),
            Err(ProxyError::Malformed),
            "{body}"
        );
    }
}

#[test]
fn each_failure_of_the_proxy_has_a_name() {
    let refused = |refusal| ProxyError::Refused { refusal };
    for (status, body, error) in [
        (401, "<html>", ProxyError::PartnerKey),
        (403, "", refused(Refusal::MissingScope)),
        (404, "", refused(Refusal::NotFound)),
        (302, "", refused(Refusal::Unexpected { status: 302 })),
        (502, "<html>", ProxyError::Transient { retry_after: None }),
        (429, "", ProxyError::Transient { retry_after: None }),
        (200, "<html>", ProxyError::Malformed),
        (200, "{}", ProxyError::Malformed),
        (
            200,
            r#"{"status":1,"applications":{}}"#,
            ProxyError::Malformed,
        ),
        (
            200,
            r#"{"status":0,"applications":[]}"#,
            ProxyError::Malformed,
        ),
        (
            200,
            r#"{"status":1,"applications":[{"x":1}]}"#,
            ProxyError::Malformed,
        ),
    ] {
        let answer = raw(status, "application/json", body);
        assert_eq!(parse_applications(&answer), Err(error), "{status} {body}");
    }
}

#[test]
fn o17_a_refused_key_is_stale_or_the_district_has_left() {
    let of = |rows: &[Value]| standing(applications(rows).first(), "old");
    assert_eq!(
        of(&[row(1, Some("new"), "true")]),
        Standing::Rotated("new".to_owned())
    );
    assert_eq!(of(&[row(1, Some("old"), "true")]), Standing::Revoked);
    assert_eq!(of(&[row(1, None, "true")]), Standing::NotApproved);
    assert_eq!(of(&[row(1, Some("new"), "false")]), Standing::Disabled);
    assert_eq!(of(&[]), Standing::NotApproved);
    assert!(!format!("{:?}", Standing::Rotated("secret".to_owned())).contains("secret"));
}

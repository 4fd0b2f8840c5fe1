//! Ten thousand wrong passwords, and the right person.

use super::passwords::{RIGHT, attempt, password_school};
use http::StatusCode;
use serde_json::Value;

const GUESSES: usize = 10_000;

#[test]
fn ten_thousand_guesses_from_one_address_are_stopped_and_keep_nobody_else_out() {
    let school = password_school();
    let mut hers = school.browser();
    attempt(&mut hers, "dokafor", RIGHT).location();
    let mut guesser = school.browser();
    let form = guesser.get("/login/maple/password");
    let mut looked_at = 0;
    for number in 0..GUESSES {
        let guess = format!("guess {number}");
        let page = guesser.submit(&form, &[("name", "dokafor"), ("password", &guess)]);
        match page.status {
            StatusCode::FORBIDDEN => looked_at += 1,
            StatusCode::TOO_MANY_REQUESTS => {
                assert!(page.headers.contains_key("retry-after"));
            }
            other => panic!("{other}: {}", page.html),
        }
    }
    assert_eq!(looked_at, 10 - 1, "one attempt was hers");
    // Even the right password is not looked at there.
    attempt(&mut guesser, "dokafor", RIGHT)
        .says(StatusCode::TOO_MANY_REQUESTS, "Too many attempts");
    // Her own browser, in the same school.
    let done = attempt(&mut hers, "dokafor", RIGHT);
    assert_eq!(done.location(), "/login/maple/signed-in");
    // Any browser somewhere else.
    let mut elsewhere = school.browser();
    elsewhere.address = "198.51.100.9:4711".to_owned();
    let done = attempt(&mut elsewhere, "dokafor", RIGHT);
    assert_eq!(done.location(), "/login/maple/signed-in");
    // Others in the same school.
    attempt(&mut guesser, "leo@maple.example", "x").says(StatusCode::FORBIDDEN, "do not belong");
}

#[test]
fn guesses_from_everywhere_are_stopped_and_her_browser_signs_in() {
    let school = password_school();
    let mut hers = school.browser();
    attempt(&mut hers, "dokafor", RIGHT).location();
    let mut guesser = school.browser();
    let form = guesser.get("/login/maple/password");
    let mut looked_at = 0;
    for number in 0..300 {
        guesser.address = format!("198.51.{}.{}:1", number / 200, number % 200);
        let page = guesser.submit(&form, &[("name", "dokafor"), ("password", "x")]);
        looked_at += usize::from(page.status == StatusCode::FORBIDDEN);
    }
    assert_eq!(looked_at, 100 - 1);
    let done = attempt(&mut hers, "dokafor", RIGHT);
    assert_eq!(done.location(), "/login/maple/signed-in");
    // A code from the administrator works from anywhere.
    let (_, code) = school.admin("POST", "/accounts/a1/password", &Value::Null);
    let mut anywhere = school.browser();
    anywhere.address = "192.0.2.1:1".to_owned();
    attempt(&mut anywhere, "dokafor", RIGHT).says(StatusCode::TOO_MANY_REQUESTS, "Too many");
    let done = attempt(&mut anywhere, "dokafor", code["code"].as_str().unwrap());
    assert_eq!(done.location(), "/login/maple/password/change");
}

#[test]
fn a_limit_says_nothing_about_whether_there_is_an_account() {
    let school = password_school();
    let mut pages = Vec::new();
    for name in ["dokafor", "nobody", "made@maple.example"] {
        let mut guesser = school.browser();
        let form = guesser.get("/login/maple/password");
        let statuses: Vec<u16> = (0..15)
            .map(|_| {
                let page = guesser.submit(&form, &[("name", name), ("password", "x")]);
                page.status.as_u16()
            })
            .collect();
        let page = guesser.submit(&form, &[("name", name), ("password", "x")]);
        pages.push((statuses, page.html));
    }
    pages.dedup();
    assert_eq!(pages.len(), 1, "{pages:#?}");
}

#[test]
fn the_store_and_the_counters_know_no_names_and_no_addresses() {
    let school = password_school();
    let mut browser = school.browser();
    attempt(&mut browser, "somebody-typed-this", "x").says(StatusCode::FORBIDDEN, "belong");
    for (key, value) in school.district.dump() {
        let text = format!("{key} {}", String::from_utf8_lossy(&value));
        assert!(!text.contains("somebody-typed-this"), "{text}");
        assert!(!text.contains("203.0.113.7"), "{text}");
    }
    let (_, metrics) = {
        let request = super::super::district::request(
            http::Method::GET,
            super::super::district::OPERATOR,
            "/metrics",
            &Value::Null,
        );
        let response = school.district.send(request);
        let text = String::from_utf8(response.body().to_vec()).unwrap();
        (response.status(), text)
    };
    assert!(
        metrics.contains("rollcall_sign_ins_total{result=\"wrong_password\"} 1"),
        "{metrics}"
    );
}

#[test]
fn whoever_is_asked_for_the_same_is_read_and_counted() {
    let school = password_school();
    let ports = &school.district.ports;
    let mut counts = Vec::new();
    for name in [
        "dokafor",
        "leo@maple.example",
        "made@maple.example",
        "nobody",
    ] {
        let mut browser = school.browser();
        let form = browser.get("/login/maple/password");
        let costs: Vec<u64> = (0..12)
            .map(|_| {
                let before = ports.operations();
                browser.submit(&form, &[("name", name), ("password", "x")]);
                ports.operations() - before
            })
            .collect();
        counts.push(costs.get(1..).unwrap().to_vec());
    }
    counts.dedup();
    assert_eq!(counts.len(), 1, "{counts:?}");
}

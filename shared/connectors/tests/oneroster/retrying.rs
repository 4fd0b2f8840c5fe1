//! Trouble that passes, and trouble that does not.

use super::driver::{Answer, bearer, driver, now, plan, stage};
use super::server::{Quirks, Server, raw};
use bytes::Bytes;
use connectors::fetch::{
    ATTEMPTS_MAX, Asking, Cause, CompleteRead, FetchError, Refusal, TransportFailure,
};
use connectors::oneroster::fetch::{Fetch, PAGE_BYTES_MAX};
use connectors::oneroster::{Access, SignatureMethod, Version};
use http::{Request, Response};
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// Reads a district of ten whose lists of users answer so for the first times.
fn read_with_trouble(
    times: usize,
    trouble: impl Fn() -> Answer,
) -> (Result<CompleteRead, FetchError>, SignedDuration) {
    let server = Server::new(Version::V1_1, 7);
    let mut left = times;
    let mut driver = driver(|request: &Request<Bytes>| {
        if left > 0 && request.uri().path().ends_with("users") {
            left -= 1;
            return trouble();
        }
        Ok(server.answer(request))
    });
    driver.crashes = true;
    let (batches, end) = driver.run(Fetch::start(plan(Version::V1_1), now()));
    if end.is_ok() {
        assert_eq!(stage(batches).records.len(), 10);
    }
    (end, driver.now.duration_since(now()))
}

fn passing() -> Vec<(Cause, Answer)> {
    let server = Server::new(Version::V1_1, 1);
    let status = |status| Cause::ServerError { status };
    vec![
        (Cause::RateLimited, Ok(server.error(429, "server_busy"))),
        (Cause::RateLimited, Ok(server.error(503, "server_busy"))),
        (Cause::RateLimited, Ok(raw(429, "text/plain", "slow down"))),
        (status(500), Ok(server.error(500, "internal_server_error"))),
        (status(502), Ok(raw(502, "text/html", "<html>"))),
        (status(503), Ok(raw(503, "text/html", ""))),
        (status(504), Ok(raw(504, "text/html", ""))),
        (Cause::Connection, Err(TransportFailure::Failed)),
    ]
}

#[test]
fn trouble_that_passes_costs_time_and_nobody() {
    for (cause, trouble) in passing() {
        let (end, waited) = read_with_trouble(2, || trouble.clone());
        assert!(end.is_ok(), "{cause}: {end:?}");
        assert!((6..=8).contains(&waited.as_secs()), "{cause}: {waited}");
    }
}

#[test]
fn trouble_that_stays_is_reported_with_its_cause() {
    for (cause, trouble) in passing() {
        let (end, _) = read_with_trouble(usize::MAX, || trouble.clone());
        let (asking, attempts) = (Asking::Users, ATTEMPTS_MAX);
        assert_eq!(
            end,
            Err(FetchError::GaveUp {
                asking,
                attempts,
                cause
            })
        );
    }
}

#[test]
fn retry_after_is_obeyed() {
    let (end, waited) = read_with_trouble(1, || {
        let mut response = raw(429, "text/plain", "");
        response
            .headers_mut()
            .insert("retry-after", "90".parse().unwrap());
        Ok(response)
    });
    assert!(end.is_ok() && (90..=91).contains(&waited.as_secs()));
}

#[test]
fn refusals_are_final_and_say_what_to_do() {
    let server = Server::new(Version::V1_1, 1);
    let cases: [(Response<Bytes>, Refusal); 6] = [
        (server.error(403, "forbidden"), Refusal::MissingScope),
        (server.error(400, "invaliddata"), Refusal::BadRequest),
        (server.error(422, "invaliddata"), Refusal::BadRequest),
        (server.error(404, "unknownobject"), Refusal::NotFound),
        (raw(404, "text/html", "<html>"), Refusal::NotFound),
        (
            raw(302, "text/html", ""),
            Refusal::Unexpected { status: 302 },
        ),
    ];
    let asking = Asking::Users;
    for (response, refusal) in cases {
        let (end, waited) = read_with_trouble(1, || Ok(response.clone()));
        assert_eq!(end, Err(FetchError::Refused { asking, refusal }));
        assert!(waited.is_zero());
    }
    let (end, _) = read_with_trouble(1, || Err(TransportFailure::Denied));
    assert_eq!(end, Err(FetchError::Blocked));
}

#[test]
fn dead_access_is_renewed_once_and_the_read_goes_on() {
    let server = Server::new(Version::V1_1, 7);
    for crashes in [false, true] {
        let mut driver = driver(|request: &Request<Bytes>| Ok(server.answer(request)));
        driver.access = bearer("old");
        driver.crashes = crashes;
        let (_, end) = driver.run(Fetch::start(plan(Version::V1_1), now()));
        assert_eq!(end.unwrap().totals().records, 10);
        assert_eq!(driver.tokens_asked, 1);
    }
    let mut driver = driver(|_: &_| Ok(raw(401, "text/html", "<html>")));
    let (_, end) = driver.run(Fetch::start(plan(Version::V1_1), now()));
    assert_eq!(end, Err(FetchError::Unauthorized));
}

/// Answers pages of at most so many rows; `heavy` is what a larger one gets.
fn read_heavy(most: usize, page_limit: u32, heavy: Option<&Answer>) -> (usize, Vec<u32>) {
    let quirks = Quirks {
        gateway: heavy.is_none().then_some(most),
        ..Quirks::default()
    };
    let server = Server::with(197, quirks);
    let mut limits = Vec::new();
    let mut driver = driver(|request: &Request<Bytes>| {
        let asked = super::server::parameters(request);
        let limit: u32 = asked["limit"].parse().unwrap();
        if request.uri().path().ends_with("users") {
            limits.push(limit);
        }
        match heavy {
            Some(heavy) if usize::try_from(limit).unwrap() > most => heavy.clone(),
            _ => Ok(server.answer(request)),
        }
    });
    driver.crashes = true;
    let mut plan = plan(Version::V1_1);
    plan.page_limit = page_limit;
    let (batches, end) = driver.run(Fetch::start(plan, now()));
    assert!(end.is_ok(), "{end:?}");
    let records = stage(batches).records.len();
    (records, limits)
}

#[test]
fn o14_a_page_too_large_for_a_gateway_is_asked_for_in_halves() {
    let (records, limits) = read_heavy(50, 160, None);
    assert_eq!(records, 200);
    assert!(limits.contains(&40) && !limits.contains(&20));
}

#[test]
fn an_answer_too_large_is_asked_for_in_halves_at_once() {
    let heavy = Err(TransportFailure::BodyTooLarge {
        limit: PAGE_BYTES_MAX,
    });
    let (records, limits) = read_heavy(50, 160, Some(&heavy));
    assert_eq!(records, 200);
    assert!(limits.contains(&40));
    let (end, _) = read_with_trouble(usize::MAX, || heavy.clone());
    let (asking, limit) = (Asking::Users, PAGE_BYTES_MAX);
    assert_eq!(end, Err(FetchError::AnswerTooLarge { asking, limit }));
}

#[test]
fn each_signed_request_has_a_nonce_of_its_own() {
    let server = Server::new(Version::V1_1, 57);
    let mut nonces = BTreeSet::new();
    let mut calls = 0;
    let mut failed = BTreeSet::new();
    let mut driver = driver(|request: &Request<Bytes>| {
        let header = request.headers()["authorization"].to_str().unwrap();
        let nonce = header.split("oauth_nonce=\"").nth(1).unwrap();
        nonces.insert(nonce.split('"').next().unwrap().to_owned());
        calls += 1;
        // Everything is asked for twice.
        if failed.insert(request.uri().to_string()) {
            return Ok(raw(503, "text/plain", ""));
        }
        Ok(server.answer(request))
    });
    driver.access = Access::OAuth1 {
        key: "ck".to_owned(),
        secret: "hunter2".to_owned(),
        method: SignatureMethod::HmacSha256,
        version_param: false,
    };
    assert!(!format!("{:?}", driver.access).contains("hunter2"));
    driver.crashes = true;
    let (_, end) = driver.run(Fetch::start(plan(Version::V1_1), now()));
    assert_eq!(end.unwrap().totals().records, 60);
    assert_eq!(nonces.len(), calls);
}

//! Telling applications who is signed out (OpenID Connect Back-Channel Logout 1.0).

use super::fixture::{App, BACKCHANNEL, ISSUER, account, account_id, settings_with, tenant};
use crate::district::request;
use bytes::Bytes;
use engine::doors;
use engine::memory::{CrashPoint, Fate, Gate, MemoryPorts, Operation, block_on};
use engine::oidc::{self, ATTEMPTS_MAX};
use engine::ports::{Store, TransportError};
use engine::tick;
use http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the application was sent, and what it answers.
#[derive(Clone)]
struct Receiver {
    got: Arc<Mutex<Vec<(String, String)>>>,
    answers: Arc<Mutex<Result<u16, TransportError>>>,
}

impl Receiver {
    fn new() -> Self {
        Self {
            got: Arc::default(),
            answers: Arc::new(Mutex::new(Ok(200))),
        }
    }

    /// Ports that reach the `oidc` component and the application.
    fn behind(&self, ports: &MemoryPorts) -> MemoryPorts {
        let this = self.clone();
        ports.with_handler(Arc::new(move |ports, request: http::Request<Bytes>| {
            let this = this.clone();
            Box::pin(async move {
                match request.uri().host() {
                    Some("oidc.spin.internal") => {
                        return Ok(doors::oidc::handle(&ports, request).await);
                    }
                    Some("app.example") => {}
                    _ => return Err(TransportError::Denied),
                }
                let form = form_urlencoded::parse(request.body());
                let token = form.into_owned().find(|(name, _)| name == "logout_token");
                let token = token.expect("a logout token").1;
                assert_eq!(request.method(), Method::POST);
                let address = request.uri().to_string();
                this.got.lock().unwrap().push((address, token));
                let status = (*this.answers.lock().unwrap())?;
                let mut response = http::Response::new(Bytes::new());
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                Ok(response)
            })
        }))
    }

    /// A tick of the application.
    fn tick(&self, app: &App) -> tick::TickReport {
        block_on(tick::tick(&self.behind(app.ports()))).unwrap()
    }

    /// The claims of what was sent since the last time.
    fn took(&self, app: &App) -> Vec<Value> {
        let got = std::mem::take(&mut *self.got.lock().unwrap());
        let claims = got.into_iter().map(|(address, token)| {
            assert_eq!(address, BACKCHANNEL);
            let (head, claims) = app.verified(&token);
            assert_eq!(head["typ"], "logout+jwt");
            claims
        });
        claims.collect()
    }
}

#[test]
fn an_application_is_told_when_somebody_can_no_longer_sign_in() {
    let changes: [&dyn Fn(&App); 4] = [
        &|app| app.change_dana(&json!({"status": "suspended"})),
        &|app| app.change_dana(&json!({"status": "deleted"})),
        &|app| app.change_dana(&json!({"sign_in_allowed": false})),
        &|app| app.publish("maple", vec![account("tess", &json!({}))]),
    ];
    for change in changes {
        let (app, receiver) = (App::new(), Receiver::new());
        let cookie = app.sign_in("maple", "dana");
        app.tokens(&cookie, &json!({}));
        receiver.tick(&app);
        assert!(receiver.took(&app).is_empty());
        change(&app);
        receiver.tick(&app);
        let told = receiver.took(&app);
        assert_eq!(told.len(), 1);
        let claims = &told[0];
        assert_eq!(
            (&claims["iss"], &claims["aud"]),
            (&json!(ISSUER), &json!(app.id))
        );
        assert_eq!(claims["sub"], "dana");
        let now = app.now_ms() / 1_000;
        assert_eq!(
            (&claims["iat"], &claims["exp"]),
            (&json!(now), &json!(now + 120))
        );
        assert!(claims["jti"].as_str().unwrap().len() > 10);
        let event = "http://schemas.openid.net/event/backchannel-logout";
        assert_eq!(claims["events"], json!({event: {}}));
        assert!(claims.get("nonce").is_none() && claims.get("sid").is_none());
        receiver.tick(&app);
        assert!(receiver.took(&app).is_empty(), "told twice");
    }
}

#[test]
fn nobody_is_told_of_people_who_were_not_there_or_of_other_changes() {
    let (app, receiver) = (App::new(), Receiver::new());
    let cookie = app.sign_in("maple", "dana");
    app.tokens(&cookie, &json!({}));
    app.change_dana(&json!({"given_name": "D"}));
    receiver.tick(&app);
    let suspended = json!({"status": "suspended"});
    app.publish(
        "maple",
        vec![account("dana", &json!({})), account("tess", &suspended)],
    );
    receiver.tick(&app);
    assert!(receiver.took(&app).is_empty());
    let (silent, _) = app.register(&settings_with(&json!({"backchannel_logout_uri": null})));
    assert!(!silent.is_empty());
    app.pass(Duration::from_hours(30 * 24));
    app.change_dana(&suspended);
    receiver.tick(&app);
    assert!(
        receiver.took(&app).is_empty(),
        "the sign-in was too long ago"
    );
}

#[test]
fn a_browser_that_signs_out_has_the_applications_of_that_session_told() {
    let (app, receiver) = (App::new(), Receiver::new());
    let here = app.sign_in("maple", "dana");
    let there = app.sign_in("maple", "dana");
    let hint = app.tokens(&here, &json!({}))["id_token"].clone();
    let elsewhere = app.sign_in("maple", "dana");
    let unused = json!({"id_token_hint": hint});
    app.end_session(Method::GET, Some(&elsewhere), &unused);
    receiver.tick(&app);
    assert!(
        receiver.took(&app).is_empty(),
        "that session opened no application"
    );
    app.tokens(&there, &json!({}));
    app.end_session(Method::GET, Some(&here), &unused);
    let behind = receiver.behind(app.ports());
    block_on(tick::drive_tenant(&behind, &tenant("maple"))).unwrap();
    let told = receiver.took(&app);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["sub"], "dana");
    let (_, claims) = app.verified(hint.as_str().unwrap());
    assert_eq!(told[0]["sid"], claims["sid"]);
}

#[test]
fn signing_somebody_out_everywhere_tells_every_application() {
    let (app, receiver) = (App::new(), Receiver::new());
    let cookie = app.sign_in("maple", "dana");
    app.tokens(&cookie, &json!({}));
    let maple = tenant("maple");
    for id in ["dana", "tess"] {
        let account = account_id(id);
        block_on(oidc::tell_all(app.ports(), &maple, &account)).unwrap();
    }
    receiver.tick(&app);
    let told = receiver.took(&app);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["sub"], "dana");
}

#[test]
fn an_application_that_does_not_answer_is_told_again_and_given_up_in_the_end() {
    let (app, receiver) = (App::new(), Receiver::new());
    let cookie = app.sign_in("maple", "dana");
    app.tokens(&cookie, &json!({}));
    app.change_dana(&json!({"status": "suspended"}));
    let failures = [
        Ok(500),
        Ok(400),
        Ok(302),
        Err(TransportError::Failed),
        Err(TransportError::Denied),
    ];
    let mut attempts = 0;
    for minute in 0..24 * 60 {
        let answer = failures[minute % failures.len()];
        *receiver.answers.lock().unwrap() = answer;
        receiver.tick(&app);
        attempts += receiver.took(&app).len();
        app.pass(Duration::from_mins(1));
    }
    assert_eq!(attempts, ATTEMPTS_MAX as usize);
    let left = app.district.dump();
    assert!(
        !left
            .keys()
            .any(|key| key.starts_with("sign-in/maple/notices/") && !key.ends_with("count"))
    );
    let metrics = block_on(engine::metrics::render(app.ports())).unwrap();
    assert!(
        metrics.contains("rollcall_sign_outs_total{result=\"failed\"} 10"),
        "{metrics}"
    );
    assert!(
        metrics.contains("rollcall_sign_outs_total{result=\"given_up\"} 1"),
        "{metrics}"
    );
}

#[test]
fn a_notice_whose_writer_is_slow_is_not_passed_over() {
    let (app, receiver) = (App::new(), Receiver::new());
    let cookie = app.sign_in("maple", "dana");
    app.tokens(&cookie, &json!({}));
    let list = "sign-in/maple/notices";
    let number = block_on(app.ports().increment(&format!("{list}/count"), 1)).unwrap();
    receiver.tick(&app);
    assert!(receiver.took(&app).is_empty());
    let notice = json!({"client": app.id, "account": "dana"});
    let key = format!("{list}/{number}");
    block_on(engine::record::write(app.ports(), &key, &notice)).unwrap();
    app.pass(Duration::from_mins(1));
    receiver.tick(&app);
    assert_eq!(receiver.took(&app).len(), 1);
}

#[test]
fn an_application_that_comes_back_is_told() {
    let (app, receiver) = (App::new(), Receiver::new());
    let cookie = app.sign_in("maple", "dana");
    app.tokens(&cookie, &json!({}));
    app.change_dana(&json!({"status": "suspended"}));
    *receiver.answers.lock().unwrap() = Err(TransportError::Failed);
    receiver.tick(&app);
    assert_eq!(receiver.took(&app).len(), 1);
    *receiver.answers.lock().unwrap() = Ok(204);
    receiver.tick(&app);
    assert!(
        receiver.took(&app).is_empty(),
        "not before a minute is over"
    );
    app.pass(Duration::from_mins(1));
    receiver.tick(&app);
    assert_eq!(receiver.took(&app).len(), 1);
    app.pass(Duration::from_hours(1));
    receiver.tick(&app);
    assert!(receiver.took(&app).is_empty());
}

#[test]
fn a_tick_that_dies_anywhere_loses_no_notice() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    app.tokens(&cookie, &json!({}));
    app.change_dana(&json!({"status": "suspended"}));
    let question = json!({"tenant": "maple"});
    let mut told_at_once = 0;
    for at in 1..60 {
        for point in [CrashPoint::Before, CrashPoint::After] {
            let ports = app.ports().fork();
            let receiver = Receiver::new();
            let behind = receiver.behind(&ports);
            let look = || {
                let asked = request(Method::POST, "", "/sign-outs", &question);
                block_on(doors::oidc::handle(&behind, asked)).status()
            };
            ports.crash_at(Some((ports.operations() + at, point)));
            let first = look();
            ports.crash_at(None);
            let told_before = receiver.got.lock().unwrap().len();
            ports.advance(Duration::from_mins(2));
            assert_eq!(look(), StatusCode::OK);
            let told = receiver.got.lock().unwrap().len();
            assert!(told >= 1, "nobody was told after a crash at {at}");
            assert!(told <= 2);
            if first == StatusCode::OK {
                assert_eq!((told_before, told), (1, 1));
                told_at_once += 1;
            }
        }
    }
    assert!(told_at_once > 0, "the crashes ended before the work did");
}

/// Has every operation of the store take a while.
struct Slow(Cell<i64>);

impl Gate for Slow {
    fn admit(&self, _: Operation<'_>) -> Fate {
        self.0.set(self.0.get() + 400);
        Fate::Proceed
    }

    fn pause(&self) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(std::future::ready(()))
    }

    fn skew(&self) -> SignedDuration {
        SignedDuration::from_millis(self.0.get())
    }
}

#[test]
fn a_district_of_many_is_told_of_over_several_looks() {
    let (app, receiver) = (App::new(), Receiver::new());
    let ids: Vec<String> = (0..300).map(|n| format!("p{n}")).collect();
    let people = |with: &Value| ids.iter().map(|id| account(id, with)).collect::<Vec<_>>();
    app.publish("maple", people(&json!({})));
    for id in ids.iter().take(40) {
        let cookie = app.sign_in("maple", id);
        app.tokens(&cookie, &json!({}));
    }
    app.publish("maple", people(&json!({"status": "suspended"})));
    let mut looks = 0;
    loop {
        let slow = Rc::new(Slow(Cell::new(0)));
        let behind = receiver.behind(&app.ports().with_gate(slow));
        let question = json!({"tenant": "maple"});
        let asked = request(Method::POST, "", "/sign-outs", &question);
        let response = block_on(doors::oidc::handle(&behind, asked));
        looks += 1;
        let answer: Value = serde_json::from_slice(response.body()).unwrap();
        if answer["more"] == false {
            break;
        }
        assert!(looks < 100, "{answer}");
    }
    assert!(looks > 5, "{looks}");
    let mut told: Vec<String> = receiver
        .took(&app)
        .iter()
        .map(|claims| claims["sub"].as_str().unwrap().to_owned())
        .collect();
    told.sort();
    let mut expected: Vec<String> = ids.iter().take(40).cloned().collect();
    expected.sort();
    assert_eq!(told, expected);
}

#[test]
fn a_tick_reports_when_the_component_fails() {
    let (app, receiver) = (App::new(), Receiver::new());
    let cookie = app.sign_in("maple", "dana");
    app.tokens(&cookie, &json!({}));
    app.change_dana(&json!({"status": "suspended"}));
    app.ports().set_variable("seal_keys", "");
    let report = receiver.tick(&app);
    assert_eq!(report.failures.len(), 1);
    assert!(
        report.failures[0].reason.starts_with("sign-outs:"),
        "{report:?}"
    );
    app.pass(Duration::from_hours(24));
    let report = receiver.tick(&app);
    assert!(report.problem.unwrap().starts_with("signing keys:"));
}

//! Passwords.

use super::scene::{IDA, IDAS_OWN, IDAS_PASSWORD, Scene, link};
use driver::{Agent, Page, fields};
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};

/// Fills in the form of a page and sends it: whatever is asked for who one is and what one knows.
pub(super) async fn enter(agent: &mut Agent, page: &Page, name: &str, password: &str) -> Page {
    fill(agent, page, &[("name", name), ("password", password)]).await
}

/// Fills in fields of a page's form, and sends it with those that are filled in already.
pub(super) async fn fill(agent: &mut Agent, page: &Page, values: &[(&str, &str)]) -> Page {
    let mut form = fields(&page.text);
    for (name, value) in values {
        let field = form.iter_mut().find(|(known, _)| known == name);
        let field = field.unwrap_or_else(|| panic!("no field {name}: {}", page.text));
        (*value).clone_into(&mut field.1);
    }
    let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    agent
        .post(page.action().unwrap().as_str(), &form)
        .await
        .unwrap()
}

/// The page that asks for a password, on the way to the application.
pub(super) async fn asked(scene: &Scene, agent: &mut Agent) -> Page {
    let page = agent.open(&scene.app.request(&[])).await.unwrap();
    if fields(&page.text)
        .iter()
        .any(|(name, _)| name == "password")
    {
        return page;
    }
    let path = "/login/maple-grove/password";
    agent.open(&link(&page, path)).await.unwrap()
}

/// Signs in with a password, from the application back to the application.
pub(super) async fn signs_in(scene: &Scene, agent: &mut Agent, name: &str, password: &str) -> Page {
    let page = asked(scene, agent).await;
    let page = enter(agent, &page, name, password).await;
    agent
        .follow(page, |url| scene.app.is_back(url))
        .await
        .unwrap()
}

/// Goes through the change that a password from a file needs, and back to the application.
async fn changes(scene: &Scene, agent: &mut Agent, old: &str, new: &str) -> Page {
    let page = signs_in(scene, agent, IDA, old).await;
    let page = fill(agent, &page, &[("new", new), ("again", new)]).await;
    agent
        .follow(page, |url| scene.app.is_back(url))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_from_a_file_signs_in_once_it_was_changed() {
    let scene = Scene::new().await;
    let mut agent = Agent::new().unwrap();
    let page = signs_in(&scene, &mut agent, IDA, IDAS_PASSWORD).await;
    assert_eq!(page.status.as_u16(), 200, "{}", page.text);
    assert!(
        page.text.contains("name=\"new\""),
        "no change is asked for: {}",
        page.text
    );
    // Until then nobody is signed in.
    let other = agent
        .clone()
        .get(&scene.app.request(&[("prompt", Some("none"))]))
        .await
        .unwrap();
    super::redirecting::is_refused(&scene, &other, "login_required");
    for (new, repeated) in [
        ("short", "short"),
        (IDAS_OWN, "something else 12345"),
        (IDAS_PASSWORD, IDAS_PASSWORD),
    ] {
        let page = signs_in(&scene, &mut agent, IDA, IDAS_PASSWORD).await;
        let page = fill(&mut agent, &page, &[("new", new), ("again", repeated)]).await;
        assert!(!page.leads_on(), "{new} was taken: {}", page.status);
    }
    let page = changes(&scene, &mut agent, IDAS_PASSWORD, IDAS_OWN).await;
    let code = scene.app.code_of(&page).unwrap();
    scene.app.redeem(&code).await.unwrap();
    // Now the new one works, everywhere, and the old one nowhere.
    let mut elsewhere = Agent::new().unwrap();
    let page = signs_in(&scene, &mut elsewhere, IDA, IDAS_PASSWORD).await;
    assert!(!page.leads_on(), "{} {}", page.status, page.text);
    let page = signs_in(&scene, &mut elsewhere, IDA, IDAS_OWN).await;
    scene.app.code_of(&page).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_resets_a_password_with_a_code_that_works_once() {
    let scene = Scene::new().await;
    let account = scene.account(IDA).await;
    let id = account["id"].as_str().unwrap();
    let path = scene
        .district
        .path(&format!("/sign-in/accounts/{id}/password"));
    let reset = scene.district.admin.post(&path, &json!({})).await.unwrap();
    let code = driver::text(&reset, "code").unwrap().to_owned();
    assert!(
        !scene.store().values().any(|value| value.contains(&code)),
        "the code is in the store"
    );
    let mut agent = Agent::new().unwrap();
    let page = signs_in(&scene, &mut agent, IDA, IDAS_PASSWORD).await;
    assert!(
        !page.leads_on() && !page.text.contains("name=\"new\""),
        "{}",
        page.text
    );
    let page = changes(&scene, &mut agent, &code, IDAS_OWN).await;
    scene.app.code_of(&page).unwrap();
    let page = signs_in(&scene, &mut Agent::new().unwrap(), IDA, &code).await;
    assert!(!page.text.contains("name=\"new\""), "the code works twice");
}

/// Unknown, without a password, wrong, suspended: nobody learns which by the words or the time.
pub(super) async fn nobody_learns_who_has_an_account() {
    let scene = Scene::new().await;
    let student = scene.student.clone();
    let mut answers = Vec::new();
    for name in [
        IDA,
        "nobody@maplegrove.example",
        "nobody@elsewhere.example",
        &student,
    ] {
        let mut agent = Agent::new().unwrap();
        let page = asked(&scene, &mut agent).await;
        let started = now();
        let page = enter(&mut agent, &page, name, "wrong password 1").await;
        let took = started.elapsed();
        let told = page.text.replace(name, "NAME");
        let told: String = told.split("<form").next().unwrap().to_owned();
        answers.push((name, took, page.status, told));
    }
    let (_, known, status, told) = answers[0].clone();
    for (name, took, other_status, other) in &answers[1..] {
        assert_eq!((other_status, other), (&status, &told), "{name}");
        // A digest takes tens of milliseconds here; skipping it would show.
        assert!(
            *took * 4 > known,
            "{name} is answered in {took:?}, somebody known in {known:?}"
        );
    }
}

/// Ten thousand wrong passwords get nobody in, and the right person still gets in.
pub(super) async fn ten_thousand_wrong_passwords() {
    const WRONG: usize = 10_000;
    const AT_ONCE: usize = 16;
    let scene = Scene::new().await;
    let mut agent = Agent::new().unwrap();
    let page = changes(&scene, &mut agent, IDAS_PASSWORD, IDAS_OWN).await;
    scene.app.code_of(&page).unwrap();
    // Whoever guesses has opened the page before.
    let mut guesser = Agent::new().unwrap();
    let page = asked(&scene, &mut guesser).await;
    let action: String = page.action().unwrap().into();
    let hidden = fields(&page.text);
    let attempts = (0..WRONG).map(|number| {
        let (action, mut form, mut guesser) = (action.clone(), hidden.clone(), guesser.clone());
        async move {
            for (name, value) in &mut form {
                match name.as_str() {
                    "name" => IDA.clone_into(value),
                    "password" => *value = format!("wrong password {number}"),
                    _ => {}
                }
            }
            let form: Vec<(&str, &str)> =
                form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let page = guesser.post(&action, &form).await.unwrap();
            (page.leads_on(), page.status.as_u16())
        }
    });
    let answers: Vec<(bool, u16)> = futures::StreamExt::collect(
        futures::StreamExt::buffer_unordered(futures::stream::iter(attempts), AT_ONCE),
    )
    .await;
    assert!(answers.iter().all(|(is_in, _)| !is_in), "somebody got in");
    let limited = answers.iter().filter(|(_, status)| *status == 429).count();
    assert!(limited > WRONG * 9 / 10, "only {limited} were held off");
    let log = scene.store();
    assert!(
        !log.values().any(|value| value.contains("wrong password")),
        "a password is kept"
    );
    // The person whose account it is signs in: where she did before at once, and anywhere else
    // when the limit is over.
    scene.forgets_session(&mut agent);
    let page = signs_in(&scene, &mut agent, IDA, IDAS_OWN).await;
    scene.app.code_of(&page).unwrap();
    scene.world.advance(Duration::from_hours(2)).unwrap();
    let page = signs_in(&scene, &mut Agent::new().unwrap(), IDA, IDAS_OWN).await;
    scene.app.code_of(&page).unwrap();
}

/// What another says about where it comes from does not get around a limit.
pub(super) async fn forged_headers_get_around_no_limit() {
    let scene = Scene::new().await;
    let mut guesser = Agent::new().unwrap();
    let page = asked(&scene, &mut guesser).await;
    let action: String = page.action().unwrap().into();
    let mut statuses = Vec::new();
    for number in 0..200 {
        let mut form = fields(&page.text);
        for (name, value) in &mut form {
            match name.as_str() {
                "name" => IDA.clone_into(value),
                "password" => *value = format!("wrong password {number}"),
                _ => {}
            }
        }
        let address = format!("203.0.113.{number}");
        let origin = scene.url("");
        let sent = guesser.send(Method::POST, &action, |request| {
            let request = request.form(&form).header("origin", origin);
            let request = request
                .header("x-forwarded-for", &address)
                .header("forwarded", format!("for={address}"));
            request
                .header("x-real-ip", &address)
                .header("spin-client-addr", format!("{address}:1"))
        });
        statuses.push(sent.await.unwrap().status.as_u16());
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long an answer takes is real time"
)]
fn now() -> Instant {
    Instant::now()
}

//! The fakes around a world, all on one clock.

use super::{ALERT_SECRET, Setup};
use anyhow::Context;
use fake_providers::VirtualClock;
use fake_providers::alerts::AlertReceiver;
use fake_providers::clever::{self, FakeClever};
use fake_providers::district::District as People;
use fake_providers::google::{Config, FakeGoogle};
use fake_providers::oneroster::{self, FakeOneRoster};
use std::sync::Arc;

pub(super) async fn start_google(setup: &Setup, url: &str) -> anyhow::Result<FakeGoogle> {
    let mut config = Config {
        clock: Arc::new(VirtualClock::new()),
        takes_http_channels: setup.pushes,
        ..Config::with_redirect(&format!("{url}/oauth/google/callback"))
    };
    for client in &mut config.clients {
        client.redirect_uris.push(format!("{url}/callback/google"));
    }
    FakeGoogle::start(people(setup), config)
        .await
        .context("starting the fake Google")
}

fn people(setup: &Setup) -> People {
    People::generate(1, setup.people, setup.shape.clone())
}

/// The other providers of the setup, on the clock of Google.
pub(super) async fn start_others(
    setup: &Setup,
    google: &FakeGoogle,
    url: &str,
) -> anyhow::Result<(Option<FakeClever>, Option<FakeOneRoster>)> {
    let mut others = (None, None);
    if let Some(config) = &setup.clever {
        let config = clever::Config {
            clock: Arc::clone(google.clock()),
            redirect_uris: vec![format!("{url}/callback/clever")],
            ..config.clone()
        };
        let fake = FakeClever::start(people(setup), config).await;
        others.0 = Some(fake.context("starting the fake Clever")?);
    }
    if let Some(config) = &setup.oneroster {
        let mut config = oneroster::Config {
            clock: Arc::clone(google.clock()),
            ..config.clone()
        };
        config.class_link.redirect_uris = vec![format!("{url}/callback/classlink")];
        let fake = FakeOneRoster::start(people(setup), config).await;
        others.1 = Some(fake.context("starting the fake OneRoster server")?);
    }
    Ok(others)
}

pub(super) async fn start_receiver(
    setup: &Setup,
    google: &FakeGoogle,
) -> anyhow::Result<Option<AlertReceiver>> {
    if !setup.alerts {
        return Ok(None);
    }
    let clock = Arc::clone(google.clock());
    let receiver = AlertReceiver::start(ALERT_SECRET, clock).await;
    Ok(Some(receiver.context("starting the receiver of alerts")?))
}

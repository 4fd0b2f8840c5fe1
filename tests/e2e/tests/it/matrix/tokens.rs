//! The authorisation, and where it is renewed.

use super::answers::error;
use super::row::{APPLIED, Act, Break, Ends, Row, WAITED, failed};
use super::scenes::AUTHORIZE;
use fake_providers::faults::{Fault, FaultKind};
use fake_providers::google::GrantEnd;

const TOKEN: &str = "/token";

const RENEWED: &str = "it is renewed and the list goes on";
const RECONNECT: &str = "the connection asks for an administrator";

/// The access token ends, and renewing it meets this.
fn renewing(scene: &super::scene::Scene, fault: Fault) {
    scene.world.google.expire_access_tokens();
    scene.world.google.faults().add(fault);
}

const EXPIRED: Act = |scene| {
    Box::pin(async {
        scene.world.google.expire_access_tokens();
        Ok(())
    })
};

const REVOKED: Act = |scene| {
    Box::pin(async {
        let admin = scene.world.google.accounts().super_admin;
        scene.world.google.end_grants(&admin, GrantEnd::Revoked);
        Ok(())
    })
};

const REAUTHENTICATE: Act = |scene| {
    Box::pin(async {
        let admin = scene.world.google.accounts().super_admin;
        scene
            .world
            .google
            .end_grants(&admin, GrantEnd::ReauthRequired);
        Ok(())
    })
};

const DEAD: Ends = failed("reconnect_needed");

const fn midway(fault: &'static str, must: &'static str, act: Act, ends: Ends) -> Row {
    Row::new(fault, must, Break::Midway(act), ends)
}

/// In the middle of the list of students.
pub(crate) const ROWS: &[Row] = &[
    midway(
        "the access token ends in the middle of a list",
        RENEWED,
        EXPIRED,
        APPLIED,
    ),
    midway(
        "the authorisation is revoked in the middle of a list",
        RECONNECT,
        REVOKED,
        DEAD,
    )
    .mended(AUTHORIZE),
    midway(
        "Google wants the administrator to sign in again",
        RECONNECT,
        REAUTHENTICATE,
        DEAD,
    )
    .mended(AUTHORIZE),
    midway(
        "500 when the token is renewed, twice",
        WAITED,
        |scene| {
            Box::pin(async {
                renewing(scene, Fault::at(TOKEN, error(500, None)).times(2));
                Ok(())
            })
        },
        APPLIED,
    ),
    midway(
        "500 when the token is renewed, for ever",
        "it is tried many times, then it fails",
        |scene| {
            Box::pin(async {
                renewing(scene, Fault::at(TOKEN, error(500, None)));
                Ok(())
            })
        },
        failed("internal"),
    ),
    midway(
        "HTML with 200 when the token is renewed",
        WAITED,
        |scene| {
            Box::pin(async {
                renewing(
                    scene,
                    Fault::at(TOKEN, FaultKind::Html { status: 200 }).times(1),
                );
                Ok(())
            })
        },
        APPLIED,
    ),
    midway(
        "a connection reset when the token is renewed",
        WAITED,
        |scene| {
            Box::pin(async {
                renewing(scene, Fault::at(TOKEN, FaultKind::ConnectionReset).times(1));
                Ok(())
            })
        },
        APPLIED,
    ),
];

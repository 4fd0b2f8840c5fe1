//! The demonstration application, and one that only listens.

use super::scene::Scene;
use axum::Router;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::routing::post;
use driver::demo_client;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The demonstration application; it ends when dropped.
pub(super) struct Demo {
    pub(super) url: String,
    pub(super) client: driver::Client,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Demo {
    pub(super) async fn start(scene: &Scene) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut registered = demo_client(&url);
        registered["tenants"] = json!([scene.district.tenant]);
        let client = scene.world.operator.register(&registered).await.unwrap();
        let settings = demo_app::Settings {
            issuer: scene.url(""),
            client_id: client.id.clone(),
            client_secret: client.secret.clone(),
        };
        let task = tokio::spawn(demo_app::serve(listener, settings));
        Self { url, client, task }
    }
}

/// What a [`Listener`] was sent, and how it answers.
#[derive(Debug, Default)]
struct Heard {
    tokens: Vec<String>,
    is_out_of_order: bool,
}

/// An application's back channel; it ends when dropped.
pub(super) struct Listener {
    pub(super) url: String,
    heard: Arc<Mutex<Heard>>,
    task: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listener {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "http://{}/backchannel-logout",
            listener.local_addr().unwrap()
        );
        let heard = Arc::new(Mutex::new(Heard::default()));
        let router = Router::new()
            .route("/backchannel-logout", post(hear))
            .with_state(Arc::clone(&heard));
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self { url, heard, task }
    }

    /// The logout tokens so far.
    pub(super) fn tokens(&self) -> Vec<String> {
        self.heard.lock().unwrap().tokens.clone()
    }

    /// Answers everything with an error, or no longer.
    pub(super) fn set_out_of_order(&self, is_out_of_order: bool) {
        self.heard.lock().unwrap().is_out_of_order = is_out_of_order;
    }
}

async fn hear(
    State(heard): State<Arc<Mutex<Heard>>>,
    Form(form): Form<BTreeMap<String, String>>,
) -> StatusCode {
    let mut heard = heard.lock().unwrap();
    heard.tokens.extend(form.get("logout_token").cloned());
    if heard.is_out_of_order {
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        StatusCode::OK
    }
}

//! Connections to Clever, to OneRoster servers and to files: made, tested and put to use.

use crate::{Application, District};
use anyhow::ensure;
use fake_providers::clever::FakeClever;
use fake_providers::oneroster::{APPLICATION_ID, CLIENT_ID, CLIENT_SECRET, FakeOneRoster};
use serde_json::{Value, json};

/// One of the ways to a OneRoster server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OneRosterWay {
    /// Version 1.1 through ClassLink's proxy, with a bearer of the district's application.
    ClassLinkProxy,
    /// Version 1.1, each request signed.
    OAuth1,
    /// Version 1.2, with tokens for client credentials.
    OAuth2,
}

impl OneRosterWay {
    /// What is set for the connection.
    pub fn settings(self, server: &FakeOneRoster) -> Value {
        match self {
            Self::ClassLinkProxy => json!({"version": "1.1",
                "way": {"kind": "classlink_proxy", "application": APPLICATION_ID}}),
            Self::OAuth1 => json!({"version": "1.1",
                "way": {"kind": "direct", "base_url": server.base_url()}}),
            Self::OAuth2 => json!({"version": "1.2",
                "way": {"kind": "direct", "base_url": server.v1p2_url(),
                    "token": {"token_url": server.token_url()}}}),
        }
    }

    /// What lets it in.
    pub fn credentials(self, server: &FakeOneRoster) -> Value {
        match self {
            Self::ClassLinkProxy => json!({"kind": "bearer", "token": server.bearer()}),
            Self::OAuth1 => json!({"kind": "oauth1", "key": CLIENT_ID, "secret": CLIENT_SECRET}),
            Self::OAuth2 => json!({"kind": "oauth2", "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET}),
        }
    }
}

/// The district's number at the fake `ClassLink`.
const CLASSLINK_TENANT: &str = "9021";

impl District {
    /// Connects the district at Clever: `operator` says which it is, then the connection is tested
    /// and saved. `more` are further settings, such as `email_domains`.
    pub async fn connect_clever(
        &self,
        operator: &Application,
        id: &str,
        clever: &FakeClever,
        more: Value,
    ) -> anyhow::Result<Self> {
        let mut settings = json!({"district": clever.district_id().to_string()});
        extend(&mut settings, more);
        let connection =
            json!({"id": id, "provider": "clever", "mode": "import", "clever": settings});
        operator
            .post(&self.path("/connections"), &connection)
            .await?;
        let made = self.with_connection(id);
        made.put_to_use().await?;
        Ok(made)
    }

    /// Connects a OneRoster server: its way, its credentials, a test and a save. `more` are further
    /// settings, such as `guardians`.
    pub async fn connect_oneroster(
        &self,
        id: &str,
        server: &FakeOneRoster,
        way: OneRosterWay,
        more: Value,
    ) -> anyhow::Result<Self> {
        let mut settings = way.settings(server);
        extend(&mut settings, more);
        let connection =
            json!({"id": id, "provider": "oneroster", "mode": "import", "oneroster": settings});
        self.admin
            .post(&self.path("/connections"), &connection)
            .await?;
        let made = self.with_connection(id);
        made.put_credentials(&way.credentials(server)).await?;
        made.put_to_use().await?;
        Ok(made)
    }

    /// Connects the district at `ClassLink` with the operator's key as a partner: `operator` says
    /// which it is, then the connection is tested and saved.
    pub async fn connect_classlink(
        &self,
        operator: &Application,
        id: &str,
        more: Value,
    ) -> anyhow::Result<Self> {
        let way = json!({"kind": "classlink_partner", "tenant": CLASSLINK_TENANT});
        let mut settings = json!({"version": "1.1", "way": way});
        extend(&mut settings, more);
        let connection =
            json!({"id": id, "provider": "oneroster", "mode": "import", "oneroster": settings});
        operator
            .post(&self.path("/connections"), &connection)
            .await?;
        let made = self.with_connection(id);
        made.put_to_use().await?;
        Ok(made)
    }

    /// Makes a connection for files.
    pub async fn connect_files(&self, id: &str, more: Value) -> anyhow::Result<Self> {
        let mut settings = json!({});
        extend(&mut settings, more);
        let connection = json!({"id": id, "provider": "csv", "mode": "import", "csv": settings});
        self.admin
            .post(&self.path("/connections"), &connection)
            .await?;
        let made = self.with_connection(id);
        made.save().await?;
        Ok(made)
    }

    /// Gives the connection credentials.
    pub async fn put_credentials(&self, credentials: &Value) -> anyhow::Result<Value> {
        let path = self.connection_path("/credentials");
        self.admin.put(&path, credentials).await
    }

    /// Tests the connection; the answer has what is missing.
    pub async fn test(&self) -> anyhow::Result<Value> {
        let path = self.connection_path("/test");
        self.admin.post(&path, &json!({})).await
    }

    /// Tests the connection, which has to pass, and saves it.
    pub async fn put_to_use(&self) -> anyhow::Result<()> {
        let tested = self.test().await?;
        ensure!(
            tested["last_test"]["passed"] == true,
            "the connection {} fails its test: {}",
            self.connection,
            tested["last_test"]
        );
        let saved = self.save().await?;
        ensure!(saved["state"] == "active", "it is not in use: {saved}");
        Ok(())
    }
}

fn extend(settings: &mut Value, more: Value) {
    let Value::Object(more) = more else {
        return;
    };
    if let Some(settings) = settings.as_object_mut() {
        settings.extend(more);
    }
}

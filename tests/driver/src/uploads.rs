//! Files sent to a connection, and what is decided about them.

use crate::{Answer, District, LOOK_EVERY, RUN_FOR_MAX, text};
use anyhow::{Context, bail};
use reqwest::{Method, Response};
use serde_json::{Value, json};

/// What a file is said to be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FileKind<'a> {
    /// The file's name.
    pub name: &'a str,
    /// The role of everybody in it, for CSV.
    pub role: Option<&'a str>,
    /// Whether it lists everybody.
    pub is_complete: bool,
}

impl<'a> FileKind<'a> {
    /// A workbook or package that adds to what is there.
    pub fn named(name: &'a str) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    /// The same, which lists everybody.
    #[must_use]
    pub fn complete(self) -> Self {
        Self {
            is_complete: true,
            ..self
        }
    }

    /// The same, of people with this role.
    #[must_use]
    pub fn of(self, role: &'a str) -> Self {
        Self {
            role: Some(role),
            ..self
        }
    }
}

impl District {
    /// A path of an upload.
    pub fn upload_path(&self, upload: &str, rest: &str) -> String {
        self.path(&format!("/uploads/{upload}{rest}"))
    }

    /// Sends a file to the connection; the answer may be a refusal.
    pub async fn send_file(
        &self,
        kind: FileKind<'_>,
        file: impl Into<reqwest::Body>,
    ) -> anyhow::Result<Answer> {
        let mut query = vec![
            ("connection", self.connection.as_str()),
            ("name", kind.name),
            ("complete", if kind.is_complete { "true" } else { "false" }),
        ];
        query.extend(kind.role.map(|role| ("role", role)));
        let url = reqwest::Url::parse_with_params(
            &format!("{}{}", self.admin.url(), self.path("/uploads")),
            query,
        )?;
        let request = self.admin.client().post(url);
        let response = request
            .bearer_auth(self.admin.token())
            .header("content-type", "application/octet-stream")
            .body(file)
            .send()
            .await
            .context("sending a file")?;
        Answer::of(response).await
    }

    /// Sends a file, which is taken, and waits until it was read.
    pub async fn upload(
        &self,
        kind: FileKind<'_>,
        file: impl Into<reqwest::Body>,
    ) -> anyhow::Result<Value> {
        let sent = self.send_file(kind, file).await?.ok()?;
        self.read_through(text(&sent, "id")?).await
    }

    /// Ticks until an upload is neither being read nor on its way; returns it.
    pub async fn read_through(&self, upload: &str) -> anyhow::Result<Value> {
        let path = self.upload_path(upload, "");
        let waiting = async {
            loop {
                self.admin.tick().await?;
                let shown = self.admin.get(&path).await?;
                let is_under_way = matches!(shown["state"].as_str(), Some("reading" | "accepted"));
                if !is_under_way && shown["credentials"]["state"] != "making" {
                    return anyhow::Ok(shown);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(RUN_FOR_MAX, waiting)
            .await
            .context("the upload takes too long")?
    }

    /// Accepts rows of an upload, `all` or `good`, and waits until they are carried out.
    pub async fn accept(&self, upload: &str, rows: &str) -> anyhow::Result<Value> {
        let path = self.upload_path(upload, "/accept");
        self.admin.post(&path, &json!({"rows": rows})).await?;
        let shown = self.read_through(upload).await?;
        if shown["state"] != "applied" {
            bail!("the upload was not applied: {shown}");
        }
        // Passwords are made after the commit: by the next tick at the latest.
        self.read_through(upload).await
    }

    /// Reads or posts to a path of an upload that answers with a file.
    pub async fn file(&self, method: Method, path: &str) -> anyhow::Result<Response> {
        let url = format!("{}{path}", self.admin.url());
        let request = self.admin.client().request(method, url);
        Ok(request.bearer_auth(self.admin.token()).send().await?)
    }

    /// The rows of an upload that have to be mended, as a CSV file.
    pub async fn bad_rows(&self, upload: &str) -> anyhow::Result<String> {
        let path = self.upload_path(upload, "/bad-rows.csv");
        let response = self.file(Method::GET, &path).await?;
        Ok(response.error_for_status()?.text().await?)
    }

    /// Fetches the passwords of an upload, once.
    pub async fn credentials(&self, upload: &str) -> anyhow::Result<Response> {
        let path = self.upload_path(upload, "/credentials");
        self.file(Method::POST, &path).await
    }
}

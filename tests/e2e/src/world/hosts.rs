//! The hosts of a world: one that dies and comes back, and a second one beside it.

use super::{LOOK_EVERY, World};
use anyhow::Context;
use local_host::{Host, StartError};
use std::net::SocketAddr;

/// How often a port that a dead host has not let go of yet is tried again.
const ATTEMPTS_MAX: u32 = 100;

impl World {
    /// Ends the host as a killed process ends and starts another on the same address and store.
    /// Its clock shows what the one before showed.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        let shown = self.host()?.clock().time();
        drop(self.host.take());
        let mut attempts = 0;
        let host = loop {
            match Host::start(self.config.clone()).await {
                Ok(host) => break host,
                // The dead host's listener goes with its last task.
                Err(StartError::Listen { .. }) if attempts < ATTEMPTS_MAX => {
                    attempts += 1;
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                Err(error) => return Err(error).context("starting the host again"),
            }
        };
        host.clock().set(u64::try_from(shown.as_millis())?);
        self.host = Some(host);
        Ok(())
    }

    /// Another host on the same store and a port of its own, as a second machine: its clock shows
    /// what the first one's does.
    pub async fn another_host(&self) -> anyhow::Result<Host> {
        let mut config = self.config.clone();
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let host = Host::start(config)
            .await
            .context("starting a second host")?;
        let shown = self.host()?.clock().time();
        host.clock().set(u64::try_from(shown.as_millis())?);
        Ok(host)
    }
}

//! `cargo run`: builds the components and runs them on the local host.

mod demo;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use local_host::{CronMode, GuestOutput, Host, HostConfig, Overrides, State, build};
use tracing_subscriber::EnvFilter;

/// Runs Rollcall on this machine, for development. Production is Spin.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Start without the demonstration.
    #[arg(long)]
    no_demo: bool,
    /// The loopback address to listen on.
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// The directory which keeps the stores.
    #[arg(long, default_value = ".spin")]
    state: PathBuf,
    /// The cargo profile which builds the components.
    #[arg(long, default_value = build::SHIPPED_PROFILE)]
    profile: String,
    /// The application manifest.
    #[arg(long, default_value = "spin.toml")]
    manifest: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let manifest = arguments.manifest.clone();
    let profile = arguments.profile.clone();
    tokio::task::spawn_blocking(move || {
        build::components(&manifest, &profile, build::Progress::for_stderr())
    })
    .await?
    .context("building the components")?;
    let mut demo = None;
    let mut variables = Overrides::Environment;
    if !arguments.no_demo {
        let prepared = demo::Demo::prepare(arguments.listen, &arguments.state).await?;
        variables = prepared.variables(arguments.listen);
        demo = Some(prepared);
    }
    let host = Host::start(HostConfig {
        manifest: arguments.manifest,
        listen: arguments.listen,
        state: State::Directory(arguments.state.clone()),
        variables,
        profile: arguments.profile,
        cron: CronMode::OnSchedule,
        guest_output: GuestOutput::Inherit,
    })
    .await
    .context("starting the host")?;
    say(&format!("Rollcall listens on {}", host.url()));
    for (pattern, component) in host.routes() {
        say(&format!("  {}{pattern}  {component}", host.url()));
    }
    if let Some(demo) = &mut demo {
        demo.show(&host).await.context("the demonstration")?;
    }
    say(&format!(
        "State is kept in {}. Ctrl-C stops.",
        arguments.state.display()
    ));
    tokio::signal::ctrl_c()
        .await
        .context("waiting for Ctrl-C")?;
    host.shutdown().await;
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "where to find what runs is this program's output"
)]
fn say(line: &str) {
    println!("{line}");
}

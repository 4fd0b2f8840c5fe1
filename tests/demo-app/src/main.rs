//! Runs the demonstration application by itself, against a Rollcall somewhere.

use clap::Parser;
use demo_app::Settings;
use std::net::SocketAddr;

/// Signs people in with a Rollcall.
#[derive(Parser)]
struct Arguments {
    /// Rollcall's address.
    #[arg(long)]
    issuer: String,
    /// The id that the operator of Rollcall gave this application.
    #[arg(long)]
    client_id: String,
    /// Its secret.
    #[arg(long, env = "CLIENT_SECRET")]
    client_secret: String,
    /// Where to listen. `http://` and this, with `/callback`, is what the operator registers.
    #[arg(long, default_value = "127.0.0.1:3100")]
    listen: SocketAddr,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let listener = tokio::net::TcpListener::bind(arguments.listen).await?;
    let settings = Settings {
        issuer: arguments.issuer,
        client_id: arguments.client_id,
        client_secret: arguments.client_secret,
    };
    demo_app::serve(listener, settings).await
}

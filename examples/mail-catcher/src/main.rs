//! A mail server for development and tests: takes every mail, sends none on, and shows them on a page. Listens to this machine
//! only, and keeps the last thousand in memory.

mod conversation;
mod mailbox;
mod page;
mod smtp;

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::Arc,
};

use clap::Parser;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// Takes mails by SMTP and shows them on a page.
#[derive(Debug, Parser)]
struct Asked {
    /// Where mails are taken, on this machine; port 0 is any.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:1025", value_parser = local)]
    smtp: SocketAddr,
    /// Where they are shown, on this machine; port 0 is any.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8025", value_parser = local)]
    page: SocketAddr,
}

fn local(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "an IP address and a port are wanted".to_owned())?;
    if address.ip().is_loopback() { Ok(address) } else { Err("only a loopback address is taken".to_owned()) }
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let asked = Asked::parse();
    let (mails, pages) = (TcpListener::bind(asked.smtp).await?, TcpListener::bind(asked.page).await?);
    let (smtp, http) = (mails.local_addr()?, pages.local_addr()?);
    writeln!(io::stdout(), "mails are taken at smtp://{smtp}\nand shown at http://{http}")?;
    let mailbox = Arc::default();
    let mut ended = signal(SignalKind::terminate())?;
    tokio::select! {
        failed = smtp::serve(mails, Arc::clone(&mailbox)) => failed,
        failed = axum::serve(pages, page::routes(mailbox)).into_future() => failed,
        told = tokio::signal::ctrl_c() => told,
        _ = ended.recv() => Ok(()),
    }
}

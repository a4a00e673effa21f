//! `stele health`: asks the process that serves on this machine how it is, as a supervisor does. Opens no database.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{OperateError, say};
use crate::{command_line::Health, settings::Settings, table::harmless};

/// What a process may take that waits for a database itself.
const PATIENCE: Duration = Duration::from_secs(15);
/// More than any report has, in bytes.
const LONGEST: u64 = 1 << 20;

pub(super) async fn health(settings: &Settings, asked: &Health) -> Result<(), OperateError> {
    let address = reachable(settings.api.listen);
    let path = if asked.live { "/health/live" } else { "/health/ready" };
    let answer = timeout(PATIENCE, ask(address, path)).await.unwrap_or_else(|late| Err(late.into()));
    let (is_well, body) = answer.map_err(|source| OperateError::NoAnswer { address, source })?;
    let report: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
    if asked.printed.json {
        say(&report.to_string())?;
    } else {
        say(if is_well { "ok" } else { "not ready" })?;
        for (part, state) in report.get("parts").and_then(Value::as_object).into_iter().flatten() {
            if state.get("ok") == Some(&Value::Bool(false)) {
                let detail = state.get("detail").and_then(Value::as_str).unwrap_or_default();
                say(&harmless(&format!("{part}: {detail}")))?;
            }
        }
    }
    if is_well { Ok(()) } else { Err(OperateError::Unwell) }
}

/// Where a process is reached from beside it that listens there: the address for all addresses is none to go to.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        let itself =
            if listen.is_ipv4() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { Ipv6Addr::LOCALHOST.into() };
        listen.set_ip(itself);
    }
    listen
}

/// Whether the answer is 200, and its body.
async fn ask(address: SocketAddr, path: &str) -> io::Result<(bool, String)> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(LONGEST).read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(ErrorKind::InvalidData)?;
    Ok((head.starts_with("HTTP/1.1 200 "), body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_listens_everywhere_is_asked_on_its_own_machine() {
        for (listen, asked) in [
            ("0.0.0.0:8000", "127.0.0.1:8000"),
            ("[::]:8000", "[::1]:8000"),
            ("127.0.0.2:80", "127.0.0.2:80"),
            ("[fe80::1]:80", "[fe80::1]:80"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }
}

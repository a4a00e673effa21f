//! The small port by which a double that runs as a process is told to fail: a line in, a line out, as text.

use std::io;

use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::fault::{Plan, Unknown};
use crate::server::Double;

#[derive(Debug, Error)]
enum Refusal {
    #[error(transparent)]
    Unknown(#[from] Unknown),
    #[error("{0} is not how often it is to happen")]
    Times(String),
    #[error("what there is: fail CALL FAULT TIMES [STREAMS], forget, cut, served CALL")]
    Order,
}

/// Takes orders, from one after the other, until it is dropped.
///
/// # Errors
/// If the listener fails.
pub async fn take_orders(listener: TcpListener, double: &Double) -> io::Result<()> {
    loop {
        let (socket, _) = listener.accept().await?;
        // One who goes away in the middle of an order is no fault of the double.
        let _ = hear(socket, double).await;
    }
}

async fn hear(socket: TcpStream, double: &Double) -> io::Result<()> {
    let (read, mut write) = socket.into_split();
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        let answer = obey(&line, double).unwrap_or_else(|refusal| format!("error: {refusal}"));
        write.write_all(format!("{answer}\n").as_bytes()).await?;
    }
    Ok(())
}

fn obey(line: &str, double: &Double) -> Result<String, Refusal> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["fail", call, fault, times, streams @ ..] => double.plan(Plan {
            call: call.parse()?,
            fault: fault.parse()?,
            times: times.parse().map_err(|_| Refusal::Times((*times).to_owned()))?,
            streams: streams.first().copied().unwrap_or_default().to_owned(),
        }),
        ["forget"] => double.forget_faults(),
        ["cut"] => double.cut_connections(),
        ["served", call] => return Ok(double.served(call.parse()?).to_string()),
        _ => return Err(Refusal::Order),
    }
    Ok("ok".to_owned())
}

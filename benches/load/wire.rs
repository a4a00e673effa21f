//! One connection that is kept open, and HTTP as plain as it gets, so that the generator takes as little of the machine as
//! it can.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::failed::{Failed, Outcome};

/// No answer has more header fields than this.
const FIELDS: usize = 32;

pub(crate) struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    received: Vec<u8>,
    /// Whether the server said that it takes no more requests here.
    closed: bool,
}

/// An answer as it came.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    /// `Stele-Position`, where a command was answered.
    pub(crate) position: Option<&'a str>,
    pub(crate) body: &'a str,
}

/// Where an answer's head ends, and what it says.
struct Head {
    length: usize,
    status: u16,
    body: usize,
    closes: bool,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = connect(address).await?;
        Ok(Self { address, stream, received: Vec::with_capacity(4096), closed: false })
    }

    /// Sends one request and reads its answer; on a new connection where the server has closed the last one.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Outcome<Answer<'_>> {
        if self.closed {
            self.stream = connect(self.address).await?;
        }
        self.stream.write_all(request).await?;
        self.received.clear();
        let head = loop {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(Failed::CutOff);
            }
            if let Some(head) = head(&self.received)? {
                break head;
            }
        };
        self.closed = head.closes;
        let end = head.length + head.body;
        while self.received.len() < end {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(Failed::CutOff);
            }
        }
        let (fields, body) = self.received.split_at(head.length);
        Ok(Answer { status: head.status, position: position(fields), body: std::str::from_utf8(body)? })
    }
}

async fn connect(address: SocketAddr) -> Outcome<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Answer<'_> {
    pub(crate) fn expect(&self, status: u16) -> Outcome<()> {
        if self.status == status {
            return Ok(());
        }
        Err(Failed::Answer { expected: status, status: self.status, body: self.body.to_owned() })
    }

    /// A member of the body that is a string, taken as it is written.
    pub(crate) fn member(&self, name: &'static str) -> Outcome<&str> {
        let after = self.body.split_once(&format!("\"{name}\":\"")).map(|(_, after)| after);
        after.and_then(|after| after.split('"').next()).ok_or(Failed::Missing(name))
    }
}

/// The head, once it is complete.
fn head(received: &[u8]) -> Outcome<Option<Head>> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = response.parse(received)? else {
        return Ok(None);
    };
    let named = |name: &str| response.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
    let body = named("content-length").and_then(|field| std::str::from_utf8(field.value).ok()?.parse().ok());
    let status = response.code.ok_or(Failed::Missing("the status of an answer"))?;
    let body = body.ok_or(Failed::Missing("the length of an answer"))?;
    let closes = named("connection").is_some_and(|field| field.value.eq_ignore_ascii_case(b"close"));
    Ok(Some(Head { length, status, body, closes }))
}

fn position(head: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(head).ok()?;
    text.split_once("stele-position: ").and_then(|(_, rest)| rest.split('\r').next())
}

/// A request as it goes over the wire.
pub(crate) fn request(method: &str, path: &str, token: Option<&str>, body: Option<&str>) -> Vec<u8> {
    let credentials = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let content = body
        .map(|body| format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()))
        .unwrap_or_default();
    let body = body.unwrap_or_default();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: stele.bench\r\naccept: application/json\r\n{credentials}{content}\r\n{body}"
    )
    .into_bytes()
}

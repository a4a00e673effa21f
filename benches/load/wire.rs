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
    stream: TcpStream,
    received: Vec<u8>,
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
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(4096) })
    }

    /// Sends one request and reads its answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Outcome<Answer<'_>> {
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
        after.and_then(|after| after.split('"').next()).ok_or(Failed::Lacks(name))
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
    let status = response.code.ok_or(Failed::Lacks("a status"))?;
    let body = body.ok_or(Failed::Lacks("a length"))?;
    Ok(Some(Head { length, status, body }))
}

fn position(head: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(head).ok()?;
    text.split_once("stele-position: ").and_then(|(_, rest)| rest.split('\r').next())
}

/// A request as it goes over the wire.
pub(crate) fn request(method: &str, path: &str, token: Option<&str>, body: Option<&str>) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: stele.bench\r\naccept: application/json\r\n");
    if let Some(token) = token {
        text += &format!("authorization: Bearer {token}\r\n");
    }
    if let Some(body) = body {
        text += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    }
    text += "\r\n";
    text += body.unwrap_or_default();
    text.into_bytes()
}

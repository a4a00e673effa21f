//! An SMTP server for tests, on loopback and on threads of its own: it keeps what it was told, and fails by the script. It converses as
//! the mail catcher does. Unit tests include this file as well.

#[path = "../../examples/mail-catcher/src/conversation.rs"]
mod conversation;

use std::{
    collections::{HashMap, VecDeque},
    io::{self, BufRead, BufReader, ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::linux::net::TcpStreamExt,
    sync::{Arc, Mutex, MutexGuard},
    thread,
};

use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use conversation::{Conversation, Heard, Limits, Mail};

const LIMITS: Limits = Limits { recipients: 100, size: 1 << 20 };

/// Where in a conversation something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum At {
    Greeting,
    Login,
    Sender,
    Recipient,
    Data,
    Message,
}

/// What the server does once in place of what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Say(&'static str),
    /// Never answers again.
    Hang,
    Drop,
    /// Takes the mail, says so and drops the connection.
    TakeAndDrop,
    /// Takes the mail, and drops the connection without a word.
    TakeInSilence,
}

/// A mail that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) from: String,
    pub(crate) to: String,
    /// As it was written, without the dots that the transport adds.
    pub(crate) message: String,
}

impl Taken {
    /// The line by which one that comes twice is known.
    pub(crate) fn message_id(&self) -> &str {
        self.message.lines().find(|line| line.starts_with("Message-ID:")).expect("a mail has an id")
    }
}

/// A line that the server was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) encrypted: bool,
    pub(crate) line: String,
}

/// How it encrypts.
#[derive(Clone)]
enum Tls {
    None,
    Offered(Arc<ServerConfig>),
    Wrapped(Arc<ServerConfig>),
}

pub(crate) struct MailServer {
    address: SocketAddr,
    scheme: &'static str,
    authority: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// By the step and, from the recipient on, his address.
    scripts: HashMap<(At, String), VecDeque<Act>>,
    taken: Vec<Taken>,
    heard: Vec<Line>,
    connections: usize,
    is_over: bool,
}

impl MailServer {
    /// In clear.
    pub(crate) fn start() -> Self {
        Self::run("smtp", (Tls::None, String::new()), 0)
    }

    /// As [`start`](Self::start), where nobody listened until now.
    pub(crate) fn at(port: u16) -> Self {
        Self::run("smtp", (Tls::None, String::new()), port)
    }

    /// Offers STARTTLS, under a certificate of this name.
    pub(crate) fn with_tls(name: &str) -> Self {
        let (config, authority) = certified(name);
        Self::run("smtp", (Tls::Offered(config), authority), 0)
    }

    /// Under TLS from the start.
    pub(crate) fn wrapped(name: &str) -> Self {
        let (config, authority) = certified(name);
        Self::run("smtps", (Tls::Wrapped(config), authority), 0)
    }

    fn run(scheme: &'static str, (tls, authority): (Tls, String), port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("a port is free");
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let of_sessions = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (state, tls) = (Arc::clone(&of_sessions), tls.clone());
                if state.kept().is_over {
                    return;
                }
                state.kept().connections += 1;
                // A client that goes away ends its session.
                thread::spawn(move || drop(hold(stream, &tls, &state)));
            }
        });
        Self { address, scheme, authority, state }
    }

    /// With this login in front of the host, such as `user:password@`, or none.
    pub(crate) fn url(&self, login: &str) -> String {
        let host = if self.authority.is_empty() { "127.0.0.1" } else { "localhost" };
        format!("{}://{login}{host}:{}", self.scheme, self.address.port())
    }

    /// The certificate (PEM) that vouches for it.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// What it does the next times that it comes to this point; for steps before the recipient is known `to` is empty.
    pub(crate) fn script(&self, at: At, to: &str, acts: &[Act]) {
        let mut kept = self.state.kept();
        kept.scripts.entry((at, to.to_owned())).or_default().extend(acts);
    }

    /// Whether everything that was scripted for this point has begun.
    pub(crate) fn has_played(&self, at: At, to: &str) -> bool {
        self.state.kept().scripts.get(&(at, to.to_owned())).is_none_or(VecDeque::is_empty)
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.state.kept().taken.clone()
    }

    /// How many mails were taken.
    pub(crate) fn taken_so_far(&self) -> usize {
        self.state.kept().taken.len()
    }

    pub(crate) fn taken_by(&self, to: &str) -> Vec<Taken> {
        self.taken().into_iter().filter(|mail| mail.to == to).collect()
    }

    pub(crate) fn heard(&self) -> Vec<Line> {
        self.state.kept().heard.clone()
    }

    /// How often a line that begins like this was heard.
    pub(crate) fn count(&self, beginning: &str) -> usize {
        self.heard().iter().filter(|heard| heard.line.starts_with(beginning)).count()
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.state.kept().connections
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.state.kept().is_over = true;
        // It waits for a connection.
        TcpStream::connect(self.address).ok();
    }
}

impl State {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    /// What the script says of this moment, if anything.
    fn act(&self, at: At, to: &str) -> Option<Act> {
        self.kept().scripts.get_mut(&(at, to.to_owned())).and_then(VecDeque::pop_front)
    }
}

/// A port on which nobody listens.
pub(crate) fn deserted_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A certificate of its own signature for this name, and the same as PEM.
fn certified(name: &str) -> (Arc<ServerConfig>, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap();
    let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], secret)
        .unwrap();
    (Arc::new(config), certificate.pem())
}

trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

struct Session<'s> {
    wire: BufReader<Box<dyn Wire>>,
    socket: TcpStream,
    encrypted: bool,
    state: &'s State,
    conversation: Conversation,
    to: String,
}

/// Talks to one client until either goes away.
fn hold(stream: TcpStream, tls: &Tls, state: &State) -> io::Result<()> {
    // To encrypt in the middle of a conversation.
    let plain = stream.try_clone()?;
    let wire: Box<dyn Wire> = match tls {
        Tls::Wrapped(config) => encrypted(stream, config),
        Tls::None | Tls::Offered(_) => Box::new(stream),
    };
    let is_wrapped = matches!(tls, Tls::Wrapped(_));
    let mut session = Session {
        wire: BufReader::new(wire),
        socket: plain,
        encrypted: is_wrapped,
        state,
        conversation: Conversation::new(LIMITS),
        to: String::new(),
    };
    session.answer(At::Greeting, "220 test ready")?;
    loop {
        match (session.hear()?, tls) {
            (Heard::Hello { .. }, Tls::Offered(_)) if !session.encrypted => {
                session.say("250-test\r\n250 STARTTLS")?;
            }
            (Heard::Hello { .. }, _) => session.say("250-test\r\n250 AUTH PLAIN LOGIN")?,
            (Heard::Encrypt, Tls::Offered(config)) => {
                session.say("220 go ahead")?;
                session.wire = BufReader::new(encrypted(session.socket.try_clone()?, config));
                session.encrypted = true;
            }
            (Heard::Encrypt, _) => session.say("502 5.5.2 unknown")?,
            (Heard::Login, _) => session.answer(At::Login, "235 2.7.0 welcome")?,
            (Heard::Sender, _) => session.answer(At::Sender, "250 2.1.0 ok")?,
            (Heard::Recipient(to), _) => {
                session.to = to;
                session.answer(At::Recipient, "250 2.1.5 ok")?;
            }
            (Heard::Data, _) => session.data()?,
            (Heard::Text, _) => {}
            (Heard::Whole(mail), _) => session.take(mail)?,
            (Heard::Nothing, _) => session.say("250 ok")?,
            (Heard::Refused(why), _) => session.say(why)?,
            (Heard::End, _) => return session.say("221 bye"),
        }
    }
}

fn encrypted(stream: TcpStream, config: &Arc<ServerConfig>) -> Box<dyn Wire> {
    Box::new(StreamOwned::new(ServerConnection::new(Arc::clone(config)).unwrap(), stream))
}

fn gone() -> io::Error {
    ErrorKind::ConnectionAborted.into()
}

impl Session<'_> {
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        if self.wire.read_until(b'\n', &mut line)? == 0 {
            return Err(gone());
        }
        Ok(line)
    }

    fn hear(&mut self) -> io::Result<Heard> {
        let line = self.line()?;
        let heard = self.conversation.hear(&line);
        if !matches!(heard, Heard::Text | Heard::Whole(_)) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            self.state.kept().heard.push(Line { encrypted: self.encrypted, line });
        }
        Ok(heard)
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        let wire = self.wire.get_mut();
        wire.write_all(format!("{text}\r\n").as_bytes())?;
        wire.flush()
    }

    /// What belongs here, unless the script says otherwise.
    fn answer(&mut self, at: At, usual: &str) -> io::Result<()> {
        match self.act(at) {
            None => self.say(usual),
            Some(act) => self.misbehave(act),
        }
    }

    fn act(&self, at: At) -> Option<Act> {
        let is_of_one = matches!(at, At::Recipient | At::Data | At::Message);
        self.state.act(at, if is_of_one { &self.to } else { "" })
    }

    fn misbehave(&mut self, act: Act) -> io::Result<()> {
        match act {
            Act::Say(text) => self.say(text),
            Act::Hang => {
                // Until the other side has had enough.
                while self.line().is_ok() {}
                Err(gone())
            }
            Act::Drop | Act::TakeAndDrop | Act::TakeInSilence => Err(gone()),
        }
    }

    fn data(&mut self) -> io::Result<()> {
        if let Some(act) = self.act(At::Data) {
            return self.misbehave(act);
        }
        self.conversation.accept();
        self.say("354 go on")?;
        // lettre holds a mail's last line back until the rest is acknowledged, which takes Linux 40 ms where it waits for an answer
        // to send along.
        self.socket.set_quickack(true)
    }

    fn take(&mut self, mail: Mail) -> io::Result<()> {
        let message = String::from_utf8_lossy(&mail.source).into_owned();
        let taken = Taken { from: mail.from, to: self.to.clone(), message };
        match self.act(At::Message) {
            None => {
                self.state.kept().taken.push(taken);
                self.say("250 2.0.0 taken")
            }
            Some(Act::TakeAndDrop) => {
                self.state.kept().taken.push(taken);
                self.say("250 2.0.0 taken")?;
                Err(gone())
            }
            Some(Act::TakeInSilence) => {
                self.state.kept().taken.push(taken);
                Err(gone())
            }
            Some(act) => self.misbehave(act),
        }
    }
}

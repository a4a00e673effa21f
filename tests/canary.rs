//! After every flow, nothing personal and nothing secret stands in the log, its WAL or the output of the server, in clear,
//! base64 or hex. The one exception is the mail itself and the terminal line that shows its link.

mod flows;
mod needle;

use std::fs;
use std::path::Path;

use crate::support::{RESET_URL, Server, VERIFY_URL};
use flows::Canary;
use needle::{Haystack, Needle};

const LOG: [&str; 3] = ["log.db", "log.db-wal", "log.db-shm"];

/// How every Argon2 hash in PHC form begins.
const HASH: &str = "$argon2";

/// What a session's credentials are, and where they travel.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Tokens,
    Keys,
    Cookies,
}

impl Mode {
    const fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Tokens => &[("STELE_AUTH__TOKENS", "jwt")],
            Self::Keys => &[("STELE_AUTH__TOKENS", "key")],
            Self::Cookies => {
                &[("STELE_JWT__ACCESS_COOKIE", "auth"), ("STELE_JWT__REFRESH_COOKIE", "refresh")]
            }
        }
    }
}

#[tokio::test]
async fn nothing_secret_is_left_behind_with_json_web_tokens() {
    leaves_nothing(Mode::Tokens).await;
}

#[tokio::test]
async fn nothing_secret_is_left_behind_with_keys() {
    leaves_nothing(Mode::Keys).await;
}

#[tokio::test]
async fn nothing_secret_is_left_behind_with_cookies() {
    leaves_nothing(Mode::Cookies).await;
}

async fn leaves_nothing(mode: Mode) {
    let proxy = ("STELE_API__TRUSTED_PROXIES", r#"["127.0.0.1"]"#);
    let mut server =
        Server::start(&[mode.settings(), &[proxy, ("STELE_OUTPUT__LEVEL", "trace")]].concat()).await;
    let mut canary = Canary::default();
    flows::run(&server, mode, &mut canary).await;
    let needles: Vec<Needle> = canary.needles().chain([Needle::new("a password hash", HASH)]).collect();
    let running = found(&server, &needles);
    server.restart().await;
    let stopped = found(&server, &needles);
    assert!(running.is_empty() && stopped.is_empty(), "running: {running:#?}\nafter a restart: {stopped:#?}");
}

/// The terminal tells of each mail that goes to a file: that line, and no other, may name the addressee and show the link.
fn is_of_the_mailer(line: &str) -> bool {
    line.starts_with("mail to ")
}

fn shows_a_link(line: &str) -> bool {
    [VERIFY_URL, RESET_URL].iter().any(|url| line.contains(url.split('{').next().unwrap()))
}

/// Where which needle was found.
fn found(server: &Server, needles: &[Needle]) -> Vec<String> {
    let lines = server.lines();
    assert!(
        lines.iter().any(|line| is_of_the_mailer(line) && shows_a_link(line)),
        "no line shows the link of a mail: {lines:#?}"
    );
    let output: String =
        lines.into_iter().filter(|line| !is_of_the_mailer(line)).map(|line| line + "\n").collect();
    let mut places = vec![Haystack::new("the output", output.as_bytes())];
    let files = LOG.map(|name| (name, server.home().data().join(name)));
    assert!(files[0].1.is_file(), "the log is where it is by default");
    places.extend(files.iter().filter_map(|(name, file)| read(name, file)));
    places.iter().flat_map(|place| needles.iter().filter_map(|needle| place.find(needle))).collect()
}

fn read(name: &str, file: &Path) -> Option<Haystack> {
    fs::read(file).ok().map(|bytes| Haystack::new(name, &bytes))
}

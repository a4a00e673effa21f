//! Takes mails from any number of clients at once, each held to limits, and keeps them in the mailbox. Knows no page.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};

use crate::{
    conversation::{Conversation, Heard, Limits},
    mailbox::Mailbox,
};

const CLIENTS: usize = 100;
/// How long a client may take for a line (RFC 5321, section 4.5.3.2.7).
const PATIENCE: Duration = Duration::from_mins(5);
/// In bytes. The standard has a thousand.
const LONGEST_LINE: u64 = 64 * 1024;
/// Of a mail, in bytes.
const LARGEST: usize = 10 * 1024 * 1024;
const LIMITS: Limits = Limits { recipients: 100, size: LARGEST };

/// Takes connections until it is dropped.
pub(crate) async fn serve(listener: TcpListener, mailbox: Arc<Mailbox>) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(CLIENTS));
    loop {
        let (stream, _) = listener.accept().await?;
        let (places, mailbox) = (Arc::clone(&places), Arc::clone(&mailbox));
        tokio::spawn(async move {
            let mut client = Client { stream: BufReader::new(stream) };
            let Ok(_place) = places.try_acquire() else {
                return client.say("421 4.3.2 too many clients").await;
            };
            client.converse(&mailbox).await
        });
    }
}

struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Until either goes away.
    async fn converse(&mut self, mailbox: &Mailbox) -> io::Result<()> {
        let mut conversation = Conversation::new(LIMITS);
        self.say("220 catcher ready").await?;
        loop {
            let Some(line) = self.line().await? else { return Ok(()) };
            match conversation.hear(&line) {
                Heard::Text => {}
                Heard::Hello { extended: false } => self.say("250 catcher").await?,
                Heard::Hello { extended: true } => {
                    let able = format!(
                        "250-catcher\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE {LARGEST}"
                    );
                    self.say(&able).await?;
                }
                Heard::Encrypt | Heard::Login => self.say("502 5.5.1 not here").await?,
                Heard::Sender | Heard::Recipient(_) | Heard::Nothing => self.say("250 2.0.0 ok").await?,
                Heard::Data => {
                    conversation.accept();
                    self.say("354 go on, and end with a dot").await?;
                }
                Heard::Whole(mail) => {
                    mailbox.keep(mail);
                    self.say("250 2.0.0 caught").await?;
                }
                Heard::Refused(why) => self.say(why).await?,
                Heard::End => return self.say("221 2.0.0 bye").await,
            }
        }
    }

    /// The next line with its end; none where there is nothing more to talk about.
    async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let mut limited = (&mut self.stream).take(LONGEST_LINE);
        let Ok(read) = timeout(PATIENCE, limited.read_until(b'\n', &mut line)).await else {
            self.say("421 4.4.2 too slow").await?;
            return Ok(None);
        };
        read?;
        if line.ends_with(b"\n") {
            return Ok(Some(line));
        }
        if !line.is_empty() {
            self.say("500 5.5.2 the line has no end").await?;
        }
        Ok(None)
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        timeout(PATIENCE, self.stream.write_all(format!("{text}\r\n").as_bytes())).await?
    }
}

//! The conversation with an SMTP server (RFC 5321), word by word: what is secret is said only once it is encrypted, and a mail
//! counts as taken only when each answer is the one that belongs to the question.

use std::time::Duration;

use lettre::{
    Address,
    transport::smtp::{
        authentication::DEFAULT_MECHANISMS,
        client::AsyncSmtpConnection,
        commands::{Data, Mail, Rcpt},
        response::{Response, Severity},
    },
};
use tokio::time::timeout;

use super::{
    Security, Terms,
    bounded::{Bounded, CONNECT},
    fault::{Fault, Step},
};
use crate::letter::Letter;

/// How long the server may take to say good-bye.
const FAREWELL: Duration = Duration::from_secs(1);

pub(super) struct Conversation(AsyncSmtpConnection);

impl Conversation {
    /// Connects, encrypts and logs in, as the terms say.
    pub(super) async fn begin(terms: &Terms) -> Result<Self, Fault> {
        let server = (terms.host.as_str(), terms.port);
        let greeted = match &terms.security {
            Security::Wrapped(tls) => {
                let tls = Some(tls.clone());
                AsyncSmtpConnection::connect_tokio1(server, Some(CONNECT), &terms.hello, tls, None).await
            }
            Security::None | Security::StartTls(_) => {
                // Whoever answers here has not shown yet who he is.
                let stream = Bounded::connect(server).await;
                let stream = stream.map_err(|error| Fault::unconnected(&error))?;
                AsyncSmtpConnection::connect_with_transport(Box::new(stream), &terms.hello).await
            }
        };
        let mut connection = greeted.map_err(|error| Fault::of(Step::Greeting, &error))?;
        if let Security::StartTls(tls) = &terms.security {
            let encrypted = connection.starttls(tls.clone(), &terms.hello).await;
            encrypted.map_err(|error| Fault::of(Step::Tls, &error))?;
        }
        if let Some(login) = &terms.login {
            let known = connection.auth(DEFAULT_MECHANISMS, login).await;
            known.map_err(|error| Fault::of(Step::Login, &error))?;
        }
        Ok(Self(connection))
    }

    pub(super) async fn is_alive(&mut self) -> bool {
        self.0.test_connected().await
    }

    /// Comes back when the server has said that the mail is its own now.
    pub(super) async fn hand_over(&mut self, letter: &Letter) -> Result<(), Fault> {
        let (from, to) = (address(&letter.from, Step::Sender)?, address(&letter.to, Step::Recipient)?);
        let (done, go_on) = (Severity::PositiveCompletion, Severity::PositiveIntermediate);
        let answer = self.0.command(Mail::new(Some(from), Vec::new())).await;
        expect(done, Step::Sender, answer)?;
        let answer = self.0.command(Rcpt::new(to, Vec::new())).await;
        expect(done, Step::Recipient, answer)?;
        let answer = self.0.command(Data).await;
        expect(go_on, Step::Data, answer)?;
        let answer = self.0.message(&letter.message).await;
        expect(done, Step::Message, answer)
    }

    /// Takes leave, as politely as the server lets one.
    pub(super) async fn end(mut self) {
        // Whether it answers makes no difference any more.
        _ = timeout(FAREWELL, self.0.abort()).await;
    }
}

/// An answer to another question would be off by one, and so would be every one that follows.
fn expect(
    severity: Severity,
    step: Step,
    answer: Result<Response, lettre::transport::smtp::Error>,
) -> Result<(), Fault> {
    let answer = answer.map_err(|error| Fault::of(step, &error))?;
    if answer.code().severity == severity { Ok(()) } else { Err(Fault::Nonsense { step }) }
}

fn address(text: &str, step: Step) -> Result<Address, Fault> {
    text.parse()
        .map_err(|error: lettre::address::AddressError| Fault::Broken { step, cause: error.to_string() })
}

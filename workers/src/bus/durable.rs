//! The durable consumers on the stream of events through which the workers of Stele get theirs. The server remembers what each of
//! them has acknowledged, and hands out again what was not.

use std::time::Duration;

use async_nats::jetstream::{
    consumer::{AckPolicy, Config, Consumer, DeliverPolicy, Info, pull},
    context::ConsumerInfoErrorKind,
};

use super::{BusError, Check, EventStream, failed};

/// How long a message may stay without a sign of life before it is handed to someone else. Whoever holds one gives a sign every
/// [`SIGN`].
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
pub(crate) const SIGN: Duration = Duration::from_secs(3);
/// How many messages may be out at once: those that wait to be tried again are among them.
const OUT: i64 = 20_000;

/// A consumer that outlives who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durable {
    /// The worker that reads it.
    pub role: &'static str,
    pub name: &'static str,
    about: &'static str,
    /// What it gets of the stream, in all versions.
    subjects: &'static [&'static str],
}

/// What the mail worker gets.
pub const MAILER: Durable = Durable {
    role: "mailer",
    name: "stele-mailer",
    about: "Mails that are to be sent",
    subjects: &["stele.events.mail.requested.*", "stele.events.mail.retried.*"],
};

/// What the revocation worker gets.
pub const REVOKER: Durable = Durable {
    role: "revoker",
    name: "stele-revoker",
    about: "What ends sessions before their time",
    subjects: &[
        "stele.events.session.revoked.*",
        "stele.events.user.disabled.*",
        "stele.events.user.password-changed.*",
        "stele.events.user.password-reset.*",
    ],
};

impl Durable {
    pub(super) async fn make(&self, stream: &EventStream) -> Result<(), BusError> {
        let made = stream.stream.create_consumer(self.wanted()).await;
        made.map(drop).map_err(|source| BusError::NoConsumer { name: self.name, source })
    }

    /// One that has handed out nothing yet, in the place of the one that is there.
    pub(super) async fn make_anew(&self, stream: &EventStream) -> Result<(), BusError> {
        let gone = stream.stream.delete_consumer(self.name).await;
        gone.map_err(|source| BusError::NoConsumer { name: self.name, source })?;
        self.make(stream).await
    }

    /// What is wrong with the one that is there; none where there is none.
    pub(super) async fn look(&self, stream: &EventStream) -> Result<Option<Vec<String>>, BusError> {
        Ok(self.find(stream).await?.map(|info| self.faults(&info.config)))
    }

    /// The one that is there.
    pub(crate) async fn open(&self, stream: &EventStream) -> Result<Consumer<pull::Config>, BusError> {
        let info = self.find(stream).await?.ok_or(BusError::Missing(self.name))?;
        Ok(Consumer::new(self.wanted(), info, stream.context.clone()))
    }

    async fn find(&self, stream: &EventStream) -> Result<Option<Info>, BusError> {
        match stream.stream.consumer_info(self.name).await {
            Ok(info) => Ok(Some(info)),
            Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => Ok(None),
            Err(source) => Err(BusError::Consumer { name: self.name, source }),
        }
    }

    fn wanted(&self) -> pull::Config {
        pull::Config {
            durable_name: Some(self.name.to_owned()),
            description: Some(self.about.to_owned()),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: PATIENCE,
            max_deliver: -1,
            max_ack_pending: OUT,
            filter_subjects: self.subjects.iter().map(|subject| (*subject).to_owned()).collect(),
            ..pull::Config::default()
        }
    }

    fn faults(&self, found: &Config) -> Vec<String> {
        let wanted = self.wanted();
        let mut subjects = found.filter_subjects.clone();
        subjects.sort();
        let checks: [Check; 7] = [
            (
                subjects == wanted.filter_subjects,
                format!("it gets {subjects:?}, and {:?} is wanted", self.subjects),
            ),
            (found.deliver_subject.is_none(), "it is pushed: a pull consumer is wanted".to_owned()),
            (
                found.deliver_policy == wanted.deliver_policy,
                "it does not get the whole stream: deliver policy all is wanted".to_owned(),
            ),
            (
                found.ack_policy == wanted.ack_policy,
                "it need not acknowledge each message: ack policy explicit is wanted".to_owned(),
            ),
            (
                found.ack_wait >= PATIENCE / 2 && found.ack_wait <= PATIENCE * 6,
                format!(
                    "it waits for a sign of life for {} s: {} s are wanted",
                    found.ack_wait.as_secs(),
                    PATIENCE.as_secs()
                ),
            ),
            (
                found.max_deliver <= 0,
                format!("it gives up after {} times: no limit is wanted", found.max_deliver),
            ),
            (
                found.max_ack_pending < 0 || found.max_ack_pending >= OUT,
                format!("it hands out {} messages at once: {OUT} are wanted", found.max_ack_pending),
            ),
        ];
        failed(self.name, checks)
    }
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::consumer::IntoConsumerConfig;

    use super::*;

    #[test]
    fn a_consumer_as_it_is_made_has_no_faults_and_each_fault_of_another_is_named() {
        for durable in [MAILER, REVOKER] {
            let made = durable.wanted().into_consumer_config();
            assert_eq!(durable.faults(&made), Vec::<String>::new());
            let cases = [
                ("it gets", Config { filter_subjects: vec!["stele.events.>".to_owned()], ..made.clone() }),
                ("pushed", Config { deliver_subject: Some("to.me".to_owned()), ..made.clone() }),
                ("whole stream", Config { deliver_policy: DeliverPolicy::New, ..made.clone() }),
                ("acknowledge", Config { ack_policy: AckPolicy::None, ..made.clone() }),
                ("sign of life", Config { ack_wait: Duration::from_secs(1), ..made.clone() }),
                ("sign of life", Config { ack_wait: Duration::from_hours(1), ..made.clone() }),
                ("gives up", Config { max_deliver: 3, ..made.clone() }),
                ("at once", Config { max_ack_pending: 1, ..made.clone() }),
            ];
            for (word, config) in cases {
                let faults = durable.faults(&config);
                assert!(faults.len() == 1 && faults[0].contains(word), "{word}: {faults:?}");
                assert!(faults[0].starts_with(durable.name), "{faults:?}");
            }
        }
    }
}

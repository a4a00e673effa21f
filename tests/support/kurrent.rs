//! A server that speaks KurrentDB's protocol, for a test's own log. It ends with the test.

use kurrent_double::{Call, Double, Fault};

use super::Home;

const STORE_LOG: &str = "STELE_STORE__LOG";

pub(crate) struct Kurrent(Double);

impl Kurrent {
    pub(crate) async fn start() -> Self {
        Self(Double::start().await.expect("a port is free"))
    }

    /// As [`Home::new`], with the log on this server.
    pub(crate) fn home(&self, env: &[(&str, &str)]) -> Home {
        Home::keyed(&[env, &[(STORE_LOG, &self.url())]].concat())
    }

    /// Nothing can be appended, until [`Self::recover`].
    pub(crate) fn refuse_appends(&self) {
        self.0.fail(Call::Append, Fault::Unavailable, usize::MAX);
    }

    pub(crate) fn recover(&self) {
        self.0.forget_faults();
    }

    /// The answer to the next append is lost, and what it appends is kept.
    pub(crate) fn lose_an_answer(&self) {
        self.0.fail(Call::Append, Fault::CutAfter, 1);
    }

    pub(crate) fn cut_connections(&self) {
        self.0.cut_connections();
    }

    fn url(&self) -> String {
        format!("esdb://127.0.0.1:{}?tls=false", self.0.port())
    }
}

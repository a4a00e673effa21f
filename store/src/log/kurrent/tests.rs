//! The log on KurrentDB under the contract of those without transactions: on a server of our own that behaves as KurrentDB is
//! documented to, and on a real one where `STELE_TEST_KURRENT` names it.

use std::sync::Arc;

use kurrent_double::Double;

use super::*;
use crate::log::{
    EventLog,
    contract::{self, Appends},
    one_by_one::OneByOne,
};

async fn open(url: &Url) -> Arc<dyn EventLog> {
    Arc::new(OneByOne(KurrentLog::open(url).await.unwrap()))
}

fn url_of(double: &Double) -> Url {
    format!("esdb://127.0.0.1:{}?tls=false", double.port()).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_log_keeps_the_contract() {
    let double = Double::start().await.unwrap();
    let url = url_of(&double);
    contract::hold(Appends::OneAfterAnother, async || open(&url).await).await;
}

/// In streams whose names begin as no others do.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "STELE_TEST_KURRENT names no KurrentDB"]
async fn the_log_keeps_the_contract_on_a_real_kurrentdb() {
    #[expect(clippy::disallowed_methods, reason = "as which server this run has is asked")]
    let server = std::env::var("STELE_TEST_KURRENT").expect("STELE_TEST_KURRENT names a server");
    let separator = if server.contains('?') { '&' } else { '?' };
    let url = format!("{server}{separator}prefix=test{}", random::id().simple()).parse().unwrap();
    contract::hold(Appends::OneAfterAnother, async || open(&url).await).await;
}

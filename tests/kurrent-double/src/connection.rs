//! Takes connections and speaks HTTP/2 on them, and cuts them when told to. Knows which service a path means, and deadlines.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;

use crate::features::Features;
use crate::prompt::Prompt;
use crate::streams::KeptStreams;
use crate::wire::event_store::client::server_features::server_features_server::ServerFeaturesServer;
use crate::wire::event_store::client::streams::streams_server::StreamsServer;

/// The connection that a call came on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wire(Arc<Notify>);

impl Wire {
    /// Never comes back: whoever called hears that the connection is gone, and nothing else.
    pub(crate) async fn cut_and_say_nothing(&self) {
        self.0.notify_one();
        std::future::pending::<()>().await;
    }
}

/// The services of one server.
#[derive(Debug, Clone)]
pub(crate) struct Services {
    pub(crate) streams: StreamsServer<KeptStreams>,
    pub(crate) features: ServerFeaturesServer<Features>,
}

impl Services {
    async fn answer(mut self, request: Request<Incoming>) -> Response<Body> {
        let deadline = deadline(request.headers());
        let called = request.uri().path().split('/').nth(1).unwrap_or_default().to_owned();
        let answer = async {
            match called.as_str() {
                "event_store.client.streams.Streams" => self.streams.call(request).await,
                "event_store.client.server_features.ServerFeatures" => self.features.call(request).await,
                _ => Ok(Status::unimplemented("the double does not have this service").into_http()),
            }
        };
        let answer = match deadline {
            Some(deadline) => tokio::time::timeout(deadline, answer).await,
            None => Ok(answer.await),
        };
        match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(never)) => match never {},
            Err(_) => Status::deadline_exceeded("Deadline Exceeded").into_http(),
        }
    }
}

/// Takes connections until it is dropped. Each change of `cuts` ends all that there are.
pub(crate) async fn take_connections(listener: TcpListener, services: Services, cuts: watch::Receiver<u64>) {
    loop {
        // A connection that went away again before it was taken.
        let Ok((socket, _)) = listener.accept().await else { continue };
        let mut cuts = cuts.clone();
        cuts.mark_unchanged();
        tokio::spawn(serve(socket, services.clone(), cuts));
    }
}

async fn serve(socket: TcpStream, services: Services, mut cuts: watch::Receiver<u64>) {
    let wire = Wire::default();
    let on_wire = wire.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(on_wire.clone());
        let services = services.clone();
        async move { Ok::<_, Infallible>(services.answer(request).await) }
    });
    // Small answers go out at once, as they do from a real server.
    let _ = socket.set_nodelay(true);
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(Prompt(socket)), service);
    tokio::select! {
        // What was answered before a cut still goes out.
        biased;
        // However it ends, the client knows.
        _ = connection => {}
        () = wire.0.notified() => {}
        _ = cuts.changed() => {}
    }
}

/// What the client says in `grpc-timeout`: up to eight digits and a unit.
fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

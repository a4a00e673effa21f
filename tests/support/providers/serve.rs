//! HTTP for a provider: reads each request whole, keeps it, and answers as the provider does or as it misbehaves.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use futures_util::stream;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    Request, Response,
    body::{Bytes, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet, time::sleep};

use super::{Act, Seen, message::Answer, world::World};

type Body = BoxBody<Bytes, io::Error>;

/// Much more than anybody reads.
const HUGE: usize = 4 << 20;
const TRICKLE: Duration = Duration::from_millis(100);

/// A free port, and the address that it is reached by.
pub(super) async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// Serves until it is dropped, which cuts all connections.
pub(super) async fn run(listener: TcpListener, world: Arc<World>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        world.kept().connections += 1;
        let world = Arc::clone(&world);
        connections.spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&world), request));
            // A client that goes away ends its connection.
            http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
        });
        while connections.try_join_next().is_some() {}
    }
}

/// An error closes the connection without a word.
async fn answer(world: Arc<World>, request: Request<Incoming>) -> Result<Response<Body>, io::Error> {
    let seen = read(request).await?;
    world.kept().seen.push(seen.clone());
    let act = act(&world, &seen.path).await;
    if matches!(act, Some(Act::Drop)) {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    let right = world.kind.answer(&world, &seen);
    Ok(match act {
        Some(act) => spoilt(right, act),
        None => whole(&right),
    })
}

async fn read(request: Request<Incoming>) -> Result<Seen, io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let query = parts.uri.query().unwrap_or_default();
    Ok(Seen {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// How it misbehaves at this path, once it does not hang any more.
async fn act(world: &World, path: &str) -> Option<Act> {
    let at = |faults: &Vec<(String, Act)>| {
        faults.iter().find(|(end, _)| path.ends_with(end.as_str())).map(|(_, act)| act.clone())
    };
    let mut faults = world.faults.subscribe();
    let faults = faults.wait_for(|faults| !matches!(at(faults), Some(Act::Hang))).await;
    faults.ok().and_then(|faults| at(&faults))
}

fn spoilt(right: Answer, act: Act) -> Response<Body> {
    match act {
        Act::Hang | Act::Drop => whole(&right),
        Act::Status(status) => {
            whole(&Answer::html(status, format!("<title>{status}</title><h1>Try again later</h1>")))
        }
        Act::Say(body) => whole(&Answer { body: body.to_owned(), ..Answer::json(200, &Value::Null) }),
        Act::Redirect(to) => whole(&Answer::redirect(302, &to)),
        Act::Alter(alter) => {
            let mut body = serde_json::from_str(&right.body).expect("what is altered is JSON");
            alter(&mut body);
            whole(&Answer { body: body.to_string(), ..right })
        }
        Act::Malformed => {
            let half = right.body.chars().take(right.body.chars().count() / 2).collect();
            whole(&Answer { body: half, ..right })
        }
        Act::Huge => {
            let body = json!({ "padding": "x".repeat(HUGE) }).to_string();
            whole(&Answer { body, ..right })
        }
        Act::Cut => {
            let length = right.body.len().to_string();
            let half = Bytes::from(right.body.as_bytes()[..right.body.len() / 2].to_vec());
            let frames = [Ok(Frame::data(half)), Err(io::ErrorKind::ConnectionAborted.into())];
            let body = StreamBody::new(stream::iter(frames)).boxed();
            headed(&right.with("content-length", &length), body)
        }
        Act::Trickle => {
            let bytes = right.body.clone().into_bytes();
            let frames = stream::unfold(0, move |place| {
                let byte = bytes.get(place).copied().unwrap_or(b' ');
                async move {
                    sleep(TRICKLE).await;
                    Some((Ok(Frame::data(Bytes::from(vec![byte]))), place + 1))
                }
            });
            headed(&right, BodyExt::boxed(StreamBody::new(Box::pin(frames))))
        }
    }
}

fn whole(answer: &Answer) -> Response<Body> {
    let body = Full::new(Bytes::from(answer.body.clone())).map_err(|never: Infallible| match never {});
    headed(answer, body.boxed())
}

fn headed(answer: &Answer, body: Body) -> Response<Body> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(*name, value);
    }
    response.body(body).unwrap()
}

//! A provider on loopback for tests of what asks one: answers as it is told to, and keeps what it was asked.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::AbortHandle,
    time::timeout,
};

use super::{
    Kind, ProviderConfig,
    config::origin,
    outbound::{Outbound, tls},
};
use crate::form::Secret;

const SOON: Duration = Duration::from_secs(30);

/// Status and body for a request as it stands on the wire; none where there is no answer.
type Answer = dyn Fn(&str) -> Option<(u16, String)> + Send + Sync;

pub(super) struct Loopback {
    url: String,
    asked: watch::Receiver<Vec<String>>,
    running: AbortHandle,
}

impl Loopback {
    pub(super) async fn start(answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static) -> Self {
        Self::run(Arc::new(move |request| Some(answer(request)))).await
    }

    /// One that never says anything.
    pub(super) async fn silent() -> Self {
        Self::run(Arc::new(|_| None)).await
    }

    async fn run(answer: Arc<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, asked) = watch::channel(Vec::new());
        let tell = Arc::new(tell);
        let running = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&tell), Arc::clone(&answer)));
            }
        });
        Self { url, asked, running: running.abort_handle() }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// What the settings say of it.
    pub(super) fn config(&self, kind: Kind) -> ProviderConfig {
        ProviderConfig {
            name: "work".to_owned(),
            kind,
            client_id: "stele".to_owned(),
            client_secret: Secret::new("s3cret".to_owned()),
            scopes: vec![],
            callback_urls: vec![],
            trust_email: false,
            api_url: Some(self.url.clone()),
            auth_url: None,
            token_url: None,
        }
    }

    /// What may call it, and nobody else.
    pub(super) fn outbound(&self) -> Outbound {
        Outbound::new(origin(&self.url).into_iter().collect(), tls().unwrap())
    }

    /// The requests that it got, the oldest first.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    /// Once it has got one.
    pub(super) async fn is_asked(&self) {
        let mut asked = self.asked.clone();
        timeout(SOON, asked.wait_for(|asked| !asked.is_empty())).await.unwrap().unwrap();
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn serve(mut stream: TcpStream, tell: Arc<watch::Sender<Vec<String>>>, answer: Arc<Answer>) {
    let (mut read, mut piece) = (Vec::new(), [0; 4096]);
    while !is_whole(&String::from_utf8_lossy(&read)) {
        match stream.read(&mut piece).await {
            Ok(count) if count > 0 => read.extend_from_slice(&piece[..count]),
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&read).into_owned();
    let answered = answer(&request);
    tell.send_modify(|asked| asked.push(request));
    let Some((status, body)) = answered else { return std::future::pending().await };
    let head = format!("HTTP/1.1 {status} -\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    let _ = stream.write_all((head + &body).as_bytes()).await;
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map(str::parse);
    body.len() >= length.and_then(Result::ok).unwrap_or(0)
}

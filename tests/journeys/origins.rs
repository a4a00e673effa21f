//! Links in mails are made from settings alone: whatever a request says about the host it was sent to, or through which
//! proxies, no mail repeats it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Account, Caller, Home, Mail, PASSWORD, RESET_URL, Reply, Server, VERIFY_URL, Wire};

const EVIL: &str = "evil.test";
const SOON: Duration = Duration::from_secs(20);
const PROXY: (&str, &str) = ("STELE_API__TRUSTED_PROXIES", r#"["127.0.0.1"]"#);

/// Headers that a framework might make the server's own address from; a proxy that is trusted sends them here.
const TALES: [(&str, &str); 9] = [
    ("x-forwarded-host", EVIL),
    ("x-forwarded-server", EVIL),
    ("x-forwarded-proto", "evil.test"),
    ("x-forwarded-port", "6666"),
    ("x-forwarded-prefix", "/evil.test"),
    ("x-original-host", EVIL),
    ("x-host", EVIL),
    ("forwarded", "host=evil.test;proto=https;for=evil.test"),
    ("origin", "https://evil.test"),
];

/// Every request that makes a mail with a link, for an account of its own.
async fn ask_for_mails(api: &Caller, account: &Account, host: Option<&str>) {
    let teller = TALES.into_iter().fold(api.clone(), |api, (name, value)| api.with(name, value));
    let post = async |caller: &Caller, path: &str, body: Value, status: u16| {
        let mut request = caller.request("POST", path).json(&body);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        Reply::to(request).await.expect(status)
    };
    let registered = post(&teller, "registration/", account.registration(), 201).await;
    let mail = json!({"email": account.email});
    post(&teller, "registration/resend-email/", mail.clone(), 200).await;
    post(&teller, "password/reset/", mail, 200).await;
    let change = json!({"email": format!("new-{}", account.email), "password": PASSWORD});
    post(&teller.bearer(&registered.at("/access")), "email/change/", change, 200).await;
}

/// All mails of all accounts are there, and each link begins as one of `starts` does.
async fn tell_nothing(server: &Server, accounts: usize, starts: &[&str]) {
    let mails = server.mails().await;
    let links: Vec<String> =
        mails.iter().flat_map(Mail::links).map(|link| link.as_str().to_owned()).collect();
    assert_eq!(links.len(), accounts * 4, "{links:#?}");
    for link in &links {
        assert!(starts.iter().any(|start| link.starts_with(start)), "{link}");
    }
    for mail in &mails {
        for text in [&mail.source, &mail.text, &mail.html] {
            assert!(!text.contains("evil") && !text.contains("6666"), "{text}");
        }
    }
}

#[tokio::test]
async fn no_header_of_a_request_is_in_a_link_to_a_front_end() {
    let server = Server::start(&[PROXY]).await;
    let api = server.api();
    ask_for_mails(&api, &Account::named("first"), None).await;
    ask_for_mails(&api, &Account::named("second"), Some(EVIL)).await;
    let starts = [VERIFY_URL, RESET_URL].map(|url| url.split('{').next().unwrap());
    tell_nothing(&server, 2, &starts).await;
}

#[tokio::test]
async fn no_header_of_a_request_is_in_a_link_to_the_pages_of_the_server() {
    let home = Home::bare(&[PROXY, ("STELE_LIMITS__ENABLED", "false")]);
    let server = Server::at(home).await;
    let api = server.api();
    ask_for_mails(&api, &Account::named("first"), None).await;
    ask_for_mails(&api, &Account::named("second"), Some(EVIL)).await;
    let own = format!("http://{}/", server.address());
    tell_nothing(&server, 2, &[own.as_str()]).await;
}

/// A request target may be a whole address (RFC 9112, section 3.2.2), which the server must take. One that contradicts the
/// `Host` beside it is refused.
#[tokio::test]
async fn no_target_of_a_request_is_in_a_link() {
    let server = Server::start(&[PROXY]).await;
    let account = Account::named("first");
    account.register(&server.api()).await;
    let body = json!({"email": account.email}).to_string();
    for (host, status) in [("evil.test:6666", "200"), ("stele.test", "400")] {
        let mut wire = Wire::connect(server.address()).await;
        let request = format!(
            "POST http://evil.test:6666/dj-rest-auth/password/reset/ HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        wire.send(request.as_bytes()).await;
        let answer = wire.rest(SOON).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
    }
    let mails = server.mails().await;
    assert_eq!(mails.iter().filter(|mail| mail.reset_link().is_some()).count(), 1);
    assert!(mails.iter().all(|mail| !mail.source.contains("evil") && !mail.text.contains("evil")));
}

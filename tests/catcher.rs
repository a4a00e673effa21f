//! The mail catcher that development and tests send to (`examples/mail-catcher`): what it says by SMTP, what it keeps, and that foreign
//! mails do no harm on its page.

use std::time::Duration;

use serde_json::json;

use crate::support::{Account, Catcher, Home, Server, Wire};

const SOON: Duration = Duration::from_secs(30);

/// A client that hands mails over.
struct Client(Wire);

impl Client {
    async fn of(catcher: &Catcher) -> Self {
        let mut client = Self(Wire::connect(&catcher.smtp).await);
        assert_eq!(client.answer().await, "220 catcher ready");
        client
    }

    async fn answer(&mut self) -> String {
        self.0.read_until("\r\n", SOON).await.trim_end().to_owned()
    }

    /// Says a line and answers the code of what comes back.
    async fn say(&mut self, line: &str) -> String {
        self.0.send(format!("{line}\r\n").as_bytes()).await;
        self.answer().await[..3].to_owned()
    }

    /// Hands over a mail with these lines, and answers the code of the last word to it.
    async fn mail(&mut self, to: &str, source: &str) -> String {
        assert_eq!(self.say("MAIL FROM:<auth@example.org>").await, "250");
        assert_eq!(self.say(&format!("RCPT TO:<{to}>")).await, "250");
        assert_eq!(self.say("DATA").await, "354");
        self.say(&format!("{source}\r\n.")).await
    }
}

#[tokio::test]
async fn a_mail_of_stele_is_on_the_page_with_a_link_that_works() {
    let catcher = Catcher::start().await;
    let url = format!("smtp://{}", catcher.smtp);
    let server = Server::at(Home::keyed(&[("STELE_MAIL__URL", &url)])).await;
    let ada = Account::named("ada");
    ada.register(&server.api()).await;
    let [mail] = catcher.mails_to(&ada.email, 1).await.try_into().unwrap();
    let link = mail["links"][0].as_str().expect("a link");
    let reader = catcher.reader();
    let list = reader.get("/").await.expect(200);
    assert!(list.text.contains(mail["subject"].as_str().unwrap()), "{}", list.text);
    assert!(list.text.contains("http-equiv=\"refresh\""), "it looks for new ones by itself");
    let page = reader.get("/mails/1").await.expect(200).text;
    assert!(page.replace("&#x2f;", "/").contains(&format!("<a href=\"{link}\">{link}</a>")), "{page}");
    let source = reader.get("/mails/1/source").await.expect(200);
    assert!(source.text.contains("Message-ID: <"), "{}", source.text);
    assert_eq!(source.header("content-type"), Some("text/plain; charset=utf-8"));
    let key = link.split_once("key=").unwrap().1;
    server.api().post("registration/verify-email/", json!({"key": key})).await.expect(200);
}

#[tokio::test]
async fn what_stands_in_a_mail_is_text_and_no_script_runs() {
    const EVIL: &str = "</pre></title>\"'><script src=//evil.example></script><img src=x onerror=alert(1)>";
    let catcher = Catcher::start().await;
    let mut client = Client::of(&catcher).await;
    let parts = format!(
        "--b\r\nContent-Type: text/plain\r\n\r\n{EVIL} http://a.example/\"onclick=alert(1) javascript:alert(1)\r\n\
         --b\r\nContent-Type: text/html\r\n\r\n{EVIL}\r\n--b--"
    );
    let source = format!(
        "Subject: {EVIL}\r\nDate: {EVIL}\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n{parts}"
    );
    assert_eq!(client.mail("<script>@example.org", &source).await, "250");
    let reader = catcher.reader();
    for path in ["/", "/mails/1"] {
        let page = reader.get(path).await.expect(200);
        for tag in ["<script", "<img", "onclick=alert(1)\"", "href=\"javascript:"] {
            assert!(!page.text.contains(tag), "{tag} in {}", page.text);
        }
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("script-src"), "{policy}");
    }
    let html = reader.get("/mails/1/html").await.expect(200);
    assert!(html.text.contains("<script"), "as it was sent");
    let policy = html.header("content-security-policy").unwrap();
    assert!(policy.contains("sandbox") && !policy.contains("allow-scripts"), "{policy}");
    assert!(policy.contains("default-src 'none'") && !policy.contains("script-src"), "{policy}");
    let source = reader.get("/mails/1/source").await.expect(200);
    assert_eq!(source.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn no_page_of_another_name_reads_it() {
    let catcher = Catcher::start().await;
    for (host, status) in
        [("evil.example", 403), ("127.0.0.1.evil.example:80", 403), ("localhost:8025", 200), ("[::1]", 200)]
    {
        let reader = catcher.reader().with("host", host);
        reader.get("/messages").await.expect(status);
    }
}

#[tokio::test]
async fn the_oldest_go_when_there_are_a_thousand_and_when_there_is_no_room() {
    let catcher = Catcher::start().await;
    let mut client = Client::of(&catcher).await;
    for count in 1..=1003 {
        assert_eq!(client.mail("ada@example.org", &format!("Subject: {count}\r\n\r\nhello")).await, "250");
    }
    let kept = catcher.messages().await;
    assert_eq!((kept.len(), &kept[0]["id"], &kept[999]["subject"]), (1000, &json!(4), &json!("1003")));
    let large = format!("Subject: large\r\n\r\n{}", format!("{}\r\n", "x".repeat(60_000)).repeat(150));
    for _ in 0..9 {
        assert_eq!(client.mail("ada@example.org", &large).await, "250");
    }
    let subjects = catcher.messages().await;
    assert!((1..9).contains(&subjects.len()), "{} large ones", subjects.len());
    assert_eq!(subjects.last().unwrap()["id"], 1012);
    catcher.reader().get("/mails/4").await.expect(404);
}

#[tokio::test]
async fn dots_and_lines_come_through_as_they_were_written() {
    let catcher = Catcher::start().await;
    let (mut one, mut other) = (Client::of(&catcher).await, Client::of(&catcher).await);
    assert_eq!(one.say("helo me").await, "250");
    assert_eq!(one.say("mail from:<>").await, "250");
    // Two at a time, each with a conversation of its own.
    assert_eq!(other.mail("grace@example.org", "\r\nto grace").await, "250");
    assert_eq!(one.say("rcpt to:<ada@example.org>").await, "250");
    assert_eq!(one.say("RCPT TO:<bob@example.org>").await, "250");
    assert_eq!(one.say("data").await, "354");
    assert_eq!(one.say("Subject: dots\r\n\r\n..one\r\n...two\r\nQUIT\nalone\n.\n..\r\n.").await, "250");
    let [grace, both] = catcher.messages().await.try_into().unwrap();
    assert_eq!(grace["to"], json!(["grace@example.org"]));
    assert_eq!((&both["from"], &both["to"]), (&json!(""), &json!(["ada@example.org", "bob@example.org"])));
    let source = catcher.reader().get("/mails/2/source").await.expect(200).text;
    assert_eq!(source, "Subject: dots\r\n\r\n.one\r\n..two\r\nQUIT\nalone\n.\n..\r\n");
}

#[tokio::test]
async fn what_is_out_of_order_or_too_much_is_refused_and_the_rest_goes_on() {
    let catcher = Catcher::start().await;
    let mut client = Client::of(&catcher).await;
    for (line, code) in [
        ("FOO", "502"),
        ("AUTH PLAIN x", "502"),
        ("STARTTLS", "502"),
        ("RCPT TO:<ada@example.org>", "503"),
        ("DATA", "503"),
        ("MAIL FROM:auth", "501"),
        ("MAIL FROM:<auth@example.org> SIZE=99999999", "552"),
        ("MAIL FROM:<auth@example.org> SIZE=9 BODY=8BITMIME", "250"),
        ("MAIL FROM:<auth@example.org>", "503"),
        ("RCPT TO:<>", "501"),
        ("DATA", "503"),
        ("NOOP", "250"),
        ("RSET", "250"),
        ("MAIL FROM:<auth@example.org>", "250"),
    ] {
        assert_eq!(client.say(line).await, code, "{line}");
    }
    for _ in 0..100 {
        assert_eq!(client.say("RCPT TO:<ada@example.org>").await, "250");
    }
    assert_eq!(client.say("RCPT TO:<ada@example.org>").await, "452");
    assert_eq!(client.say("RSET").await, "250");
    let too_large = format!("{}\r\n", "x".repeat(60_000)).repeat(180);
    assert_eq!(client.mail("ada@example.org", &too_large).await, "552");
    let part = |depth| format!("Content-Type: multipart/mixed; boundary=b{depth}\r\n\r\n--b{depth}\r\n");
    let nested = (10_000..15_000).map(part).collect::<String>();
    assert_eq!(client.mail("ada@example.org", &nested).await, "250");
    assert_eq!(client.mail("ada@example.org", "Subject: fine\r\n").await, "250");
    let subjects: Vec<_> = catcher.messages().await.iter().map(|mail| mail["subject"].clone()).collect();
    assert_eq!(subjects, ["", "fine"]);
    assert_eq!(client.say("QUIT").await, "221");
    let mut client = Client::of(&catcher).await;
    client.0.send("x".repeat(70_000).as_bytes()).await;
    assert!(client.0.rest(SOON).await.starts_with("500 "));
}

//! Mails as their readers get them: parsed back by another library.

use domain::Time;
use mailparse::{MailHeaderMap, ParsedMail, parse_mail};
use store::{NewEvent, Position, Recorded, StreamId, random};

use super::*;

const AT: Time = Time::from_seconds(1_795_560_299);

fn composer(name: Option<&str>, verify: &str) -> Composer {
    let sender = Sender { name: name.map(str::to_owned), address: "stele@localhost".to_owned() };
    let reset = "https://app.example/reset?uid={uid}&token={token}".to_owned();
    Composer::new(sender, LinkUrls { verify: verify.to_owned(), reset }, None).unwrap()
}

fn plain() -> Composer {
    composer(None, "https://app.example/verify?key={key}")
}

fn event() -> Recorded {
    let (id, data) = (random::id(), String::from("{}"));
    let kind = "mail.requested.v1".to_owned();
    let actor = "anonymous".to_owned();
    Recorded {
        event: NewEvent { id, kind, correlation: id, causation: None, actor, data, sealed: None },
        stream: StreamId::named("mail-1"),
        version: 1,
        position: Position(7),
        recorded_at: AT,
    }
}

fn secret(purpose: Purpose) -> Option<Secret> {
    match purpose {
        Purpose::VerifyEmail => Some(Secret::VerifyEmail("abc234".to_owned())),
        Purpose::ResetPassword => {
            Some(Secret::ResetPassword(ResetLink { uid: "MQ".to_owned(), token: "xyz567".to_owned() }))
        }
        _ => None,
    }
}

fn brief<'a>(event: &'a Recorded, purpose: Purpose, to: &'a str) -> Brief<'a> {
    let link = secret(purpose).map(|secret| (secret, Time::from_seconds(1_795_563_899)));
    Brief { event, purpose, to, at: AT, link }
}

fn letter(composer: &Composer, purpose: Purpose) -> Letter {
    composer.compose(&brief(&event(), purpose, "ada@example.org")).unwrap()
}

fn text_and_html(mail: &ParsedMail<'_>) -> (String, String) {
    assert_eq!(mail.ctype.mimetype, "multipart/alternative");
    let [text, html] = mail.subparts.as_slice() else { panic!("two parts") };
    assert_eq!((text.ctype.mimetype.as_str(), text.ctype.charset.as_str()), ("text/plain", "utf-8"));
    assert_eq!((html.ctype.mimetype.as_str(), html.ctype.charset.as_str()), ("text/html", "utf-8"));
    (text.get_body().unwrap(), html.get_body().unwrap())
}

#[test]
fn every_mail_has_a_text_and_an_html_part_and_says_what_to_do_if_it_was_not_you() {
    for purpose in Purpose::ALL {
        let letter = letter(&plain(), purpose);
        let mail = parse_mail(&letter.message).unwrap();
        let (text, html) = text_and_html(&mail);
        for part in [&text, &html] {
            assert!(part.contains("not you"), "{purpose:?}: {part}");
            assert!(!part.contains("{{") && !part.contains("{%"), "{purpose:?}: {part}");
        }
        assert!(letter.message.is_ascii(), "{purpose:?}");
        assert!(!mail.headers.get_first_value("Subject").unwrap().is_empty());
    }
}

#[test]
fn the_headers_tell_from_whom_to_whom_when_and_that_no_person_wrote() {
    let event = event();
    let letter = plain().compose(&brief(&event, Purpose::VerifyEmail, "Ada@example.org")).unwrap();
    let mail = parse_mail(&letter.message).unwrap();
    let header = |name: &str| mail.headers.get_all_values(name);
    assert_eq!(header("From"), ["stele@localhost"]);
    assert_eq!(header("To"), ["Ada@example.org"]);
    assert_eq!(header("Subject"), ["Verify your e-mail address"]);
    assert_eq!(header("Message-ID"), [format!("<{}@localhost>", event.event.id)]);
    assert_eq!(header("Auto-Submitted"), ["auto-generated"]);
    assert_eq!(header("MIME-Version"), ["1.0"]);
    let [date] = header("Date").try_into().unwrap();
    assert_eq!(mailparse::dateparse(&date).unwrap(), AT.seconds());
}

#[test]
fn the_link_stands_alone_on_one_line_of_the_text_and_leads_somewhere_in_the_html() {
    let expected = [
        (Purpose::VerifyEmail, "https://app.example/verify?key=abc234"),
        (Purpose::ResetPassword, "https://app.example/reset?uid=MQ&token=xyz567"),
    ];
    for (purpose, link) in expected {
        let letter = letter(&plain(), purpose);
        assert_eq!(letter.link.as_deref(), Some(link));
        let mail = parse_mail(&letter.message).unwrap();
        let (text, html) = text_and_html(&mail);
        assert_eq!(text.lines().filter(|line| line.contains("://")).collect::<Vec<_>>(), [link]);
        assert!(text.contains("until Tue, 24 Nov 2026 23:44 UTC"), "{text}");
        assert!(html.contains("until Tue, 24 Nov 2026 23:44 UTC"), "{html}");
        let unescaped = html.replace("&#x2f;", "/").replace("&amp;", "&");
        assert!(unescaped.contains(&format!("<a href=\"{link}\">{link}</a>")), "{html}");
    }
}

#[test]
fn a_link_longer_than_a_mails_line_arrives_whole() {
    let url = format!("https://app.example/{}?key={{key}}", "long/".repeat(400));
    let letter = letter(&composer(None, &url), Purpose::VerifyEmail);
    assert!(letter.message.split(|byte| *byte == b'\n').all(|line| line.len() <= 999));
    let mail = parse_mail(&letter.message).unwrap();
    let link = letter.link.unwrap();
    assert!(text_and_html(&mail).0.lines().any(|line| line == link));
}

#[test]
fn what_is_filled_into_a_link_is_percent_encoded() {
    let event = event();
    let mut brief = brief(&event, Purpose::ResetPassword, "ada@example.org");
    let link = ResetLink { uid: "{token}&x=".to_owned(), token: "a b/ü-._~".to_owned() };
    brief.link = Some((Secret::ResetPassword(link), AT));
    let link = plain().compose(&brief).unwrap().link.unwrap();
    assert_eq!(link, "https://app.example/reset?uid=%7Btoken%7D%26x%3D&token=a%20b%2F%C3%BC-._~");
}

#[test]
fn html_escapes_what_is_filled_in() {
    let composer = composer(Some("A<b>&\"c"), "https://app.example/\"><script>?key={key}");
    let letter = letter(&composer, Purpose::VerifyEmail);
    let (text, html) = text_and_html(&parse_mail(&letter.message).unwrap());
    assert!(text.contains("A<b>&\"c"), "{text}");
    assert!(!html.contains("<script>") && !html.contains("<b>"), "{html}");
    assert!(html.contains("A&lt;b&gt;&amp;&quot;c"), "{html}");
}

#[test]
fn the_same_event_gives_the_same_bytes_and_another_event_others() {
    for purpose in Purpose::ALL {
        let (one, two) = (event(), event());
        let compose =
            |event: &Recorded| plain().compose(&brief(event, purpose, "ada@example.org")).unwrap().message;
        assert_eq!(compose(&one), compose(&one));
        assert_ne!(compose(&one), compose(&two));
    }
}

#[test]
fn an_address_that_mail_cannot_go_to_is_refused_whole() {
    for address in [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@example.org\r\nBcc: eve@example.org",
        "ada@example.org\n",
        "\"a\rb\"@example.org",
        "\"a\u{0}b\"@example.org",
        "\"a\u{1}b\"@example.org",
        "Eve <ada@example.org>",
        "ada@example.org, eve@example.org",
        "ädä@example.org",
        "ada@exa mple.org",
        "ada@example.org\u{85}",
    ] {
        let refused = plain().compose(&brief(&event(), Purpose::VerifyEmail, address));
        assert!(matches!(refused, Err(ComposeError::Address(_))), "{address:?}");
    }
}

#[test]
fn unusual_addresses_arrive_as_they_are_with_their_domain_in_ascii() {
    let long = format!("{}@{}.example", "a".repeat(64), "b".repeat(63));
    for (address, arrives) in [
        ("o'neil+tag/x=y@example.com", "o'neil+tag/x=y@example.com"),
        ("\"a b\"@example.com", "\"a b\"@example.com"),
        ("\"a@b\"@example.com", "\"a@b\"@example.com"),
        ("ada@[127.0.0.1]", "ada@[127.0.0.1]"),
        ("ada@[::1]", "ada@[::1]"),
        ("ada@localhost", "ada@localhost"),
        ("Ada@Bücher.example", "Ada@xn--bcher-kva.example"),
        (&long, &long),
    ] {
        let letter = plain().compose(&brief(&event(), Purpose::ResetPassword, address)).unwrap();
        assert_eq!(letter.to, arrives);
        let mail = parse_mail(&letter.message).unwrap();
        assert_eq!(mail.headers.get_all_values("To"), [arrives]);
        assert_eq!(mail.headers.len(), 8, "{:?}", mail.headers);
    }
}

#[test]
fn no_character_anywhere_in_an_address_adds_a_header_or_changes_the_recipient() {
    let mut taken = 0;
    for letter in
        (0..=0x17f).filter_map(char::from_u32).chain(['\u{2028}', '\u{200b}', '\u{202e}', '\u{ff20}'])
    {
        for address in [
            format!("a{letter}b@example.org"),
            format!("\"a{letter}b\"@example.org"),
            format!("\"a\\{letter}b\"@example.org"),
            format!("ada@exam{letter}ple.org"),
            format!("ada@[127{letter}0.0.1]"),
            format!("{letter}ada@example.org{letter}"),
        ] {
            let Ok(letter) = plain().compose(&brief(&event(), Purpose::PasswordReset, &address)) else {
                continue;
            };
            taken += 1;
            let mail = parse_mail(&letter.message).unwrap();
            assert_eq!(mail.headers.len(), 8, "{address:?}");
            assert_eq!(mail.headers.get_all_values("To"), [letter.to.as_str()], "{address:?}");
            assert!(letter.to.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{address:?}");
        }
    }
    assert!(taken > 300, "{taken}");
}

#[test]
fn a_senders_name_is_shown_and_named_in_the_text() {
    for name in ["Example", "Our Team, Inc.", "Büro <1>", &"long ".repeat(40)] {
        let composer = composer(Some(name), "https://app.example/{key}");
        let letter = letter(&composer, Purpose::PasswordChanged);
        let mail = parse_mail(&letter.message).unwrap();
        let from = mailparse::addrparse_header(mail.headers.get_first_header("From").unwrap()).unwrap();
        let from = from.extract_single_info().unwrap();
        assert_eq!(
            (from.display_name.as_deref(), from.addr.as_str()),
            (Some(name.trim()), "stele@localhost")
        );
        assert!(text_and_html(&mail).0.contains(&format!("your account at {name}")));
    }
}

#[test]
fn a_mail_without_its_link_is_not_written_and_neither_is_one_with_anothers() {
    let event = event();
    let mut without = brief(&event, Purpose::VerifyEmail, "ada@example.org");
    without.link = None;
    assert!(matches!(plain().compose(&without), Err(ComposeError::Link)));
    let mut swapped = brief(&event, Purpose::VerifyEmail, "ada@example.org");
    swapped.link = secret(Purpose::ResetPassword).map(|secret| (secret, AT));
    assert!(matches!(plain().compose(&swapped), Err(ComposeError::Link)));
    let mut surplus = brief(&event, Purpose::PasswordChanged, "ada@example.org");
    surplus.link = secret(Purpose::VerifyEmail).map(|secret| (secret, AT));
    assert!(matches!(plain().compose(&surplus), Err(ComposeError::Link)));
}

#[test]
fn a_sender_that_no_header_can_hold_is_told_at_once() {
    for (name, address) in [(None, "stele"), (None, "a b@example.org"), (Some("x"), "stele@exa\nmple.org")] {
        let sender = Sender { name: name.map(str::to_owned), address: address.to_owned() };
        let urls = LinkUrls { verify: String::new(), reset: String::new() };
        assert!(
            matches!(Composer::new(sender, urls, None), Err(ComposerError::Sender { .. })),
            "{address:?}"
        );
    }
}

#[test]
fn dates_out_of_range_do_no_harm() {
    for at in [Time(i64::MIN), Time(i64::MAX)] {
        let event = event();
        let brief = Brief { at, ..brief(&event, Purpose::PasswordChanged, "ada@example.org") };
        assert!(plain().compose(&brief).is_ok());
    }
}

#[test]
fn a_letter_that_is_printed_for_debugging_does_not_show_its_link() {
    let shown = format!("{:?}", letter(&plain(), Purpose::VerifyEmail));
    assert!(!shown.contains("abc234") && !shown.contains("ada@"), "{shown}");
}

/// A composer with one text of its own.
fn with_own(file: &str, text: &str) -> Result<Composer, ComposerError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(file), text).unwrap();
    let sender = Sender { name: None, address: "auth@example.com".to_owned() };
    let urls = LinkUrls {
        verify: "https://app.example/{key}".to_owned(),
        reset: "https://app.example/{uid}{token}".to_owned(),
    };
    Composer::new(sender, urls, Some(folder.path()))
}

#[test]
fn a_text_in_a_folder_takes_the_place_of_the_built_in_one_and_no_other_does() {
    let composer = with_own("verify-email.txt", "Salut !\n{{ link }}\n").unwrap();
    let own = composer.preview(Purpose::VerifyEmail, Time(0)).unwrap();
    assert_eq!(own.text, "Salut !\nhttps://app.example/sample");
    assert!(own.html.contains("Open this link"), "{}", own.html);
    let html = with_own("layout.html", "<b>{% block text %}{% endblock %}</b>").unwrap();
    assert!(html.preview(Purpose::PasswordChanged, Time(0)).unwrap().html.starts_with("<b><p>The password"));
}

#[test]
fn texts_that_would_fail_are_told_with_their_file_and_line() {
    for (file, text, told) in [
        ("welcome.txt", "Hello", "welcome.txt is the text of no mail; there are layout.html, link.html,"),
        ("verify-email.txt", "{{ link }}\n{{ nam }}", "(in verify-email.txt:2)"),
        ("password-changed.html", "\n\n{% if %}", "(in password-changed.html:3)"),
        (
            "reset-password.txt",
            "Click {{ link }}!",
            "reset-password.txt must show {{ link }} on a line of its own",
        ),
        ("password-reset.txt", "  \n", "password-reset.txt is empty"),
        (
            "password-reset.txt",
            "{% for a in range(999) %}{% for b in range(999) %}x{% endfor %}{% endfor %}",
            "ran out of fuel",
        ),
    ] {
        let error = with_own(file, text).err().unwrap_or_else(|| panic!("{file} is taken"));
        let told_of = store::chain(&error);
        assert!(told_of.contains(told), "{told_of}");
    }
}

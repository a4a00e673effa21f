//! What a person sees on one node of what he did on another.

use serde_json::json;

use super::each;
use crate::support::{Account, Home, Mailbox, SESSIONS, has_mailed};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn whatever_is_done_on_one_node_is_there_on_the_other_when_it_is_asked_for() {
    let home = Home::on_postgres(&[]);
    let [a, b, _projector, mailer] = each(&home, ["api", "api", "projector", "mailer"]).await;
    let (on_a, on_b) = (a.api(), b.api());
    let ada = Account::named("ada");
    let tokens = ada.register(&on_a).await;
    tokens.on(&on_b).get("user/").await.expect(200);
    assert_eq!(tokens.on(&on_b).insist(SESSIONS).await.expect(200).json().as_array().unwrap().len(), 1);
    let mut at_once = 0;
    for round in 0..5 {
        let name = json!({"first_name": format!("Ada {round}")});
        let changed = tokens.on(&on_a).patch("user/", name.clone()).await.expect(200);
        let position = changed.header("stele-position").expect("a command tells where it stands").to_owned();
        let reader = tokens.on(&on_b).with("stele-min-position", &position);
        assert_eq!(reader.get("user/").await.expect(200).json()["first_name"], name["first_name"]);
        ada.login(&on_a).await;
        at_once += usize::from(tokens.on(&on_b).get(SESSIONS).await.status == 200);
        let listed = tokens.on(&on_b).insist(SESSIONS).await.expect(200);
        assert_eq!(listed.json().as_array().unwrap().len(), round + 2);
    }
    assert!(at_once > 0, "a list waits for the projector");
    for api in [&on_a, &on_b, &mailer.api()] {
        has_mailed(api).await;
    }
    let mails = Mailbox::at(&home.data().join("mail")).all();
    assert_eq!(mails.iter().filter(|mail| mail.is_to(&ada.email)).count(), 1);
    // A command on the other node, by what the mail says.
    let key = mails.iter().find_map(crate::support::Mail::verify_key).expect("a link to verify");
    on_b.post("registration/verify-email/", json!({"key": key})).await.expect(200);
    on_a.post("registration/", ada.registration()).await.expect(400);
    b.run(&["rebuild", "--check"]).succeeded();
}

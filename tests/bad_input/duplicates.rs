//! Of two equal names in a JSON object the last counts, as in the reference: to take the first would let a filter in front of
//! Stele see another password than Stele does.

use serde_json::{Value, json};

use super::bodies::JSON;
use super::endpoints::{self, Endpoint, SECRET};
use super::{MODES, Scene, complaint, none};
use crate::support::{NEW_PASSWORD, Reply};

/// The body of `endpoint` with `field` twice in it: as it is at the front, and as `last` at the end.
fn twice(endpoint: &Endpoint, field: &str, last: &Value) -> Vec<u8> {
    let whole = endpoint.with(field, &json!(SECRET)).to_string();
    let open = whole.strip_suffix('}').expect("an object");
    format!("{open},{}:{last}}}", json!(field)).into_bytes()
}

fn told(reply: &Reply) -> (u16, &str) {
    (reply.status, &reply.text)
}

#[tokio::test]
async fn the_last_of_two_equal_names_counts_at_every_endpoint() {
    for mode in MODES {
        let scene = Scene::set(mode).await;
        let mut complaints = Vec::new();
        for endpoint in endpoints::all(mode) {
            for (field, _) in endpoint.fields {
                for wrong in [json!([]), json!({"a": 1}), json!(true)] {
                    let about = format!("{mode}: {} {} {field} {wrong}", endpoint.method, endpoint.path);
                    let once = endpoint.with(field, &wrong).to_string().into_bytes();
                    let once = scene.send(&endpoint, JSON, once).await;
                    let reply = scene.send(&endpoint, JSON, twice(&endpoint, field, &wrong)).await;
                    complaints.extend(complaint(&reply, &[SECRET]).map(|what| format!("{about}: {what}")));
                    assert_eq!(told(&reply), told(&once), "{about}");
                }
            }
        }
        none(&complaints);
        scene.is_as_before().await;
    }
}

#[tokio::test]
async fn a_login_goes_by_the_last_name_and_the_last_password() {
    for mode in MODES {
        let scene = Scene::set(mode).await;
        let (name, right) = (&scene.account.username, &scene.account.password);
        let login = endpoints::all(mode)[0];
        let send = async |body: String| scene.send(&login, JSON, body.into_bytes()).await;
        for wrong in [
            format!(r#"{{"username": "{name}", "password": "{right}", "password": "{NEW_PASSWORD}"}}"#),
            format!(r#"{{"username": "{name}", "username": "nobody", "password": "{right}"}}"#),
        ] {
            let reply = send(wrong).await;
            assert_eq!((reply.status, complaint(&reply, &[right, NEW_PASSWORD])), (400, None), "{mode}");
        }
        for good in [
            format!(r#"{{"username": "{name}", "password": "{NEW_PASSWORD}", "password": "{right}"}}"#),
            format!(r#"{{"username": "nobody", "password": "{right}", "username": "{name}"}}"#),
            format!(r#"{{"password": [], "username": {{}}, "password": "{right}", "username": "{name}"}}"#),
        ] {
            send(good).await.expect(200);
        }
    }
}

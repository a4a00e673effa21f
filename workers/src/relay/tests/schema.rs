//! The JSON Schema of each public event, made from its type and kept in `docs/events/`, beside the words about it in
//! `docs/events.md`: what subscribers rely on can't change unseen.

use std::collections::{BTreeMap, BTreeSet};

use boon::{Compiler, Schemas};
use schemars::{JsonSchema, generate::SchemaSettings};

use super::{
    super::{message::Envelope, public::*},
    *,
};

fn docs(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(path)
}

/// The schema of a whole message that carries `D` under the type `kind`.
fn schema<D: JsonSchema>(kind: &str) -> Value {
    let settings =
        SchemaSettings::draft2020_12().for_serialize().with(|settings| settings.inline_subschemas = true);
    let mut generator = settings.into_generator();
    let about = D::json_schema(&mut generator);
    let mut schema = generator.into_root_schema_for::<Envelope<D>>().to_value();
    schema["title"] = kind.into();
    schema["description"] = about.get("description").unwrap().clone();
    schema["properties"]["type"]["const"] = kind.into();
    schema
}

macro_rules! schemas {
    ($($kind:literal: $data:ty,)+) => {
        fn schemas() -> BTreeMap<&'static str, Value> {
            BTreeMap::from([$(($kind, schema::<$data>($kind))),+])
        }
    };
}

schemas! {
    "stele.events.user.registered.v1": UserRegistered,
    "stele.events.user.email-verified.v1": EmailVerified,
    "stele.events.user.email-change-requested.v1": EmailChangeRequested,
    "stele.events.user.email-changed.v1": EmailChanged,
    "stele.events.user.password-changed.v1": PasswordChanged,
    "stele.events.user.password-reset.v1": PasswordReset,
    "stele.events.user.profile-updated.v1": ProfileUpdated,
    "stele.events.user.social-account-linked.v1": SocialAccountLinked,
    "stele.events.user.social-account-unlinked.v1": SocialAccountUnlinked,
    "stele.events.user.disabled.v1": UserDisabled,
    "stele.events.user.enabled.v1": UserEnabled,
    "stele.events.session.started.v1": SessionStarted,
    "stele.events.session.refreshed.v1": SessionRefreshed,
    "stele.events.session.revoked.v1": SessionRevoked,
    "stele.events.mail.requested.v1": MailRequested,
    "stele.events.mail.sent.v1": MailSent,
    "stele.events.mail.failed.v1": MailFailed,
    "stele.events.mail.retried.v1": MailRetried,
}

fn filed(kind: &str) -> Option<Value> {
    let text = fs::read_to_string(docs(&format!("events/{kind}.json"))).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

fn fits(schema: Value, message: &Value) -> Result<(), String> {
    const PLACE: &str = "https://schema.test/message.json";
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.enable_format_assertions();
    compiler.add_resource(PLACE, schema).unwrap();
    let schema = compiler.compile(PLACE, &mut schemas).unwrap();
    schemas.validate(message, schema).map_err(|fault| fault.to_string())
}

#[test]
fn every_public_event_is_what_its_schema_on_file_says() {
    for (kind, schema) in schemas() {
        let text = serde_json::to_string_pretty(&schema).unwrap();
        assert!(
            filed(kind).as_ref() == Some(&schema),
            "docs/events/{kind}.json is not what the event has become. Subscribers rely on it: a field may be added, which is \
             told in docs/events.md; any other change is a new event, under the next version. If it is one that may be, \
             save this as docs/events/{kind}.json:\n{text}"
        );
    }
    let known: BTreeSet<String> = schemas().keys().map(|kind| format!("{kind}.json")).collect();
    let files =
        fs::read_dir(docs("events")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(files.collect::<BTreeSet<_>>(), known, "in docs/events");
}

#[tokio::test]
async fn every_message_fits_the_schema_on_file_and_has_no_field_that_is_not_in_it() {
    let mut seen = BTreeSet::new();
    for (file, recorded) in golden() {
        let Some(message) = told(&recorded).await else { continue };
        let kind = message["type"].as_str().unwrap().to_owned();
        let mut schema = filed(&kind).unwrap_or_else(|| panic!("{file}: {kind} has no schema"));
        schema["additionalProperties"] = false.into();
        schema["properties"]["data"]["additionalProperties"] = false.into();
        fits(schema, &message).unwrap_or_else(|fault| panic!("{file}: {fault} in {message}"));
        seen.insert(kind);
    }
    assert_eq!(seen, schemas().into_keys().map(ToOwned::to_owned).collect(), "each has a golden event");
}

#[test]
fn the_guide_tells_of_every_event_and_every_field() {
    let guide = fs::read_to_string(docs("events.md")).unwrap();
    for (kind, schema) in schemas() {
        let (_, told) = guide
            .split_once(&format!("| [`{kind}`](events/{kind}.json) |"))
            .unwrap_or_else(|| panic!("{kind} is not told of"));
        let row = told.lines().next().unwrap();
        let data = schema["properties"]["data"]["properties"].as_object().unwrap();
        for field in data.keys() {
            assert!(row.contains(&format!("`{field}`")), "{kind}: {field} is not told of");
        }
        for field in schema["properties"].as_object().unwrap().keys() {
            assert!(guide.contains(&format!("| `{field}` |")), "{field} of the envelope is not told of");
        }
    }
}

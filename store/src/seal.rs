//! Takes the private values out of an event's JSON and seals them, and puts them back. Finds them by their mark, so that
//! none can be forgotten; knows no event type.

use std::collections::HashMap;

use data_encoding::BASE64;
use domain::{KeyId, private::MARK};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{Cause, StreamId, vault};

/// Data keys by their ids; those that were destroyed are left out.
pub(crate) type Keys = HashMap<KeyId, vault::DataKey>;

/// Where a sealed value stands. It opens nowhere else.
pub(crate) struct Place<'a> {
    pub(crate) stream: &'a StreamId,
    pub(crate) event: Uuid,
    pub(crate) kind: &'a str,
}

impl Place<'_> {
    fn context(&self, field: &str) -> String {
        format!("{}|{}|{}|{field}", self.stream, self.event, self.kind)
    }
}

/// The keys that the private values of an event's data need.
pub(crate) fn keys_in(data: &Value) -> Vec<KeyId> {
    data.as_object().into_iter().flat_map(Map::values).filter_map(key_of).collect()
}

/// Whether a private value stands deeper than `take_private` reaches, so that it would be stored in clear.
pub(crate) fn out_of_reach(data: &Value) -> bool {
    match data {
        Value::Object(fields) => {
            fields.contains_key(MARK)
                || fields.values().any(|value| key_of(value).is_none() && holds_mark(value))
        }
        other => holds_mark(other),
    }
}

fn holds_mark(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.contains_key(MARK) || fields.values().any(holds_mark),
        Value::Array(values) => values.iter().any(holds_mark),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Moves every private value out of `data` and answers them sealed.
pub(crate) fn take_private(data: &mut Value, keys: &Keys, place: &Place<'_>) -> Option<Value> {
    let fields = data.as_object_mut()?;
    let private: Vec<(String, KeyId)> =
        fields.iter().filter_map(|(name, value)| Some((name.clone(), key_of(value)?))).collect();
    let mut sealed = Map::new();
    for (name, id) in private {
        let value = fields.shift_remove(&name).and_then(|mut held| held.get_mut("value").map(Value::take));
        let text = value.unwrap_or_default().to_string();
        let bytes =
            keys.get(&id).map(|key| vault::seal(key, place.context(&name).as_bytes(), text.as_bytes()));
        sealed.insert(name, envelope(&id, bytes));
    }
    (!sealed.is_empty()).then_some(Value::Object(sealed))
}

fn envelope(id: &KeyId, bytes: Option<Vec<u8>>) -> Value {
    let text = bytes.map_or(Value::Null, |bytes| Value::String(BASE64.encode(&bytes)));
    Value::Object(Map::from_iter([
        ("key".to_owned(), Value::String(id.0.clone())),
        ("text".to_owned(), text),
    ]))
}

/// The keys that sealed values name.
pub(crate) fn keys_of(sealed: &Value) -> Vec<KeyId> {
    let named = |value: &Value| Some(KeyId(value.get("key")?.as_str()?.to_owned()));
    sealed.as_object().into_iter().flat_map(Map::values).filter_map(named).collect()
}

/// Puts the sealed values back into `data`; one whose key was destroyed comes back without a value.
pub(crate) fn restore(data: &mut Value, sealed: &Value, keys: &Keys, place: &Place<'_>) -> Result<(), Cause> {
    let (Some(fields), Some(sealed)) = (data.as_object_mut(), sealed.as_object()) else {
        return Err("the event is no JSON object".into());
    };
    for (name, held) in sealed {
        let id =
            KeyId(held.get("key").and_then(Value::as_str).ok_or("a sealed value names no key")?.to_owned());
        let value = match keys.get(&id) {
            None => Value::Null,
            Some(key) => {
                let text = held.get("text").and_then(Value::as_str).ok_or("a sealed value has no text")?;
                let bytes = BASE64.decode(text.as_bytes())?;
                let opened = vault::open(key, place.context(name).as_bytes(), &bytes)
                    .ok_or("a sealed value does not open: it was altered or moved")?;
                serde_json::from_slice(&opened)?
            }
        };
        let private = Map::from_iter([(MARK.to_owned(), Value::String(id.0)), ("value".to_owned(), value)]);
        fields.insert(name.clone(), Value::Object(private));
    }
    Ok(())
}

fn key_of(value: &Value) -> Option<KeyId> {
    Some(KeyId(value.get(MARK)?.as_str()?.to_owned()))
}

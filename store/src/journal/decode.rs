//! From records back to domain events: what is sealed in them is opened, with the keys of many fetched at once.
//! Tells what all events need from what one of them lacks; knows no event type.

use std::collections::HashSet;

use domain::{Aggregate, KeyId};
use serde_json::{Map, Value};

use super::Journal;
use crate::{
    Cause, Recorded, StoreError, VaultError,
    seal::{self, Keys, Place},
};

/// A record as JSON. What is sealed in it is not open yet.
struct Parsed<'a> {
    recorded: &'a Recorded,
    data: Value,
    sealed: Option<Value>,
}

impl Journal {
    /// The domain event that a record holds.
    pub async fn decode<A: Aggregate>(&self, recorded: &Recorded) -> Result<A::Event, StoreError> {
        let parsed = Parsed::of(recorded)?;
        let keys = self.vault.keys_for_reading(&parsed.keys()).await.map_err(|error| match error {
            VaultError::Unavailable(source) => StoreError::Unavailable(source),
            error => corrupt(recorded, error.into()),
        })?;
        parsed.event::<A>(&keys)
    }

    /// The domain events that records hold, in their order; one that can't be read has its reason in its place. An error
    /// that [is of all](StoreError::is_of_all) leaves none.
    pub async fn decode_all<A: Aggregate>(
        &self,
        records: &[&Recorded],
    ) -> Result<Vec<Result<A::Event, StoreError>>, StoreError> {
        let parsed: Vec<_> = records.iter().map(|recorded| Parsed::of(recorded)).collect();
        let wanted: HashSet<KeyId> = parsed.iter().flatten().flat_map(Parsed::keys).collect();
        let wanted: Vec<KeyId> = wanted.into_iter().collect();
        match self.vault.keys_for_reading(&wanted).await {
            Ok(keys) => Ok(parsed.into_iter().map(|parsed| parsed?.event::<A>(&keys)).collect()),
            Err(VaultError::Unavailable(source)) => Err(StoreError::Unavailable(source)),
            // One after the other, to say of which event the key is missing.
            Err(_) => self.decode_each::<A>(records).await,
        }
    }

    async fn decode_each<A: Aggregate>(
        &self,
        records: &[&Recorded],
    ) -> Result<Vec<Result<A::Event, StoreError>>, StoreError> {
        let mut events = Vec::with_capacity(records.len());
        for recorded in records {
            match self.decode::<A>(recorded).await {
                Err(error) if error.is_of_all() => return Err(error),
                outcome => events.push(outcome),
            }
        }
        Ok(events)
    }
}

impl<'a> Parsed<'a> {
    fn of(recorded: &'a Recorded) -> Result<Self, StoreError> {
        let read = |text: &str| serde_json::from_str(text).map_err(|error| corrupt(recorded, error.into()));
        let data = read(&recorded.event.data)?;
        let sealed = recorded.event.sealed.as_deref().map(read).transpose()?;
        Ok(Self { recorded, data, sealed })
    }

    fn keys(&self) -> Vec<KeyId> {
        self.sealed.as_ref().map(seal::keys_of).unwrap_or_default()
    }

    fn event<A: Aggregate>(mut self, keys: &Keys) -> Result<A::Event, StoreError> {
        let (recorded, event) = (self.recorded, &self.recorded.event);
        if let Some(sealed) = &self.sealed {
            let place = Place { stream: &recorded.stream, event: event.id, kind: &event.kind };
            seal::restore(&mut self.data, sealed, keys, &place)
                .map_err(|source| corrupt(recorded, source))?;
        }
        let kind = Value::String(event.kind.clone());
        let tagged = Map::from_iter([("type".to_owned(), kind), ("data".to_owned(), self.data)]);
        serde_json::from_value(Value::Object(tagged)).map_err(|error| corrupt(recorded, error.into()))
    }
}

/// The domain event that a record holds; what is sealed in it stays closed and comes as if it were shredded.
pub fn closed<A: Aggregate>(recorded: &Recorded) -> Result<A::Event, StoreError> {
    Parsed::of(recorded)?.event::<A>(&Keys::new())
}

fn corrupt(recorded: &Recorded, source: Cause) -> StoreError {
    StoreError::Corrupt { stream: recorded.stream.clone(), version: recorded.version, source }
}

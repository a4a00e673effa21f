//! What the server was told of our streams beside their events: what it may take away of them, and who may change them. `$all` shows
//! it to whoever may read that, of every stream, however many there are. Who may read them is the server's own affair.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use eventstore::{EventData, ReadAllOptions, RecordedEvent, StreamState, SubscriptionFilter};
use serde_json::{Map, Value, json};

use super::{
    OpenError, connect, name, nothing,
    server::{Failure, Patience, Server, Wanted, is_denied, is_of_access},
    state,
    step::Step,
    unopened,
    url::Url,
};
use crate::log::{StoreError, unavailable};

/// Before the name of a stream: the one that holds its metadata.
pub(super) const DESCRIBED: &str = "$$";
const SETTINGS: &str = "$settings";
/// In `$settings`: the list of all streams that have none of their own.
const DEFAULT: &str = "$userStreamAcl";
const SYSTEM: &str = "$systemStreamAcl";
/// In metadata.
const LIST: &str = "$acl";
const WRITE: &str = "$w";
const MAX_COUNT: &str = "$maxCount";
const LIMITS: [&str; 3] = ["$maxAge", MAX_COUNT, "$tb"];
const METADATA: &str = "$metadata";
/// What none of the streams that are asked is ever at.
const NEVER: StreamState = StreamState::StreamRevision(0xffff_ffff);
const EVERYONE: &str = "$all";
const ADMINS: &str = "$admins";

/// What was told, as it was found.
pub struct Guard {
    server: Server,
    /// By the stream that says it.
    told: BTreeMap<String, Told>,
}

struct Told {
    version: u64,
    data: Map<String, Value>,
}

/// What came of closing our streams to others.
pub struct Guarded {
    /// What was set, by the stream of which it is the metadata.
    pub set: Vec<(String, Value)>,
    /// What is wrong, and how it is mended.
    pub left: Vec<(String, Step)>,
}

impl Guard {
    /// Looks through the whole of `$all`, which takes its time on a server that holds much. That nobody is there shows soon.
    pub async fn look(url: &Url, within: Duration) -> Result<Self, OpenError> {
        let server = connect(url)?;
        name::find(&server).await.map_err(|source| unopened(url, source))?;
        let server = server.within(within);
        let filter = SubscriptionFilter::on_stream_name().add_prefix(SETTINGS);
        let filter = of_ours(url).into_iter().fold(filter, SubscriptionFilter::add_prefix);
        let read = server.read(&Wanted::All(ReadAllOptions::default().filter(filter))).await;
        let mut told = BTreeMap::new();
        for event in read.map_err(|source| unopened(url, source))? {
            let data = fields(&event.data);
            told.insert(event.stream_id().to_owned(), Told { version: event.revision + 1, data });
        }
        Ok(Self { server, told })
    }

    /// What takes events of ours away, stream by stream.
    pub fn limits(&self) -> Vec<String> {
        let url = self.server.url();
        self.told.iter().filter_map(|(stream, told)| limit_of(url, stream, &told.data)).collect()
    }

    /// Who asks, where the URL says it.
    pub fn user(&self) -> Option<&str> {
        self.server.url().user()
    }

    /// The lists that keep the user who asks from appending, each with what lets him in. To learn it costs appends that expect what is
    /// not so: nothing is written.
    pub async fn keeping_out(&self) -> Result<Vec<(String, Step)>, StoreError> {
        let (url, mut lists) = (self.server.url(), Vec::new());
        for stream in name::beside(url).into_iter().chain([nowhere(url)]) {
            if !may_append(&self.server, &stream).await? {
                lists.push(self.letting_in(&stream));
            }
        }
        let mut seen = HashSet::new();
        lists.retain(|(list, _)| seen.insert(list.clone()));
        Ok(lists)
    }

    /// Which list keeps the user from appending to a stream, and the same with him in it.
    fn letting_in(&self, stream: &str) -> (String, Step) {
        let (url, user) = (self.server.url(), self.user().unwrap_or("NAME"));
        let own = self.data(&format!("{DESCRIBED}{stream}"));
        let list = own
            .and_then(|own| own.get(LIST)?.as_object())
            .filter(|list| list.get(WRITE).is_some_and(|roles| !roles.is_null()));
        if let (Some(own), Some(list)) = (own, list) {
            let mut data = own.clone();
            data.insert(LIST.to_owned(), admitting(list, user).into());
            return (format!("the metadata of {stream}"), Step::to_describe(url, stream, data.into()));
        }
        let list = admitting(self.default().unwrap_or(&Map::new()), user);
        (format!("{DEFAULT} in {SETTINGS}"), Step::to_settle(url, self.settings_with(list)))
    }

    /// Closes the streams beside the log to all but the user who asks, as far as they are open and he may. Those of the log itself are
    /// too many for a list each: theirs is the one by default, which holds for others as well and is for an administrator to write.
    pub async fn close(&self) -> Result<Guarded, StoreError> {
        let url = self.server.url();
        let mut guarded = Guarded { set: Vec::new(), left: Vec::new() };
        for stream in name::beside(url) {
            let Some(metadata) = self.metadata_of(&stream) else { continue };
            let (described, data) = (format!("{DESCRIBED}{stream}"), Value::Object(metadata));
            match name::note(&self.server, &described, (METADATA, &data), self.state(&described)).await {
                Ok(()) => guarded.set.push((stream, data)),
                Err(error) if is_denied(&error) => {
                    let why = format!("the metadata of {stream} is not as it has to be");
                    guarded.left.push((why, Step::to_describe(url, &stream, data)));
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(settings) = self.settings() {
            let why = format!(
                "everybody may write to the streams {}-…, delete and limit them; this closes all streams without a list of their own, so \
                 name in it whoever else uses the server",
                url.prefix()
            );
            guarded.left.push((why, Step::to_settle(url, settings)));
        }
        Ok(guarded)
    }

    /// What the metadata of a stream beside the log has to be, if it is something else.
    fn metadata_of(&self, stream: &str) -> Option<Map<String, Value>> {
        let is = self.data(&format!("{DESCRIBED}{stream}")).cloned().unwrap_or_default();
        let mut wanted = is.clone();
        let list = is.get(LIST).and_then(Value::as_object);
        if let Some(user) = self.user().filter(|_| !is_closed([list, self.default()])) {
            wanted.insert(LIST.to_owned(), closed(list, user).into());
        }
        if stream == nothing(self.server.url()) {
            wanted.entry(MAX_COUNT).or_insert_with(|| 1.into());
        }
        (wanted != is).then_some(wanted)
    }

    /// What the settings have to be, if they are something else.
    fn settings(&self) -> Option<Value> {
        let user = self.user().filter(|_| !is_closed([None, self.default()]))?;
        Some(self.settings_with(closed(self.default(), user)))
    }

    /// The settings with this list for streams that have none.
    fn settings_with(&self, mut list: Map<String, Value>) -> Value {
        let mut settings = self.data(SETTINGS).cloned().unwrap_or_default();
        for right in ["$r", "$mr"] {
            list.entry(right).or_insert_with(|| EVERYONE.into());
        }
        settings.insert(DEFAULT.to_owned(), list.into());
        let of_system = json!({ "$r": ADMINS, "$w": ADMINS, "$d": ADMINS, "$mr": ADMINS, "$mw": ADMINS });
        settings.entry(SYSTEM).or_insert(of_system);
        settings.into()
    }

    fn default(&self) -> Option<&Map<String, Value>> {
        self.data(SETTINGS)?.get(DEFAULT)?.as_object()
    }

    fn data(&self, stream: &str) -> Option<&Map<String, Value>> {
        self.told.get(stream).map(|told| &told.data)
    }

    fn state(&self, stream: &str) -> StreamState {
        state(self.told.get(stream).map_or(0, |told| told.version))
    }
}

/// Whether the user who asks may append to a stream. It is asked by an append that expects what is never so: nothing is written.
async fn may_append(server: &Server, stream: &str) -> Result<bool, StoreError> {
    let (event, mut patience) = (EventData::binary("asked", Vec::new().into()), Patience::new());
    loop {
        match server.append(stream, NEVER, vec![event.clone()], &patience).await {
            Ok(_) | Err(Failure::Version | Failure::NotFound) => return Ok(true),
            Err(Failure::Refused(cause)) if is_of_access(&cause) => return Ok(false),
            Err(Failure::Refused(cause)) => return Err(unavailable(cause)),
            Err(Failure::Before(cause) | Failure::Unsure(cause)) => patience.wait(cause).await?,
        }
    }
}

/// How the streams begin that hold the metadata of ours, and of `$all`, which holds for them too.
pub(super) fn of_ours(url: &Url) -> [String; 3] {
    let prefix = url.prefix();
    [format!("{DESCRIBED}{prefix}-"), format!("{DESCRIBED}{prefix}."), format!("{DESCRIBED}{EVERYONE}")]
}

/// What an event in the metadata of one of our streams takes away of it.
pub(super) fn limit_told_by(url: &Url, event: &RecordedEvent) -> Option<String> {
    limit_of(url, event.stream_id(), &fields(&event.data))
}

/// Nothing is missed of the one stream that may be limited.
fn limit_of(url: &Url, metadata_of: &str, metadata: &Map<String, Value>) -> Option<String> {
    let stream = metadata_of.strip_prefix(DESCRIBED)?;
    let is_of_others = stream.starts_with(EVERYONE) && stream != EVERYONE;
    if is_of_others || stream == nothing(url) { None } else { limit(stream, metadata) }
}

fn limit(stream: &str, metadata: &Map<String, Value>) -> Option<String> {
    let limits = LIMITS.iter().filter_map(|key| {
        let limit = metadata.get(*key)?;
        limit.as_f64().is_some_and(|limit| limit > 0.0).then(|| format!("{key} {limit}"))
    });
    let limits: Vec<String> = limits.collect();
    (!limits.is_empty()).then(|| format!("{stream} has {}", limits.join(" and ")))
}

/// Servers take what they can't read for nothing.
fn fields(json: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(json).unwrap_or_default()
}

/// Whether these lists, of which the first says more, let only some change what a stream holds.
fn is_closed(lists: [Option<&Map<String, Value>>; 2]) -> bool {
    [WRITE, "$d", "$mw"].into_iter().all(|right| {
        let roles =
            lists.into_iter().flatten().find_map(|list| list.get(right).filter(|roles| !roles.is_null()));
        roles.is_some_and(|roles| !is_everyone(roles))
    })
}

/// The list, with nobody but the user who may write, and administrators who may do what he never does.
fn closed(list: Option<&Map<String, Value>>, user: &str) -> Map<String, Value> {
    let mut list = list.cloned().unwrap_or_default();
    for (right, holder) in [(WRITE, user), ("$d", ADMINS), ("$mw", ADMINS)] {
        if list.get(right).is_none_or(is_everyone) {
            list.insert(right.to_owned(), holder.into());
        }
    }
    list
}

/// The list, with the user among those who may write.
fn admitting(list: &Map<String, Value>, user: &str) -> Map<String, Value> {
    let mut list = list.clone();
    let mut writers = match list.remove(WRITE) {
        Some(Value::Array(roles)) => roles,
        Some(role @ Value::String(_)) => vec![role],
        _ => Vec::new(),
    };
    writers.push(user.into());
    list.insert(WRITE.to_owned(), writers.into());
    list
}

/// A stream of the log that is never there.
fn nowhere(url: &Url) -> String {
    format!("{}-nowhere", url.prefix())
}

fn is_everyone(roles: &Value) -> bool {
    match roles {
        Value::Array(roles) => roles.iter().any(|role| role == EVERYONE),
        Value::String(role) => role == EVERYONE,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(json: Value) -> Map<String, Value> {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_limit_is_what_takes_something_away() {
        let told = |json: Value| limit("a", &list(json));
        assert_eq!(told(json!({"$maxAge": 60, "$tb": 5})).unwrap(), "a has $maxAge 60 and $tb 5");
        assert_eq!(told(json!({"$maxCount": 1})).unwrap(), "a has $maxCount 1");
        for json in [json!({}), json!({"$tb": 0, "$maxCount": 0}), json!({"$acl": {}, "$cacheControl": 3})] {
            assert_eq!(told(json), None);
        }
    }

    #[test]
    fn a_list_is_closed_when_no_right_to_change_is_everyones() {
        let (own, default) =
            (list(json!({"$w": "ada"})), list(json!({"$w": "$all", "$d": [], "$mw": ["bob"]})));
        assert!(is_closed([Some(&own), Some(&default)]));
        assert!(!is_closed([None, Some(&default)]));
        assert!(!is_closed([Some(&own), None]));
        assert!(!is_closed([Some(&list(json!({"$w": ["ada", "$all"], "$d": "ada", "$mw": "ada"}))), None]));
    }

    #[test]
    fn closing_a_list_leaves_what_is_closed_and_who_reads() {
        let before = list(json!({"$r": "$all", "$w": "$all", "$d": ["bob"]}));
        let after = list(json!({"$r": "$all", "$w": "ada", "$d": ["bob"], "$mw": "$admins"}));
        assert_eq!(closed(Some(&before), "ada"), after);
        assert!(is_closed([Some(&after), None]));
    }

    #[test]
    fn whoever_is_let_in_writes_beside_those_who_do() {
        for (before, after) in [
            (json!({"$r": "bob", "$w": "bob"}), json!({"$r": "bob", "$w": ["bob", "ada"]})),
            (json!({"$w": ["bob", "$admins"]}), json!({"$w": ["bob", "$admins", "ada"]})),
            (json!({"$w": []}), json!({"$w": ["ada"]})),
            (json!({"$w": null, "$d": "bob"}), json!({"$d": "bob", "$w": ["ada"]})),
        ] {
            assert_eq!(admitting(&list(before), "ada"), list(after));
        }
    }
}

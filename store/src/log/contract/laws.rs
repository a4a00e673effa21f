//! The laws that one caller can check alone. Each works on streams of its own, so that all can share a log.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    EventLog, Handles, NewEvent, Position, Recorded, StoreError, StreamId, Verdict, Violation, Write, ensure,
    event, events, feed, ids, new_stream, same, write,
};
use crate::random;

/// How long anything that must happen may take.
const DEADLINE: Duration = Duration::from_secs(20);

pub(super) async fn versions_count_from_one_without_gaps(log: &Handles) -> Verdict {
    let (stream, events) = (new_stream(), events(5));
    log.one.append(vec![write(&stream, 0, &events[..3])]).await?;
    log.other.append(vec![write(&stream, 3, &events[3..])]).await?;
    for log in log.both() {
        let found = log.read_stream(&stream, 0).await?;
        let versions: Vec<u64> = found.iter().map(|recorded| recorded.version).collect();
        same("versions", &versions, &vec![1, 2, 3, 4, 5])?;
        let streams_agree = found.iter().all(|recorded| recorded.stream == stream);
        ensure(streams_agree, || "an event names another stream".to_owned())?;
        let found: Vec<NewEvent> = found.into_iter().map(|recorded| recorded.event).collect();
        same("events", &found, &events)?;
    }
    Ok(())
}

pub(super) async fn a_stream_that_is_not_as_expected_takes_nothing(log: &Handles) -> Verdict {
    let (stream, missing) = (new_stream(), new_stream());
    log.one.append(vec![write(&stream, 0, &events(2))]).await?;
    let head = log.one.head().await?;
    for (stream, expected) in [(&stream, 0), (&stream, 1), (&stream, 3), (&missing, 1)] {
        for log in log.both() {
            let outcome = log.append(vec![write(stream, expected, &events(2))]).await;
            refused(&outcome, stream)?;
        }
    }
    same("events", &log.one.read_stream(&stream, 0).await?.len(), &2)?;
    same("events", &log.one.read_stream(&missing, 0).await?.len(), &0)?;
    nothing_of(log, head, &[&stream, &missing]).await
}

fn refused(outcome: &Result<Position, StoreError>, stream: &StreamId) -> Verdict {
    match outcome {
        Err(StoreError::Conflict { stream: named }) => same("the stream in conflict", named, stream),
        other => Err(Violation(format!("instead of a conflict came {other:?}"))),
    }
}

/// The feed holds nothing of these streams after a position.
async fn nothing_of(log: &Handles, after: Position, streams: &[&StreamId]) -> Verdict {
    let found = feed(log.one.as_ref(), after, 500).await?;
    let stray = found.iter().find(|recorded| streams.contains(&&recorded.stream));
    ensure(stray.is_none(), || format!("{stray:?} was written"))
}

pub(super) async fn several_writes_are_all_written_or_none(log: &Handles) -> Verdict {
    let (first, second, third) = (new_stream(), new_stream(), new_stream());
    log.one.append(vec![write(&second, 0, &events(1))]).await?;
    let head = log.one.head().await?;
    let spoilt = |order: [(&StreamId, u64); 3]| -> Vec<Write> {
        order.iter().map(|(stream, expected)| write(stream, *expected, &events(2))).collect()
    };
    for order in [
        [(&first, 0), (&second, 0), (&third, 0)],
        [(&second, 2), (&first, 0), (&third, 0)],
        [(&first, 0), (&third, 0), (&second, 7)],
    ] {
        refused(&log.one.append(spoilt(order)).await, &second)?;
    }
    nothing_of(log, head, &[&first, &second, &third]).await?;
    let last = log.one.append(spoilt([(&first, 0), (&second, 1), (&third, 0)])).await?;
    let written = feed(log.other.as_ref(), head, 500).await?;
    let count = |stream: &StreamId| written.iter().filter(|recorded| recorded.stream == *stream).count();
    same("events", &[&first, &second, &third].map(count), &[2, 2, 2])?;
    let newest = log.one.read_last(&third, 1).await?;
    same("the answer", &newest.last().map(|recorded| recorded.position), &Some(last))
}

pub(super) async fn writes_to_one_stream_follow_each_other(log: &Handles) -> Verdict {
    let (stream, refusing) = (new_stream(), new_stream());
    let events = events(3);
    let writes = |stream: &StreamId, second: u64| {
        vec![write(stream, 0, &events[..2]), write(stream, second, &events[2..])]
    };
    refused(&log.one.append(writes(&refusing, 0)).await, &refusing)?;
    same("events", &log.one.read_stream(&refusing, 0).await?.len(), &0)?;
    log.one.append(writes(&stream, 2)).await?;
    same("events", &log.one.read_stream(&stream, 0).await?.len(), &3)
}

pub(super) async fn the_same_event_twice_is_one_event(log: &Handles) -> Verdict {
    let (stream, events) = (new_stream(), events(3));
    let two = vec![write(&stream, 0, &events[..2])];
    let first = log.one.append(two.clone()).await?;
    same("the answer", &log.other.append(two.clone()).await?, &first)?;
    log.one.append(vec![write(&stream, 2, &events[2..])]).await?;
    same("the answer when stale", &log.one.append(two).await?, &first)?;
    let head = log.one.head().await?;
    let half_new = [events[0].clone(), event("{}")];
    refused(&log.one.append(vec![write(&stream, 0, &half_new)]).await, &stream)?;
    same("events", &ids(&log.one.read_stream(&stream, 0).await?).len(), &3)?;
    nothing_of(log, head, &[&stream]).await
}

pub(super) async fn a_known_event_is_not_written_at_the_newest_version_either(log: &Handles) -> Verdict {
    let (stream, events) = (new_stream(), events(2));
    log.one.append(vec![write(&stream, 0, &events[..1])]).await?;
    let newest = log.one.append(vec![write(&stream, 1, &events[1..])]).await?;
    let again = log.one.append(vec![write(&stream, 2, &events[1..])]).await?;
    same("the answer", &again, &newest)?;
    same("events", &log.one.read_stream(&stream, 0).await?.len(), &2)
}

pub(super) async fn an_event_sent_by_many_at_once_is_one_event(log: &Handles) -> Verdict {
    let (stream, twin) = (new_stream(), events(1));
    let sent: Vec<_> = (0..12)
        .map(|number| {
            let log = Arc::clone(if number % 2 == 0 { &log.one } else { &log.other });
            // Some take the version of the stream into account and some don't, and unrelated appends go among them.
            let unrelated = write(&new_stream(), 0, &events(2));
            let twin = write(&stream, number % 3 / 2, &twin);
            tokio::spawn(async move {
                log.append(vec![unrelated]).await?;
                match log.append(vec![twin]).await {
                    Err(StoreError::Conflict { .. }) if number % 3 == 2 => Ok(None),
                    outcome => outcome.map(Some),
                }
            })
        })
        .collect();
    let mut answers = BTreeSet::new();
    for task in sent {
        let answer = task.await.map_err(|error| Violation(error.to_string()))??;
        answers.extend(answer);
    }
    same("different answers", &answers.len(), &1)?;
    same("events", &ids(&log.one.read_stream(&stream, 0).await?).len(), &1)
}

pub(super) async fn a_stream_is_read_from_any_version_and_from_its_end(log: &Handles) -> Verdict {
    let (stream, events) = (new_stream(), events(6));
    log.one.append(vec![write(&stream, 0, &events)]).await?;
    let all: Vec<_> = events.iter().map(|event| event.id).collect();
    for after in 0..=7 {
        let found = log.other.read_stream(&stream, after).await?;
        let wanted: Vec<_> = all.iter().copied().skip(usize::try_from(after).unwrap_or(0)).collect();
        same(&format!("events after version {after}"), &ids(&found), &wanted)?;
    }
    for count in [1, 2, 6, 100] {
        let found = log.other.read_last(&stream, count).await?;
        let skipped = all.len().saturating_sub(usize::try_from(count).unwrap_or(0));
        let wanted: Vec<_> = all.iter().copied().skip(skipped).collect();
        same(&format!("last {count} events"), &ids(&found), &wanted)?;
    }
    same("events of no stream", &log.one.read_last(&new_stream(), 3).await?.len(), &0)
}

pub(super) async fn the_feed_is_read_in_pages_of_any_size(log: &Handles) -> Verdict {
    let start = log.one.head().await?;
    let streams = [new_stream(), new_stream()];
    for version in 0..10 {
        for stream in &streams {
            log.one.append(vec![write(stream, version, &events(1))]).await?;
        }
    }
    let whole = log.other.read_all(start, 1000).await?;
    ensure(whole.len() >= 20, || format!("only {} events came", whole.len()))?;
    for page in [1, 3, 7, 20] {
        let first = log.one.read_all(start, page).await?;
        same("the size of a page", &first.len(), &usize::try_from(page).unwrap_or(0))?;
        let paged = feed(log.one.as_ref(), start, page).await?;
        same(&format!("the feed in pages of {page}"), &ids(&paged), &ids(&whole))?;
    }
    let end = whole.last().map_or(start, |recorded| recorded.position);
    same("events after the end", &log.one.read_all(end, 10).await?.len(), &0)
}

pub(super) async fn some_kinds_of_streams_are_read_without_the_others(log: &Handles) -> Verdict {
    let start = log.one.head().await?;
    let of_kind = |kind: &str| StreamId::named(format!("{kind}-{}", random::id().simple()));
    let kinds = ["wanted", "wan", "wanted", "want-ed", "other", "wanted"];
    for stream in kinds.map(of_kind) {
        log.one.append(vec![write(&stream, 0, &events(2))]).await?;
    }
    let whole = feed(log.other.as_ref(), start, 1000).await?;
    let of = |kinds: &[&str]| -> Vec<Recorded> {
        whole.iter().filter(|recorded| kinds.contains(&recorded.stream.kind())).cloned().collect()
    };
    for (kinds, count) in [(&["wanted"][..], 6), (&["other", "wanted"], 8), (&["want"], 2), (&[], 0)] {
        let (found, wanted) = (log.one.read_kinds(kinds, start, 1000).await?, of(kinds));
        same(&format!("how many there are of {kinds:?}"), &ids(&found).len(), &count)?;
        same(&format!("the events of {kinds:?}"), &ids(&found), &ids(&wanted))?;
        let first = log.one.read_kinds(kinds, start, 3).await?;
        let wanted: Vec<_> = wanted.into_iter().take(3).collect();
        same(&format!("the first of {kinds:?}"), &ids(&first), &ids(&wanted))?;
    }
    Ok(())
}

pub(super) async fn the_head_is_where_the_newest_event_stands(log: &Handles) -> Verdict {
    let stream = new_stream();
    for version in 0..3 {
        let answer = log.one.append(vec![write(&stream, version, &events(1))]).await?;
        for log in log.both() {
            same("the head", &log.head().await?, &answer)?;
            let newest = log.read_last(&stream, 1).await?;
            same("the newest event", &newest.last().map(|found| found.position), &Some(answer))?;
        }
    }
    Ok(())
}

pub(super) async fn positions_rise_with_every_acknowledged_append(log: &Handles) -> Verdict {
    let start = log.one.head().await?;
    let mut last = start;
    for number in 0..10 {
        let log = log.both()[number % 2];
        let answer = log.append(vec![write(&new_stream(), 0, &events(1 + number % 3))]).await?;
        ensure(answer > last, || format!("{answer:?} came after {last:?}"))?;
        last = answer;
    }
    let feed = feed(log.other.as_ref(), start, 4).await?;
    let rising = feed.windows(2).all(|pair| pair[0].position < pair[1].position);
    ensure(rising, || "the feed is out of order".to_owned())
}

pub(super) async fn the_time_of_recording_never_falls_within_a_stream(log: &Handles) -> Verdict {
    let stream = new_stream();
    for number in 0..20 {
        let expected = u64::try_from(number).unwrap_or(0) * 2;
        log.both()[number % 2].append(vec![write(&stream, expected, &events(2))]).await?;
    }
    let found = log.one.read_stream(&stream, 0).await?;
    let fallen = found.windows(2).find(|pair| pair[0].recorded_at > pair[1].recorded_at);
    ensure(fallen.is_none(), || format!("{fallen:?}"))
}

pub(super) async fn every_byte_comes_back_as_it_was_written(log: &Handles) -> Verdict {
    let odd = [
        "{ \"b\":1,\"a\" : [1.0 ,1e3,\t-0 ],\r\n \"b\":2 }\n",
        "{\"\\u00e9\":\"é e\u{301} \\ud83d\\ude00 😀 \u{2028}\u{feff}\",\"n\":12345678901234567890.10}",
        "  [null , \"\\/\" , \"'; drop table events; --\"]  ",
    ];
    let stream = new_stream();
    let written: Vec<NewEvent> = odd
        .iter()
        .enumerate()
        .map(|(number, data)| NewEvent {
            actor: format!("wörker:{number} "),
            causation: (number == 1).then(random::id),
            sealed: (number != 0).then(|| format!("{data}{data}")),
            ..event(*data)
        })
        .collect();
    log.one.append(vec![write(&stream, 0, &written)]).await?;
    for log in log.both() {
        let found: Vec<NewEvent> =
            log.read_stream(&stream, 0).await?.into_iter().map(|recorded| recorded.event).collect();
        same("events", &found, &written)?;
    }
    Ok(())
}

pub(super) async fn growth_is_announced_on_every_handle(log: &Handles) -> Verdict {
    for (writer, follower) in [(&log.one, &log.one), (&log.one, &log.other), (&log.other, &log.one)] {
        let mut grown = follower.grown();
        let answer = writer.append(vec![write(&new_stream(), 0, &events(1))]).await?;
        let heard = tokio::time::timeout(DEADLINE, grown.wait_for(|head| *head >= answer)).await;
        ensure(matches!(heard, Ok(Ok(_))), || "a follower was never woken".to_owned())?;
    }
    Ok(())
}

pub(super) async fn the_log_keeps_its_name(log: &Handles) -> Verdict {
    let name = log.one.log_id().to_owned();
    log.other.append(vec![write(&new_stream(), 0, &events(1))]).await?;
    for log in log.both() {
        same("the name of the log", &log.log_id(), &name.as_str())?;
    }
    ensure(!name.is_empty(), || "the log has no name".to_owned())
}

pub(super) async fn numbers_of_a_sequence_are_dealt_out_once(log: &Handles) -> Verdict {
    let name = format!("law-{}", random::id().simple());
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let log: Arc<dyn EventLog> = Arc::clone(log.both()[number % 2]);
            let name = name.clone();
            tokio::spawn(async move {
                let mut dealt = Vec::new();
                for _ in 0..10 {
                    dealt.push(log.next_in_sequence(&name).await?);
                }
                Ok::<_, StoreError>(dealt)
            })
        })
        .collect();
    let mut dealt = Vec::new();
    for task in tasks {
        dealt.extend(task.await.map_err(|error| Violation(error.to_string()))??);
    }
    if dealt.iter().all(Option::is_none) {
        return Ok(());
    }
    let different: BTreeSet<i64> = dealt.iter().flatten().copied().collect();
    same("different numbers", &different.len(), &dealt.len())?;
    ensure(different.first() == Some(&1), || format!("the first is {:?}", different.first()))
}

pub(super) async fn an_append_of_nothing_records_nothing(log: &Handles) -> Verdict {
    let head = log.one.head().await?;
    for log in log.both() {
        same("the answer", &log.append(Vec::new()).await?, &head)?;
    }
    same("the head", &log.one.head().await?, &head)?;
    same("events", &log.one.read_all(head, 1).await?.len(), &0)
}

pub(super) async fn thousands_of_events_go_in_one_append(log: &Handles) -> Verdict {
    in_one_append(log, 3000, 5).await
}

pub(super) async fn megabytes_go_in_one_append(log: &Handles) -> Verdict {
    in_one_append(log, 3000, 500).await
}

/// So many events, each with a text of some length.
async fn in_one_append(log: &Handles, count: usize, length: usize) -> Verdict {
    let (stream, start) = (new_stream(), log.one.head().await?);
    let large: Vec<NewEvent> = (0..count)
        .map(|number| event(format!("{{\"number\":{number},\"text\":\"{}\"}}", "x".repeat(length))))
        .collect();
    log.one.append(vec![write(&stream, 0, &large)]).await?;
    let wanted: Vec<_> = large.iter().map(|event| event.id).collect();
    same("the stream", &ids(&log.other.read_stream(&stream, 0).await?), &wanted)?;
    same("the feed", &ids(&feed(log.other.as_ref(), start, 700).await?), &wanted)
}

pub(super) async fn many_streams_go_in_one_append(log: &Handles) -> Verdict {
    let start = log.one.head().await?;
    let writes: Vec<Write> = (0..400).map(|_| write(&new_stream(), 0, &events(2))).collect();
    let wanted: Vec<_> = writes.iter().flat_map(|write| write.events.iter().map(|event| event.id)).collect();
    log.one.append(writes).await?;
    same("the feed", &ids(&feed(log.other.as_ref(), start, 333).await?), &wanted)
}

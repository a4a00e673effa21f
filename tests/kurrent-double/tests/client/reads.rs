//! Reads of streams and of `$all`: directions, beginnings, counts, and what is not there.

use kurrentdb::StreamState::{NoStream, StreamRevision as Exact};
use kurrentdb::{Error, ReadAllOptions, ReadEvent, ReadStreamOptions, StreamPosition, SubscriptionFilter};

use crate::support::{Server, all, append, number, numbers, on_both, stream, to_the_end};

on_both!(
    a_stream_is_read_from_a_revision_on_in_both_directions,
    a_read_of_a_stream_ends_with_its_last_revision,
    a_stream_that_nobody_wrote_to_is_not_found,
    all_is_read_from_a_position_on_in_the_order_of_the_appends,
    a_read_of_all_counts_only_what_its_filter_lets_through,
    no_position_is_seen_before_every_earlier_one,
);

async fn a_stream_is_read_from_a_revision_on_in_both_directions(server: Server) {
    let client = server.client();
    append(&client, "a", NoStream, 0..600).await.unwrap();
    let options = ReadStreamOptions::default();
    for (options, expected) in [
        (options.clone(), (0..600).collect::<Vec<_>>()),
        (options.clone().position(StreamPosition::Position(597)), vec![597, 598, 599]),
        (options.clone().position(StreamPosition::Position(600)), vec![]),
        (options.clone().position(StreamPosition::Position(2)).backwards(), vec![2, 1, 0]),
        (options.clone().position(StreamPosition::End), (0..600).rev().collect()),
        (options.clone().position(StreamPosition::End).max_count(2), vec![599, 598]),
        (options.max_count(3), vec![0, 1, 2]),
    ] {
        let read = client.read_stream(client.name("a"), &options).await.unwrap();
        assert_eq!(numbers(read).await.unwrap(), expected);
    }
}

async fn a_read_of_a_stream_ends_with_its_last_revision(server: Server) {
    let client = server.client();
    append(&client, "a", NoStream, [1, 2, 3]).await.unwrap();
    let mut read =
        client.read_stream(client.name("a"), &ReadStreamOptions::default().max_count(1)).await.unwrap();
    assert!(matches!(read.next_read_event().await.unwrap(), Some(ReadEvent::Event(_))));
    assert!(matches!(read.next_read_event().await.unwrap(), Some(ReadEvent::LastStreamPosition(2))));
    assert!(read.next_read_event().await.unwrap().is_none());
}

async fn a_stream_that_nobody_wrote_to_is_not_found(server: Server) {
    let client = server.client();
    assert!(matches!(stream(&client, "a").await, Err(Error::ResourceNotFound)));
    assert_eq!(all(&client).await.unwrap(), Vec::<u128>::new());
}

async fn all_is_read_from_a_position_on_in_the_order_of_the_appends(server: Server) {
    let client = server.client();
    append(&client, "a", NoStream, [1, 2]).await.unwrap();
    append(&client, "b", NoStream, [3]).await.unwrap();
    append(&client, "a", Exact(1), [4]).await.unwrap();
    let events = to_the_end(client.read_all(&client.read()).await.unwrap()).await.unwrap();
    let positions: Vec<_> = events.iter().map(|event| event.get_original_event().position).collect();
    assert!(positions.is_sorted_by(|earlier, later| earlier < later), "{positions:?}");
    assert_eq!(events.iter().filter_map(number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let at = client.read().position(StreamPosition::Position(positions[1]));
    for (options, expected) in [
        (at.clone(), vec![2, 3, 4]),
        (at.backwards(), vec![1]),
        (client.read().position(StreamPosition::End), vec![4, 3, 2, 1]),
        (client.read().position(StreamPosition::End).max_count(1), vec![4]),
    ] {
        assert_eq!(numbers(client.read_all(&options).await.unwrap()).await.unwrap(), expected);
    }
}

async fn a_read_of_all_counts_only_what_its_filter_lets_through(server: Server) {
    let client = server.client();
    append(&client, "ours", NoStream, [1]).await.unwrap();
    append(&client, "other", NoStream, 1000..1600).await.unwrap();
    append(&client, "ours", Exact(0), [2, 3]).await.unwrap();
    let filter = SubscriptionFilter::on_stream_name().add_prefix(client.name("our"));
    let options = ReadAllOptions::default().filter(filter).max_count(2);
    for (options, expected) in [(options.clone(), [1, 2]), (options.position(StreamPosition::End), [3, 2])] {
        assert_eq!(numbers(client.read_all(&options).await.unwrap()).await.unwrap(), expected);
    }
}

async fn no_position_is_seen_before_every_earlier_one(server: Server) {
    let client = server.client();
    let writers = (0..8).map(|writer| {
        let client = client.clone();
        tokio::spawn(async move {
            for number in 0..25_u64 {
                let expected = number.checked_sub(1).map_or(NoStream, Exact);
                let id = u128::from(writer * 100 + number);
                append(&client, &format!("w{writer}"), expected, [id]).await.unwrap();
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut earlier = Vec::new();
    while earlier.len() < 200 {
        let now = all(&client).await.unwrap();
        assert_eq!(now[..earlier.len()], earlier);
        earlier = now;
    }
    for writer in writers {
        writer.await.unwrap();
    }
}

"""Follows the events of users on NATS JetStream and prints each one once, in order, as a line of JSON, until it is told to end.

Knows the subscriber's guide, docs/events.md, and nothing else of Stele.
"""

import argparse
import asyncio
import contextlib
import json
import pathlib
import signal
import sys

import nats
import nats.errors
from nats.js.api import AckPolicy, ConsumerConfig

STREAM = "STELE_EVENTS"
# Where answers go: what docs/nats.conf lets a subscriber hear.
INBOX = "_INBOX_subscriber"
# What is not acknowledged by then comes again, in seconds: longer than dealing with an event ever takes.
ACK_WAIT = 5
# In seconds: before it begins anew, for an event before it looks whether all is well, and for the last acknowledgement.
PAUSE = 1


class NoEvent(Exception):
    """Why a message is no event."""


def read(data):
    try:
        event = json.loads(data)
        position(event["position"])
        for name in ("id", "subject"):
            if not isinstance(event[name], str):
                raise TypeError(f"{name} is no text")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as failure:
        raise NoEvent(failure) from failure
    return event


class Done:
    """What was dealt with.

    A service keeps it in its database, and writes it in one transaction with what it makes of an event: then nothing is missed or
    done twice, whenever it is killed.
    """

    def __init__(self, position):
        self.position = position
        # The id of the last event of each subject.
        self.last = {}

    def deal_with(self, data):
        """Deals with an event, unless it was dealt with before. Raises NoEvent where it is none."""
        event = read(data)
        place = position(event["position"])
        if self.position is not None and not is_beyond(place, self.position):
            return
        last = self.last.get(event["subject"])
        if last is not None and event.get("previousid") != last:
            print(f"gap: something is missing before {event['id']} of {event['subject']}", file=sys.stderr)
        print(json.dumps(event), flush=True)
        self.position = place
        self.last[event["subject"]] = event["id"]


def position(text):
    """A place in a log: its name, a hyphen, and a number."""
    log, _, number = text.rpartition("-")
    return log, int(number)


def is_beyond(place, other):
    """What is of another log is new."""
    return place[0] != other[0] or place[1] > other[1]


async def main():
    arguments = parse()
    client = await connect(arguments)
    done = Done(arguments.position)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    while not stop.is_set():
        try:
            await follow(client, arguments, done, stop)
        except nats.errors.Error as failure:
            print(f"begins anew: {failure}", file=sys.stderr)
            await asyncio.sleep(PAUSE)
    # The last acknowledgement may be on its way. If it is lost, the event comes again.
    with contextlib.suppress(nats.errors.Error):
        await client.flush(PAUSE)


async def follow(client, arguments, done, stop):
    """Deals with events until it is told to end, or until it can't go on without beginning anew."""
    events = client.jetstream()
    consumer = await events.pull_subscribe(arguments.filter, arguments.name, STREAM, config=wanted())
    try:
        while not stop.is_set():
            try:
                [message] = await consumer.fetch(1, timeout=PAUSE)
            except nats.errors.TimeoutError:
                # Nothing has happened, or NATS has lost the consumer.
                await consumer.consumer_info()
                continue
            try:
                done.deal_with(message.data)
            except NoEvent as failure:
                # It would come again and again, and keep all others waiting.
                print(f"passed over: a message that is no event: {failure!r}", file=sys.stderr)
                await message.term()
            else:
                await message.ack()
    finally:
        await consumer.unsubscribe()


def wanted():
    """Kept by NATS, through restarts of either side.

    One event at a time, as one that comes again would else come behind later ones. One that is there already is taken as it is.
    """
    return ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=ACK_WAIT, max_ack_pending=1)


async def connect(arguments):
    """The client connects again by itself, however long NATS is away."""
    identity = {}
    if arguments.credentials:
        is_jwt = "BEGIN NATS USER JWT" in arguments.credentials.read_text()
        identity = {"user_credentials" if is_jwt else "nkeys_seed": str(arguments.credentials)}
    return await nats.connect(
        arguments.url,
        name=arguments.name,
        inbox_prefix=INBOX,
        max_reconnect_attempts=-1,
        reconnect_time_wait=PAUSE,
        error_cb=tell,
        **identity,
    )


async def tell(failure):
    print(failure, file=sys.stderr)


def parse():
    parser = argparse.ArgumentParser(description="Prints the events of users as they come.")
    parser.add_argument("url", help="nats://host:port or tls://host:port")
    parser.add_argument("name", help="the consumer: NATS keeps under this name how far the subscriber is")
    parser.add_argument("--filter", default="stele.events.user.>", help="which types of events")
    parser.add_argument("--credentials", type=pathlib.Path, help="a credentials file, or the seed of an nkey")
    parser.add_argument(
        "--from",
        dest="position",
        type=position,
        help="passes over what is not beyond this position: to replay, with a name that is new",
    )
    return parser.parse_args()


asyncio.run(main())

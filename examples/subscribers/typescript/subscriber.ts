// Follows the events of users on NATS JetStream and prints each one once, in order, as a line of JSON, until it is told to end.
// Knows the subscriber's guide, docs/events.md, and nothing else of Stele.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import {
  AckPolicy,
  type Consumer,
  type ConsumerMessages,
  jetstream,
  JetStreamApiCodes,
  JetStreamApiError,
  jetstreamManager,
} from "@nats-io/jetstream";
import {
  type Authenticator,
  connect,
  credsAuthenticator,
  nanos,
  type NatsConnection,
  nkeyAuthenticator,
} from "@nats-io/transport-node";

const STREAM = "STELE_EVENTS";
/** Where answers go: what docs/nats.conf lets a subscriber hear. */
const INBOX = "_INBOX_subscriber";
/** What is not acknowledged by then comes again, in milliseconds: longer than dealing with an event ever takes. */
const ACK_WAIT = 5_000;
/** Before it begins anew, and for the last acknowledgement, in milliseconds. */
const PAUSE = 1_000;

/** What a subscriber needs to know of an event, whatever its type. */
interface Event {
  id: string;
  subject: string;
  position: string;
  previousid?: string;
}

interface Position {
  log: string;
  number: bigint;
}

/**
 * What was dealt with. A service keeps it in its database, and writes it in one transaction with what it makes of an event: then
 * nothing is missed or done twice, whenever it is killed.
 */
class Done {
  /** The id of the last event of each subject. */
  private readonly last = new Map<string, string>();

  constructor(private position?: Position) {}

  /** Deals with an event, unless it was dealt with before. Throws where it is none. */
  dealWith(text: string): void {
    const event = read(text);
    const position = positionOf(event.position);
    if (this.position !== undefined && !isBeyond(position, this.position)) {
      return;
    }
    const last = this.last.get(event.subject);
    if (last !== undefined && event.previousid !== last) {
      console.error(`gap: something is missing before ${event.id} of ${event.subject}`);
    }
    console.log(JSON.stringify(event));
    this.position = position;
    this.last.set(event.subject, event.id);
  }
}

/** What is in a message; throws where that is no event. */
function read(text: string): Event {
  const event: unknown = JSON.parse(text);
  if (typeof event !== "object" || event === null) {
    throw new TypeError("it is no object");
  }
  const { id, subject, position } = event as Partial<Event>;
  if (![id, subject, position].every((value) => typeof value === "string")) {
    throw new TypeError("it has no id, subject or position");
  }
  return event as Event;
}

/** A place in a log: its name, a hyphen, and a number. */
function positionOf(text: string): Position {
  const hyphen = text.lastIndexOf("-");
  return { log: text.slice(0, hyphen), number: BigInt(text.slice(hyphen + 1)) };
}

/** What is of another log is new. */
function isBeyond(position: Position, other: Position): boolean {
  return position.log !== other.log || position.number > other.number;
}

class Subscriber {
  private messages?: ConsumerMessages;
  private stopped = false;

  constructor(private readonly name: string, private readonly filter: string, private readonly done: Done) {}

  async run(connection: NatsConnection): Promise<void> {
    while (!this.stopped) {
      try {
        await this.follow(connection);
      } catch (failure) {
        console.error(`begins anew: ${failure}`);
        await sleep(PAUSE);
      }
    }
  }

  stop(): void {
    this.stopped = true;
    this.messages?.stop();
  }

  /** Deals with events until it is told to end, or until it can't go on without beginning anew. */
  private async follow(connection: NatsConnection): Promise<void> {
    const consumer = await this.bind(connection);
    this.messages = await consumer.consume({ expires: 2 * ACK_WAIT, abort_on_missing_resource: true });
    if (this.stopped) {
      this.messages.stop();
    }
    for await (const message of this.messages) {
      try {
        this.done.dealWith(message.string());
        message.ack();
      } catch (failure) {
        // It would come again and again, and keep all others waiting.
        console.error(`passed over: a message that is no event: ${failure}`);
        message.term();
      }
    }
  }

  /**
   * Kept by NATS, through restarts of either side. One event at a time, as one that comes again would else come behind later ones.
   * One that is there already is taken as it is.
   */
  private async bind(connection: NatsConnection): Promise<Consumer> {
    const { consumers } = jetstream(connection);
    try {
      return await consumers.get(STREAM, this.name);
    } catch (failure) {
      if (!(failure instanceof JetStreamApiError && failure.code === JetStreamApiCodes.ConsumerNotFound)) {
        throw failure;
      }
    }
    const manager = await jetstreamManager(connection, { checkAPI: false });
    await manager.consumers.add(STREAM, {
      durable_name: this.name,
      filter_subject: this.filter,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(ACK_WAIT),
      max_ack_pending: 1,
    });
    return consumers.get(STREAM, this.name);
  }
}

/** A credentials file, or the seed of an nkey. */
function identity(path: string): Authenticator {
  const bytes = readFileSync(path);
  const text = bytes.toString();
  return text.includes("BEGIN NATS USER JWT")
    ? credsAuthenticator(bytes)
    : nkeyAuthenticator(new TextEncoder().encode(text.trim()));
}

const { values: options, positionals: [url, name] } = parseArgs({
  allowPositionals: true,
  options: {
    filter: { type: "string", default: "stele.events.user.>" },
    credentials: { type: "string" },
    from: { type: "string" },
  },
});
if (url === undefined || name === undefined) {
  console.error("Usage: subscriber [--filter TYPES] [--credentials FILE] [--from POSITION] URL NAME");
  process.exit(2);
}

// The client connects again by itself, however long NATS is away.
const connection = await connect({
  servers: url,
  tls: url.startsWith("tls://") ? {} : undefined,
  name,
  inboxPrefix: INBOX,
  maxReconnectAttempts: -1,
  reconnectTimeWait: PAUSE,
  waitOnFirstConnect: true,
  authenticator: options.credentials === undefined ? undefined : identity(options.credentials),
});
const subscriber = new Subscriber(name, options.filter, new Done(options.from === undefined ? undefined : positionOf(options.from)));
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => subscriber.stop());
}
await subscriber.run(connection);
// The last acknowledgement may be on its way. If it is lost, the event comes again.
await Promise.race([connection.flush().catch(() => undefined), sleep(PAUSE, undefined, { ref: false })]);
await connection.close();

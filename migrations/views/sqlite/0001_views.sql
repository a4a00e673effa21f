-- Read models: made from the log alone, so that they can be thrown away and made again.
create table users (
    pk integer primary key,
    username text not null,
    email text,
    email_claim text,
    email_verified integer not null,
    pending_email text,
    pending_claim text,
    first_name text not null,
    last_name text not null,
    active integer not null,
    epoch integer not null,
    kept text,
    -- When the epoch last rose: nodes load who is in here young enough to meet a live token.
    epoch_raised_at integer,
    registered_at integer not null,
    -- How many events of the user's stream, and of the log, the row tells of.
    version integer not null,
    position integer not null
) strict;

create index users_by_epoch on users (epoch_raised_at) where epoch_raised_at is not null;

create table sessions (
    id text primary key,
    user integer not null,
    epoch integer not null,
    started_at integer not null,
    refreshed_at integer not null,
    until integer not null,
    address text not null,
    agent text not null,
    revoked_at integer,
    position integer not null
) strict, without rowid;

create index sessions_by_user on sessions (user, started_at);
create index sessions_by_revocation on sessions (revoked_at) where revoked_at is not null;

-- Events that a projection could not take; their aggregates wait, all others go on.
create table parked (
    projection text not null,
    stream text not null,
    version integer not null,
    position integer not null,
    reason text not null,
    parked_at integer not null,
    primary key (projection, stream)
) strict, without rowid;

-- What follows is no read model and survives a rebuild.

-- Who leads which follower, and until when; the epoch fences off a leader that lost its lease.
create table kept_leases (
    role text primary key,
    node text not null,
    epoch integer not null,
    until integer not null
) strict, without rowid;

create table kept_checkpoints (
    role text primary key,
    position integer not null
) strict, without rowid;

-- Expiring counts of attempts. The name is a keyed hash.
create table kept_attempts (
    name text primary key,
    count integer not null,
    until integer not null
) strict, without rowid;

create index kept_attempts_by_end on kept_attempts (until);

-- Which log all of this was made from.
create table kept_log (
    one integer primary key check (one = 1),
    log_id text not null
) strict;

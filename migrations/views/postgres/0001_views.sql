-- Read models: made from the log alone, so that they can be thrown away and made again. Numbers, flags among them, are bigint and
-- all else is text, as on SQLite; keys are compared byte by byte, so that models are summed up in the same order everywhere.
create table users (
    pk bigint primary key,
    username text not null,
    email text,
    email_claim text,
    email_verified bigint not null,
    pending_email text,
    pending_claim text,
    first_name text not null,
    last_name text not null,
    active bigint not null,
    epoch bigint not null,
    kept text,
    -- When the epoch last rose: nodes load who is in here young enough to meet a live token.
    epoch_raised_at bigint,
    registered_at bigint not null,
    -- How many events of the user's stream, and of the log, the row tells of.
    version bigint not null,
    position bigint not null
);

create index users_by_epoch on users (epoch_raised_at) where epoch_raised_at is not null;

create table sessions (
    id text collate "C" primary key,
    "user" bigint not null,
    epoch bigint not null,
    started_at bigint not null,
    refreshed_at bigint not null,
    until bigint not null,
    address text not null,
    agent text not null,
    revoked_at bigint,
    position bigint not null
);

create index sessions_by_user on sessions ("user", started_at);
create index sessions_by_revocation on sessions (revoked_at) where revoked_at is not null;

-- Events that a projection could not take; their aggregates wait, all others go on.
create table parked (
    projection text collate "C" not null,
    stream text collate "C" not null,
    version bigint not null,
    position bigint not null,
    reason text not null,
    parked_at bigint not null,
    primary key (projection, stream)
);

-- What follows is no read model and survives a rebuild.

-- Who leads which follower, and until when; the epoch fences off a leader that lost its lease.
create table kept_leases (
    role text collate "C" primary key,
    node text not null,
    epoch bigint not null,
    until bigint not null
);

create table kept_checkpoints (
    role text collate "C" primary key,
    position bigint not null
);

-- Expiring counts of attempts. The name is a keyed hash.
create table kept_attempts (
    name text collate "C" primary key,
    count bigint not null,
    until bigint not null
);

create index kept_attempts_by_end on kept_attempts (until);

-- Which log all of this was made from.
create table kept_log (
    one bigint primary key check (one = 1),
    log_id text not null
);

-- When read models were last replaced, in microseconds since the Unix epoch, UTC: what they were before is kept beside them
-- for some time, and that ends with it.
create table kept_switch (
    one bigint primary key check (one = 1),
    at bigint not null
);

-- These rows change with nearly every event, and are few.
alter table kept_leases set (fillfactor = 50);
alter table kept_checkpoints set (fillfactor = 50);

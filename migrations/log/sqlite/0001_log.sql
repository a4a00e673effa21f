-- The log of domain events. One head row is both lock and counter: positions are dealt out under it, without gaps.
create table log_head (
    one integer primary key check (one = 1),
    log_id text not null,
    position integer not null,
    -- Raised by commits that must cost as much as one that records something, and record nothing.
    barriers integer not null default 0
) strict;

create table events (
    position integer primary key,
    stream text not null,
    version integer not null check (version > 0),
    id blob not null check (length(id) = 16),
    type text not null,
    recorded_at integer not null,
    correlation blob not null,
    causation blob,
    actor text not null,
    -- Stored as written: these bytes are hashed for the auditor.
    data text not null,
    sealed text
) strict;

create unique index events_by_stream on events (stream, version);
create unique index events_by_id on events (id);

-- Small numbers dealt out in order, for keys that must fit clients with 32 bits.
create table sequences (
    name text primary key,
    last integer not null
) strict, without rowid;

create trigger events_are_never_changed before update on events begin
    select raise(abort, 'events are never changed');
end;
create trigger events_are_never_deleted before delete on events begin
    select raise(abort, 'events are never deleted');
end;

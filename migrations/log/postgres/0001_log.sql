-- The log of domain events. One head row is both lock and counter: positions are dealt out under it, without gaps.
create table log_head (
    one boolean primary key default true check (one),
    log_id text not null,
    position bigint not null,
    -- Raised by commits that must cost as much as one that records something, and record nothing.
    barriers bigint not null default 0
);

-- Whoever appends need not have the right to make a log.
insert into log_head (log_id, position) values (left(gen_random_uuid()::text, 8), 0);

-- Names are compared byte by byte, as no rule of a language is to decide which streams are the same.
create table events (
    position bigint primary key,
    stream text collate "C" not null,
    version bigint not null check (version > 0),
    id bytea not null check (length(id) = 16),
    type text not null,
    recorded_at bigint not null,
    correlation bytea not null,
    causation bytea,
    actor text not null,
    -- Stored as written: these bytes are hashed for the auditor.
    data text not null,
    sealed text
);

create unique index events_by_stream on events (stream, version);
create unique index events_by_id on events (id);

-- Small numbers dealt out in order, for keys that must fit clients with 32 bits.
create table sequences (
    name text collate "C" primary key,
    last bigint not null
);

create function events_are_for_good() returns trigger language plpgsql as $$
begin
    raise exception 'events are neither changed nor deleted';
end;
$$;
create trigger events_are_never_changed before update or delete or truncate on events
    for each statement execute function events_are_for_good();

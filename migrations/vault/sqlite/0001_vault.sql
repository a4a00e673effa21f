-- Data keys seal personal data in the log. A destroyed key leaves its row, without the key, as a tombstone.
create table data_keys (
    id text primary key,
    wrapped blob,
    created_at integer not null,
    destroyed_at integer,
    destroyed_because text check (destroyed_because in ('superseded', 'erased', 'retention')),
    check ((wrapped is null) = (destroyed_at is not null))
) strict, without rowid;

create index data_keys_by_age on data_keys (created_at) where wrapped is not null;

-- Keys that every node loads before first use: signing, links, claims, tokens.
create table node_keys (
    id text primary key,
    purpose text not null,
    algorithm text not null,
    wrapped blob not null,
    created_at integer not null,
    retired_at integer
) strict, without rowid;

-- Which log this vault belongs to: with another one, its keys would be taken for unused.
create table of_log (
    one integer primary key check (one = 1),
    log_id text not null
) strict;

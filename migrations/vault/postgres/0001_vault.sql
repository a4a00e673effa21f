-- Data keys seal personal data in the log. A destroyed key leaves its row, without the key, as a tombstone.
-- Ids are compared byte by byte, so that no update of the system's collations can disorder their index.
create table data_keys (
    id text collate "C" primary key,
    wrapped bytea,
    created_at bigint not null,
    destroyed_at bigint,
    destroyed_because text check (destroyed_because in ('superseded', 'erased', 'retention')),
    check ((wrapped is null) = (destroyed_at is not null))
);

-- A destroyed key lives on as an older state of its row until the table is vacuumed: soon after the first.
alter table data_keys set (
    autovacuum_vacuum_threshold = 0,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_cost_delay = 0
);

create index data_keys_by_age on data_keys (created_at) where wrapped is not null;

-- Keys that every node loads before first use: signing, links, claims, tokens.
create table node_keys (
    id text collate "C" primary key,
    purpose text not null,
    algorithm text not null,
    wrapped bytea not null,
    created_at bigint not null,
    retired_at bigint
);

-- Which log this vault belongs to: with another one, its keys would be taken for unused.
create table of_log (
    one smallint primary key check (one = 1),
    log_id text not null
);

-- Which processes judge tokens by what they heard of the log, how far that was, and until when they may go by it.
create table kept_listeners (
    node text primary key,
    position integer not null,
    until integer not null
) strict, without rowid;

-- They had a lease and a checkpoint before.
delete from kept_leases where role = 'api';
delete from kept_checkpoints where role = 'api';

-- Which processes judge tokens by what they heard of the log, how far that was, and until when they may go by it.
create table kept_listeners (
    node text collate "C" primary key,
    position bigint not null,
    until bigint not null
) with (fillfactor = 50);

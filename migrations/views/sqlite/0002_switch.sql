-- When read models were last replaced, in microseconds since the Unix epoch, UTC: what they were before is kept beside them
-- for some time, and that ends with it.
create table kept_switch (
    one integer primary key check (one = 1),
    at integer not null
) strict;

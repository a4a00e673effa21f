-- Set while the log is being made a copy of another one: until all of it is there nobody may go by it.
alter table log_head add column half_copied integer not null default 0 check (half_copied in (0, 1));

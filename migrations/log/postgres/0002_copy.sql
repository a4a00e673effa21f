-- Set while the log is being made a copy of another one: until all of it is there nobody may go by it.
alter table log_head add column half_copied boolean not null default false;

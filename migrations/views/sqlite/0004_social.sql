-- The accounts at providers of identities that let a user in, as JSON, and which of them began a session.
alter table users add column linked text not null default '[]';
alter table sessions add column social integer;

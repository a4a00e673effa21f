-- Stele's roles and databases, once, when the data of the server is new: the server's image runs it. Each role's password stands in
-- the URL that its processes are given. What roles may do in log and vault is granted when there are tables: grant.sh.

\set owner `sed 's|^postgres://[^:]*:\([^@]*\)@.*|\1|' /run/secrets/owner_of_vault`
-- Without a password, as which nobody comes in, where the log is on KurrentDB.
\set log `sed -n 's|^postgres://[^:]*:\([^@]*\)@.*|\1|p' /run/secrets/log`
\set views `sed 's|^postgres://[^:]*:\([^@]*\)@.*|\1|' /run/secrets/views`
\set vault `sed 's|^postgres://[^:]*:\([^@]*\)@.*|\1|' /run/secrets/vault`

create role stele_owner login password :'owner';
create role stele_log login password :'log';
create role stele_views login password :'views';
create role stele_vault login password :'vault';

create database stele_log owner stele_owner encoding 'UTF8' template template0;
create database stele_views owner stele_views encoding 'UTF8' template template0;
create database stele_vault owner stele_owner encoding 'UTF8' template template0;

revoke connect on database stele_log, stele_views, stele_vault from public;
grant connect on database stele_log to stele_log;
grant connect on database stele_vault to stele_vault;

\connect stele_views
revoke all on schema public from public;
grant usage, create on schema public to stele_views;

-- Run once on the primary as the superuser, with the passwords in files beside it:
--   psql -v ON_ERROR_STOP=1 -f roles.sql
-- The owner of the schema is for migrations alone; the servers may only read and call the append function.
\set owner_password `cat owner_password`
\set application_password `cat application_password`
CREATE ROLE authrim_owner LOGIN CREATEROLE PASSWORD :'owner_password';
CREATE ROLE authrim_app LOGIN PASSWORD :'application_password';
-- So that `authrim migrate --grant-to` can keep the connection's settings with the role, which a pooler needs.
GRANT authrim_app TO authrim_owner WITH ADMIN OPTION;
CREATE DATABASE authrim OWNER authrim_owner;
REVOKE ALL ON DATABASE authrim FROM PUBLIC;
GRANT CONNECT ON DATABASE authrim TO authrim_app;

-- Run once, when the database is made. The owner of the schema is for migrations alone. The servers run as a role that may
-- only read and call the append function: `authrim migrate --grant-to authrim_app` gives it that, and nothing more.
\set owner_password `cat /run/secrets/owner_password`
\set application_password `cat /run/secrets/application_password`
CREATE ROLE authrim_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE authrim_app LOGIN PASSWORD :'application_password';
ALTER DATABASE authrim OWNER TO authrim_owner;
REVOKE ALL ON DATABASE authrim FROM PUBLIC;
GRANT CONNECT ON DATABASE authrim TO authrim_app;

-- The two database roles. Neither is a superuser and neither may bypass row-level security.
--   ondi_owner  owns schema and functions: migrations, backups, test databases.
--   ondi        is the running application: SELECT, INSERT, UPDATE, DELETE and nothing else.
-- Run once per cluster as a superuser. In production give both a password afterwards:
--   ALTER ROLE ondi PASSWORD '...';
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ondi_owner') THEN
        CREATE ROLE ondi_owner LOGIN CREATEDB NOSUPERUSER NOBYPASSRLS NOCREATEROLE;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ondi') THEN
        CREATE ROLE ondi LOGIN NOCREATEDB NOSUPERUSER NOBYPASSRLS NOCREATEROLE;
    END IF;
END
$$;
-- For connections through a pooler, which passes no options on; the product asks for the same on its own.
ALTER ROLE ondi SET statement_timeout = '15s';
ALTER ROLE ondi SET lock_timeout = '10s';
ALTER ROLE ondi SET idle_in_transaction_session_timeout = '60s';
SELECT 'CREATE DATABASE ondi OWNER ondi_owner ENCODING ''UTF8'' TEMPLATE template0'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'ondi')
\gexec

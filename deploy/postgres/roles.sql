-- Roles of a cluster's database, each with no more than it needs. Run once as an administrator, in the database itself:
--
--   psql -d athanor -f deploy/postgres/roles.sql
--
-- and then make the users, with passwords from your own store of secrets:
--
--   CREATE ROLE athanor_deploy LOGIN PASSWORD '…' IN ROLE athanor_owner;   -- for 'athanor journal migrate' and 'journal restored'
--   ALTER ROLE athanor_deploy SET role = athanor_owner;                    -- what it makes belongs to the group
--   CREATE ROLE athanor LOGIN PASSWORD '…' IN ROLE athanor_node;           -- one user for all nodes: one may end another's stuck session
--   CREATE ROLE athanor_backup LOGIN PASSWORD '…' IN ROLE athanor_read;    -- pg_dump, inspection
--
-- 'athanor journal migrate' gives athanor_node and athanor_read their rights on what it makes (Migrations/grants.sql). It may be run again.

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['athanor_owner', 'athanor_node', 'athanor_read'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION', name);
        END IF;
    END LOOP;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO athanor_owner, athanor_node, athanor_read', current_database());
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA IF NOT EXISTS athanor AUTHORIZATION athanor_owner;

-- Rights of the group roles that deploy/postgres/roles.sql makes; run again after every migration, and of no effect where there is no such
-- role. athanor_node: what a node does, and nothing that changes the schema, the number of shards or the incarnation.
-- athanor_read: looking and backups.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'athanor_node') THEN
        GRANT USAGE ON SCHEMA athanor TO athanor_node;
        GRANT SELECT ON ALL TABLES IN SCHEMA athanor TO athanor_node;
        GRANT SELECT ON ALL SEQUENCES IN SCHEMA athanor TO athanor_node;
        GRANT UPDATE ON athanor.shard TO athanor_node;
        GRANT UPDATE (feature_level, copying) ON athanor.cluster TO athanor_node;
        GRANT INSERT, DELETE ON athanor.journal TO athanor_node;
        GRANT INSERT, UPDATE ON athanor.snapshot, athanor.head, athanor.work, athanor.segment TO athanor_node;
        GRANT INSERT ON athanor.anchor, athanor.origin TO athanor_node;
        GRANT INSERT, UPDATE, DELETE ON athanor.node, athanor.node_lock, athanor.node_session, athanor.fault, athanor.mail, athanor.parked,
            athanor.timer, athanor.reply, athanor.work_share, athanor.work_key, athanor.projection, athanor.projected TO athanor_node;
        GRANT INSERT, UPDATE, DELETE ON athanor.blob TO athanor_node;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'athanor_read') THEN
        GRANT USAGE ON SCHEMA athanor TO athanor_read;
        GRANT SELECT ON ALL TABLES IN SCHEMA athanor TO athanor_read;
        GRANT SELECT ON ALL SEQUENCES IN SCHEMA athanor TO athanor_read;
    END IF;
END $$;

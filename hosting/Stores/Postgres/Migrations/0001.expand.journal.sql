-- The first schema. Times are ticks of 100 ns since 0001-01-01 UTC, so that they come back as they were written.
--
-- Two kinds of check columns. crc: CRC-32C over the columns that the program writes once, made and checked by the program.
-- seal: the first 4 bytes of SHA-256 over columns that the server itself counts up (numbers, leases, states), made by the server with
-- every change and checked by the program at every read; statements that change a row check it first.

CREATE FUNCTION clock() RETURNS bigint LANGUAGE sql VOLATILE PARALLEL SAFE AS
$$ SELECT (extract(epoch FROM clock_timestamp()) * 10000000)::bigint + 621355968000000000 $$;

CREATE FUNCTION seal(text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$$ SELECT ('x' || encode(substring(sha256(convert_to($1, 'UTF8')) FROM 1 FOR 4), 'hex'))::bit(32)::integer $$;

-- This run of this server: a session lock that was taken under another one says nothing when it is free.
CREATE FUNCTION server_run() RETURNS text LANGUAGE sql STABLE AS
$$ SELECT extract(epoch FROM pg_postmaster_start_time())::text || '/'
    || CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE substring(pg_walfile_name(pg_current_wal_lsn()) FROM 1 FOR 8) END $$;

CREATE TABLE cluster (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    shards integer NOT NULL CHECK (shards > 0),
    incarnation bigint NOT NULL,
    feature_level integer NOT NULL,
    -- The target of a copy that is not finished.
    copying boolean NOT NULL DEFAULT false,
    seal integer GENERATED ALWAYS AS (seal(shards::text || '|' || incarnation::text || '|' || feature_level::text
        || CASE WHEN copying THEN '|copying' ELSE '' END)) STORED
);

CREATE FUNCTION shard_seal(shard integer, owner text, incarnation bigint, counter bigint, last bigint, lease bigint, last_event bigint)
    RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT seal(shard::text || '|' || coalesce('=' || owner, '') || '|' || incarnation::text || '|' || counter::text || '|' || last::text
    || '|' || lease::text || '|' || last_event::text) $$;

CREATE TABLE shard (
    shard integer PRIMARY KEY,
    owner text COLLATE "C",
    incarnation bigint NOT NULL,
    counter bigint NOT NULL,
    last bigint NOT NULL,
    lease bigint NOT NULL,
    last_event bigint NOT NULL,
    seal integer GENERATED ALWAYS AS (shard_seal(shard, owner, incarnation, counter, last, lease, last_event)) STORED
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE node (
    node text COLLATE "C" PRIMARY KEY,
    address text NOT NULL,
    roles text NOT NULL,
    lease bigint NOT NULL,
    schema_known integer NOT NULL,
    skew bigint NOT NULL DEFAULT 0,
    drain boolean NOT NULL DEFAULT false,
    seal integer GENERATED ALWAYS AS (seal(node || '|' || address || '|' || roles || '|' || lease::text)) STORED
) WITH (fillfactor = 20);

-- The session lock that a node holds as long as it lives, and the run of the server under which it was taken.
CREATE TABLE node_lock (
    node text COLLATE "C" PRIMARY KEY,
    class bigint NOT NULL,
    object bigint NOT NULL,
    run text NOT NULL,
    pid integer NOT NULL,
    started timestamptz NOT NULL
);

-- Sessions in which a node writes, so that whoever takes its shards over can end one that still holds a row.
CREATE TABLE node_session (
    node text COLLATE "C" NOT NULL,
    pid integer NOT NULL,
    started timestamptz NOT NULL,
    PRIMARY KEY (node, pid)
);

CREATE TABLE journal (
    shard integer NOT NULL,
    number bigint NOT NULL,
    entity text COLLATE "C" NOT NULL,
    entity_number bigint NOT NULL,
    incarnation bigint NOT NULL,
    counter bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    body bytea NOT NULL,
    time bigint NOT NULL,
    principal text NOT NULL,
    trace text,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    crc integer NOT NULL,
    PRIMARY KEY (shard, number),
    UNIQUE (shard, entity, entity_number)
) PARTITION BY HASH (shard);

-- Smaller indexes, and vacuum and removal of sealed history in pieces. A shard lies in one partition.
DO $$ BEGIN
    FOR i IN 0..15 LOOP
        EXECUTE format('CREATE TABLE journal_%s PARTITION OF journal FOR VALUES WITH (MODULUS 16, REMAINDER %s)', to_char(i, 'FM00'), i);
        -- Hashes and packed messages do not compress.
        EXECUTE format('ALTER TABLE journal_%s ALTER body SET STORAGE EXTERNAL', to_char(i, 'FM00'));
    END LOOP;
END $$;

CREATE TABLE snapshot (
    entity text COLLATE "C" PRIMARY KEY,
    shard integer NOT NULL,
    entity_number bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    state bytea NOT NULL,
    event_hash bytea NOT NULL,
    crc integer NOT NULL
);

CREATE TABLE head (
    entity text COLLATE "C" PRIMARY KEY,
    shard integer NOT NULL,
    entity_number bigint NOT NULL,
    hash bytea NOT NULL,
    awaits boolean NOT NULL,
    time bigint NOT NULL,
    crc integer NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX head_wake ON head (shard) WHERE awaits;

-- Of its own, so that a head can be written without knowing whether the entity is faulted.
CREATE TABLE fault (
    entity text COLLATE "C" PRIMARY KEY,
    shard integer NOT NULL,
    reason text NOT NULL,
    crc integer NOT NULL
);
CREATE INDEX fault_shard ON fault (shard);

CREATE TABLE mail (
    shard integer NOT NULL,
    source_shard integer NOT NULL,
    source_number bigint NOT NULL,
    n integer NOT NULL,
    entity text COLLATE "C" NOT NULL,
    sender text COLLATE "C",
    kind text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    body bytea NOT NULL,
    trace text,
    crc integer NOT NULL,
    told timestamptz NOT NULL DEFAULT now(),
    -- Order of arrival, for reading only: rows are taken away when they are handled, never passed by a mark.
    seq bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (shard, source_shard, source_number, n)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
CREATE INDEX mail_arrival ON mail (shard, seq);

CREATE TABLE parked (
    shard integer NOT NULL,
    source_shard integer NOT NULL,
    source_number bigint NOT NULL,
    n integer NOT NULL,
    entity text COLLATE "C" NOT NULL,
    sender text COLLATE "C",
    kind text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    body bytea NOT NULL,
    trace text,
    reason text NOT NULL,
    time bigint NOT NULL,
    crc integer NOT NULL,
    place bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (shard, source_shard, source_number, n)
);

CREATE TABLE timer (
    shard integer NOT NULL,
    entity text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    due bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    body bytea NOT NULL,
    crc integer NOT NULL,
    PRIMARY KEY (shard, entity, name)
) WITH (autovacuum_vacuum_scale_factor = 0.05);

CREATE TABLE reply (
    tenant text COLLATE "C" NOT NULL,
    key uuid NOT NULL,
    request_hash bytea NOT NULL,
    kind text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    body bytea NOT NULL,
    shard integer NOT NULL,
    crc integer NOT NULL,
    -- By the server's clock when it was kept; how long it lasts.
    time bigint NOT NULL,
    PRIMARY KEY (tenant, key)
);
CREATE INDEX reply_time ON reply USING brin (time);

CREATE FUNCTION work_seal(number bigint, status integer, holder text, attempt integer, lease bigint, deaths integer, reason text,
    created bigint, put_off bigint, seats text, step bigint, checkpoint text)
    RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT seal(number::text || '|' || status::text || '|' || coalesce('=' || holder, '') || '|' || attempt::text || '|' || lease::text
    || '|' || deaths::text || '|' || coalesce('=' || reason, '') || '|' || created::text || '|' || put_off::text
    || '|' || coalesce('=' || seats, '') || '|' || coalesce(step::text, '') || '|' || coalesce('=' || checkpoint, '')) $$;

CREATE TABLE work (
    id text COLLATE "C" NOT NULL UNIQUE,
    shard integer NOT NULL,
    entity text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    spec bytea NOT NULL,
    seed bigint NOT NULL,
    inputs text NOT NULL,
    pool text COLLATE "C" NOT NULL,
    priority integer NOT NULL,
    deadline bigint NOT NULL,
    trace text,
    gang integer NOT NULL,
    memory bigint NOT NULL,
    not_after bigint,
    crc integer NOT NULL,
    -- Never given twice: it names the message that brings the result.
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    status integer NOT NULL,
    holder text COLLATE "C",
    attempt integer NOT NULL DEFAULT 0,
    lease bigint NOT NULL DEFAULT 0,
    deaths integer NOT NULL DEFAULT 0,
    reason text,
    created bigint NOT NULL,
    put_off bigint NOT NULL DEFAULT 0,
    seats text,
    step bigint,
    checkpoint text,
    seal integer GENERATED ALWAYS AS (work_seal(
        number, status, holder, attempt, lease, deaths, reason, created, put_off, seats, step, checkpoint)) STORED,
    -- From when on it may be leased; null when it has ended. A gang that gathers or runs is not for free. 0 is pending, 1 is leased.
    free_at bigint GENERATED ALWAYS AS (
        CASE WHEN status > 1 THEN NULL WHEN seats IS NOT NULL THEN 9223372036854775807 WHEN status = 1 THEN lease ELSE put_off END) STORED
) WITH (fillfactor = 80);
CREATE INDEX work_free ON work (pool, tenant, priority, number) WHERE free_at IS NOT NULL;
CREATE INDEX work_gang ON work (pool) WHERE seats IS NOT NULL;
CREATE INDEX work_due ON work (not_after) WHERE free_at IS NOT NULL AND not_after IS NOT NULL;
CREATE INDEX work_holder ON work (holder) WHERE status = 1;

-- How much each tenant was served in each pool.
CREATE TABLE work_share (
    pool text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    passed bigint NOT NULL,
    served bigint NOT NULL,
    crc integer NOT NULL,
    PRIMARY KEY (pool, tenant)
) WITH (fillfactor = 20);

-- What the members of a gang's generation told each other.
CREATE TABLE work_key (
    number bigint NOT NULL,
    generation integer NOT NULL,
    key text COLLATE "C" NOT NULL,
    value bytea NOT NULL,
    crc integer NOT NULL,
    PRIMARY KEY (number, generation, key)
);

-- Events of one shard and one family that were moved into a blob.
CREATE TABLE segment (
    id bigint PRIMARY KEY,
    shard integer NOT NULL,
    family text COLLATE "C" NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    events bigint NOT NULL,
    numbers bytea NOT NULL,
    blob text NOT NULL,
    ends text NOT NULL,
    first_time bigint NOT NULL,
    last_time bigint NOT NULL,
    sealed_at bigint NOT NULL,
    state integer NOT NULL,
    crc integer NOT NULL
);
CREATE INDEX segment_shard ON segment (shard, first);

-- Each entity's part of each segment.
CREATE TABLE anchor (
    entity text COLLATE "C" NOT NULL,
    first bigint NOT NULL,
    segment bigint NOT NULL,
    last bigint NOT NULL,
    hash bytea NOT NULL,
    crc integer NOT NULL,
    PRIMARY KEY (entity, first)
);

-- Where entities came from that were copied under another tenant.
CREATE TABLE origin (
    entity text COLLATE "C" PRIMARY KEY,
    was text COLLATE "C" NOT NULL,
    entity_number bigint NOT NULL,
    hash bytea NOT NULL,
    crc integer NOT NULL
);

-- How far each projection has read each shard's feed, and the rows of read models.
CREATE TABLE projection (
    name text COLLATE "C" NOT NULL,
    generation integer NOT NULL,
    shard integer NOT NULL,
    position bigint NOT NULL,
    skipped bigint NOT NULL,
    live boolean NOT NULL,
    crc integer NOT NULL,
    PRIMARY KEY (name, generation, shard)
) WITH (fillfactor = 50);

CREATE TABLE projected (
    name text COLLATE "C" NOT NULL,
    generation integer NOT NULL,
    key text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    crc integer NOT NULL,
    PRIMARY KEY (name, generation, key)
);

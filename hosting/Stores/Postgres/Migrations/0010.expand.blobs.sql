-- Blobs of a cluster that keeps them in the database (athanor.blobs.kind = database): one row is at most one chunk.
CREATE TABLE blob (
    name text COLLATE "C" PRIMARY KEY,
    content bytea NOT NULL,
    touched bigint NOT NULL
);
-- What is stored is compressed already, or does not compress; a detoasted piece is read whole.
ALTER TABLE blob ALTER COLUMN content SET STORAGE EXTERNAL;

-- Where an unfinished upload's durable bytes are in an object store: any replica goes on from here.
ALTER TABLE upload ADD COLUMN multipart_id TEXT COLLATE "C";
ALTER TABLE upload ADD COLUMN parts TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE upload ADD COLUMN tail TEXT COLLATE "C";

-- A row while the rows of another catalog are being copied into this one: nobody else may use it then.
CREATE TABLE transfer (
    source TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    started_at BIGINT NOT NULL
);

-- How far a recurring check of the store has come: `reconcile` compares the list of objects with rows, `verify` reads and
-- hashes every object. `position` is the last key or digest that was looked at in the round under way, empty between
-- rounds; the figures are those of the round under way, or of the last one.
CREATE TABLE store_check (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    position TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    objects BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    unknown_objects BIGINT NOT NULL,
    unknown_bytes BIGINT NOT NULL
);

-- What a check found wrong with an object that a row names. A finding goes when the digest is uploaded anew, when its
-- blob is collected, or when a later look finds the object whole.
CREATE TABLE store_finding (
    digest TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    object_key TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C" NOT NULL,
    found_at BIGINT NOT NULL
);

-- Bytes that are not what their digest says are given out to nobody, also not from what a server remembers.
CREATE CONSTRAINT TRIGGER blob_quarantined AFTER UPDATE OF state ON blob
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state = 'quarantined') EXECUTE FUNCTION blob_changed();

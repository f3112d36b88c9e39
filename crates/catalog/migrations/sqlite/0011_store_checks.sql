-- How far a recurring check of the store has come: `reconcile` compares the list of objects with rows, `verify` reads and
-- hashes every object. `position` is the last key or digest that was looked at in the round under way, empty between
-- rounds; the figures are those of the round under way, or of the last one.
CREATE TABLE store_check (
    name TEXT NOT NULL PRIMARY KEY,
    position TEXT NOT NULL,
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
    digest TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    object_key TEXT NOT NULL,
    detail TEXT NOT NULL,
    found_at BIGINT NOT NULL
);

-- Bytes that are not what their digest says are given out to nobody, also not from what a server remembers.
CREATE TRIGGER blob_quarantined AFTER UPDATE OF state ON blob WHEN NEW.state = 'quarantined' BEGIN
    UPDATE repository_generation SET value = value + 1
        WHERE repository_id IN (SELECT repository_id FROM repo_blob WHERE digest = NEW.digest); END;

-- Spans of a tag follow each other in time and never overlap, so both its history and what it pointed at, at an instant,
-- are one step into this index, however often the tag has moved (ADR 0015).
DROP INDEX tag_history;
CREATE INDEX tag_history ON tag (repository_id, name, start_us, id);

-- `decisions` moves with every verdict about the repository's images: what was summed up about its tags holds while both
-- counters stand still.
ALTER TABLE repository_generation ADD COLUMN decisions BIGINT NOT NULL DEFAULT 0;

CREATE FUNCTION decision_made() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO repository_generation AS g (repository_id, value, decisions) VALUES (NEW.repository_id, 0, 1)
        ON CONFLICT (repository_id) DO UPDATE SET decisions = g.decisions + 1;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER decision_added AFTER INSERT ON decision
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION decision_made();

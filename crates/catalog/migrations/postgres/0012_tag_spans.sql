-- Spans of a tag follow each other in time and never overlap, so both its history and what it pointed at, at an instant,
-- are one step into this index, however often the tag has moved (ADR 0015).
DROP INDEX tag_history;
CREATE INDEX tag_history ON tag (repository_id, name, start_us, id);

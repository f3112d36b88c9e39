-- Spans of a tag follow each other in time and never overlap, so both its history and what it pointed at, at an instant,
-- are one step into this index, however often the tag has moved (ADR 0015).
DROP INDEX tag_history;
CREATE INDEX tag_history ON tag (repository_id, name, start_us, id);

-- `decisions` moves with every verdict about the repository's images: what was summed up about its tags holds while both
-- counters stand still.
ALTER TABLE repository_generation ADD COLUMN decisions BIGINT NOT NULL DEFAULT 0;
CREATE TRIGGER decision_added AFTER INSERT ON decision BEGIN
    INSERT INTO repository_generation (repository_id, value, decisions) VALUES (NEW.repository_id, 0, 1)
        ON CONFLICT (repository_id) DO UPDATE SET decisions = decisions + 1; END;

-- What a large registry looks like, so that no plan depends on how far this one has grown: SQLite knows nothing of its
-- tables until it is told, and then takes "of this repository" for as narrow as "of this digest", and walks through a
-- repository to save the sorting of three rows. Each line: rows of the table, then rows that agree in the first column,
-- in the first two, and so on.
ANALYZE generation;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('blob', 'sqlite_autoindex_blob_1', '1000000 1'),
    ('repo_blob', 'sqlite_autoindex_repo_blob_1', '2000000 2000 1'),
    ('repo_blob', 'repo_blob_by_digest', '2000000 2 1'),
    ('repo_blob', 'repo_blob_in_namespace', '2000000 20000 2'),
    ('manifest_body', 'sqlite_autoindex_manifest_body_1', '1000000 1'),
    ('manifest', 'sqlite_autoindex_manifest_1', '1000000 1000 1'),
    ('manifest', 'manifest_by_digest', '1000000 2 1'),
    ('manifest_ref', 'sqlite_autoindex_manifest_ref_1', '5000000 5000 5 2 1'),
    ('manifest_ref', 'manifest_ref_in_repository', '5000000 5000 5'),
    ('manifest_ref', 'manifest_ref_by_digest', '5000000 10'),
    ('referrer', 'sqlite_autoindex_referrer_1', '500000 1000 3 2 1'),
    ('referrer', 'referrer_by_digest', '500000 1000 2'),
    ('tag', 'sqlite_autoindex_tag_1', '1000000 1000 1'),
    ('tag', 'tag_by_digest', '1000000 1000 2'),
    ('tag', 'tag_target', '1000000 3 2'),
    ('tag', 'tag_history', '1000000 1000 3 2 1'),
    ('tag', 'tag_in_repository', '1000000 1000 1'),
    ('tag', 'tag_live_by_version', '500000 500 2 1'),
    ('tag', 'tag_live_by_start', '500000 500 2 1'),
    ('tag', 'tag_expiring', '10000 2 1'),
    ('decision', 'sqlite_autoindex_decision_1', '1000000 1'),
    ('decision', 'sqlite_autoindex_decision_2', '1000000 1000 2 1'),
    ('decision', 'decision_in_repository', '1000000 1000 2 1'),
    ('decision', 'decision_by_policy', '1000000 1000 3 2 1'),
    ('image_report', 'sqlite_autoindex_image_report_1', '1000000 1'),
    ('repository', 'sqlite_autoindex_repository_1', '10000 1'),
    ('repository', 'repository_by_namespace', '10000 10 1'),
    ('repository', 'repository_by_visibility', '10000 5000 1');
ANALYZE sqlite_schema;

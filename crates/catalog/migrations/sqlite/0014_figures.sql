-- What pages of tags are ordered by and repositories are summed up from, one row for each live tag, so that neither looks
-- at every tag (ADR 0022). All three tables can be made anew from the others.
--
-- `tag_pending` says which rows may be old: of one tag, or of every tag on a digest. Triggers append to it in the
-- transaction that changes what a row is made from, so that no statement can forget it; whoever folds makes the rows
-- anew and moves `tag_tally` by the difference.
CREATE TABLE tag_pending (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tag_id BIGINT,
    digest TEXT
);

-- A grade of -1 and an empty verdict: not known yet.
CREATE TABLE tag_figure (
    tag_id BIGINT NOT NULL PRIMARY KEY,
    repository_id BIGINT NOT NULL,
    live_name TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    grade BIGINT NOT NULL,
    verdict TEXT NOT NULL
);
CREATE INDEX tag_figure_by_size ON tag_figure (repository_id, size_bytes, live_name);
CREATE INDEX tag_figure_by_grade ON tag_figure (repository_id, grade, live_name);

-- How many live tags of a repository have this grade and this verdict.
CREATE TABLE tag_tally (
    repository_id BIGINT NOT NULL,
    grade BIGINT NOT NULL,
    verdict TEXT NOT NULL,
    tags BIGINT NOT NULL,
    PRIMARY KEY (repository_id, grade, verdict)
);

INSERT INTO system_state (name, value) VALUES ('figures', 0);
INSERT INTO tag_pending (tag_id) SELECT id FROM tag WHERE live_name IS NOT NULL;

CREATE TRIGGER tag_figure_of_new AFTER INSERT ON tag WHEN NEW.live_name IS NOT NULL BEGIN
    INSERT INTO tag_pending (tag_id) VALUES (NEW.id); END;
CREATE TRIGGER tag_figure_of_changed AFTER UPDATE OF live_name, digest ON tag BEGIN
    INSERT INTO tag_pending (tag_id) VALUES (NEW.id); END;
CREATE TRIGGER tag_figure_of_removed AFTER DELETE ON tag WHEN OLD.live_name IS NOT NULL BEGIN
    INSERT INTO tag_pending (tag_id) VALUES (OLD.id); END;
CREATE TRIGGER tag_figure_by_closure AFTER UPDATE OF closure_bytes ON manifest
    WHEN NEW.closure_bytes <> OLD.closure_bytes BEGIN
    INSERT INTO tag_pending (digest) VALUES (NEW.digest); END;
CREATE TRIGGER tag_figure_by_report AFTER INSERT ON image_report BEGIN
    INSERT INTO tag_pending (digest) VALUES (NEW.digest); END;
CREATE TRIGGER tag_figure_by_grade_changed AFTER UPDATE OF grade ON image_report WHEN NEW.grade IS NOT OLD.grade BEGIN
    INSERT INTO tag_pending (digest) VALUES (NEW.digest); END;
CREATE TRIGGER tag_figure_by_report_removed AFTER DELETE ON image_report BEGIN
    INSERT INTO tag_pending (digest) VALUES (OLD.digest); END;
CREATE TRIGGER tag_figure_by_decision AFTER INSERT ON decision BEGIN
    INSERT INTO tag_pending (digest) VALUES (NEW.digest); END;
CREATE TRIGGER tag_figure_by_decision_changed AFTER UPDATE OF is_current, verdict ON decision BEGIN
    INSERT INTO tag_pending (digest) VALUES (NEW.digest); END;
CREATE TRIGGER tag_figure_by_decision_removed AFTER DELETE ON decision WHEN OLD.is_current = 1 BEGIN
    INSERT INTO tag_pending (digest) VALUES (OLD.digest); END;

-- As in 0012: what a large registry looks like.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('tag_figure', 'sqlite_autoindex_tag_figure_1', '500000 1'),
    ('tag_figure', 'tag_figure_by_size', '500000 500 5 1'),
    ('tag_figure', 'tag_figure_by_grade', '500000 500 100 1'),
    ('tag_tally', 'sqlite_autoindex_tag_tally_1', '20000 10 3 1');
ANALYZE sqlite_schema;

-- Each repository's own share of usage, kept like those of namespaces.
INSERT INTO usage_delta (scope, bytes)
    SELECT 'repository:' || CAST(l.repository_id AS TEXT), CAST(SUM(b.size_bytes) AS BIGINT)
    FROM repo_blob l JOIN blob b ON b.digest = l.digest GROUP BY l.repository_id;
INSERT INTO usage_delta (scope, bytes)
    SELECT 'repository:' || CAST(m.repository_id AS TEXT), CAST(SUM(m.size_bytes) AS BIGINT)
    FROM manifest m GROUP BY m.repository_id;

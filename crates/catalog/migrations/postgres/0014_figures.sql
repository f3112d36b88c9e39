-- What pages of tags are ordered by and repositories are summed up from, one row for each live tag, so that neither looks
-- at every tag (ADR 0022). All three tables can be made anew from the others.
--
-- `tag_pending` says which rows may be old: of one tag, or of every tag on a digest. Triggers append to it in the
-- transaction that changes what a row is made from, so that no statement can forget it; whoever folds makes the rows
-- anew and moves `tag_tally` by the difference.
CREATE TABLE tag_pending (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tag_id BIGINT,
    digest TEXT COLLATE "C"
);

-- A grade of -1 and an empty verdict: not known yet.
CREATE TABLE tag_figure (
    tag_id BIGINT NOT NULL PRIMARY KEY,
    repository_id BIGINT NOT NULL,
    live_name TEXT COLLATE "C" NOT NULL,
    size_bytes BIGINT NOT NULL,
    grade BIGINT NOT NULL,
    verdict TEXT COLLATE "C" NOT NULL
);
CREATE INDEX tag_figure_by_size ON tag_figure (repository_id, size_bytes, live_name);
CREATE INDEX tag_figure_by_grade ON tag_figure (repository_id, grade, live_name);

-- How many live tags of a repository have this grade and this verdict.
CREATE TABLE tag_tally (
    repository_id BIGINT NOT NULL,
    grade BIGINT NOT NULL,
    verdict TEXT COLLATE "C" NOT NULL,
    tags BIGINT NOT NULL,
    PRIMARY KEY (repository_id, grade, verdict)
);

INSERT INTO system_state (name, value) VALUES ('figures', 0);
INSERT INTO tag_pending (tag_id) SELECT id FROM tag WHERE live_name IS NOT NULL;

-- Nothing is locked: rows are appended, and are seen when their transaction is.
CREATE FUNCTION tag_figure_pending() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'tag' THEN
        INSERT INTO tag_pending (tag_id) VALUES (CASE TG_OP WHEN 'DELETE' THEN OLD.id ELSE NEW.id END);
    ELSE
        INSERT INTO tag_pending (digest) VALUES (CASE TG_OP WHEN 'DELETE' THEN OLD.digest ELSE NEW.digest END);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER tag_figure_of_new AFTER INSERT ON tag
    FOR EACH ROW WHEN (NEW.live_name IS NOT NULL) EXECUTE FUNCTION tag_figure_pending();
CREATE TRIGGER tag_figure_of_changed AFTER UPDATE OF live_name, digest ON tag
    FOR EACH ROW EXECUTE FUNCTION tag_figure_pending();
CREATE TRIGGER tag_figure_of_removed AFTER DELETE ON tag
    FOR EACH ROW WHEN (OLD.live_name IS NOT NULL) EXECUTE FUNCTION tag_figure_pending();
CREATE TRIGGER tag_figure_by_closure AFTER UPDATE OF closure_bytes ON manifest
    FOR EACH ROW WHEN (NEW.closure_bytes <> OLD.closure_bytes) EXECUTE FUNCTION tag_figure_pending();
CREATE TRIGGER tag_figure_by_report AFTER INSERT OR DELETE ON image_report
    FOR EACH ROW EXECUTE FUNCTION tag_figure_pending();
CREATE TRIGGER tag_figure_by_grade_changed AFTER UPDATE OF grade ON image_report
    FOR EACH ROW WHEN (NEW.grade IS DISTINCT FROM OLD.grade) EXECUTE FUNCTION tag_figure_pending();
CREATE TRIGGER tag_figure_by_decision AFTER INSERT OR UPDATE OF is_current, verdict OR DELETE ON decision
    FOR EACH ROW EXECUTE FUNCTION tag_figure_pending();

-- Each repository's own share of usage, kept like those of namespaces.
INSERT INTO usage_delta (scope, bytes)
    SELECT 'repository:' || CAST(l.repository_id AS TEXT), CAST(SUM(b.size_bytes) AS BIGINT)
    FROM repo_blob l JOIN blob b ON b.digest = l.digest GROUP BY l.repository_id;
INSERT INTO usage_delta (scope, bytes)
    SELECT 'repository:' || CAST(m.repository_id AS TEXT), CAST(SUM(m.size_bytes) AS BIGINT)
    FROM manifest m GROUP BY m.repository_id;

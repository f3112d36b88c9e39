-- Recurring work: whoever moves `next_run` first queues the job.
CREATE TABLE schedule (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    cron TEXT COLLATE "C" NOT NULL,
    next_run BIGINT NOT NULL,
    last_run BIGINT
);
CREATE INDEX schedule_due ON schedule (next_run, name);

CREATE INDEX job_by_state ON job (state, id);

-- What may have lost its last reference, and when to look. A queue, not a map: whoever asks again appends, so that
-- nobody ever waits for a row here, and the youngest entry of a thing counts (docs/adr/0016). `repository_id` is 0 where
-- the question is not one repository's.
CREATE TABLE gc_review (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    repository_id BIGINT NOT NULL,
    digest TEXT COLLATE "C" NOT NULL,
    review_after BIGINT NOT NULL,
    review_count BIGINT NOT NULL,
    event TEXT COLLATE "C" NOT NULL
);
CREATE INDEX gc_review_due ON gc_review (kind, review_after, id);
CREATE INDEX gc_review_of ON gc_review (kind, repository_id, digest, id);

-- An object that cannot be deleted now is tried again later.
ALTER TABLE trash ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE trash ADD COLUMN last_error TEXT COLLATE "C";
ALTER TABLE trash ADD COLUMN size_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE trash ADD COLUMN try_after BIGINT NOT NULL DEFAULT 0;

-- What collection did, one row for each run that found something.
CREATE TABLE gc_run (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cause TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    reviewed BIGINT NOT NULL,
    manifests BIGINT NOT NULL,
    links BIGINT NOT NULL,
    condemned BIGINT NOT NULL,
    blobs BIGINT NOT NULL,
    evidence BIGINT NOT NULL,
    objects BIGINT NOT NULL,
    freed_bytes BIGINT NOT NULL
);

-- Switches of collection: `paused` is 0 or 1, `rate` is how many things are looked at in a second.
CREATE TABLE gc_switch (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO gc_switch (name, value) VALUES ('paused', 0), ('rate', 2000);

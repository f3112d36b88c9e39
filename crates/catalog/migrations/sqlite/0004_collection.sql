-- Recurring work: whoever moves `next_run` first queues the job.
CREATE TABLE schedule (
    name TEXT NOT NULL PRIMARY KEY,
    cron TEXT NOT NULL,
    next_run BIGINT NOT NULL,
    last_run BIGINT
);
CREATE INDEX schedule_due ON schedule (next_run, name);

CREATE INDEX job_by_state ON job (state, id);

-- What may have lost its last reference. `repository_id` is 0 where the question is not one repository's.
CREATE TABLE gc_review (
    kind TEXT NOT NULL,
    repository_id BIGINT NOT NULL,
    digest TEXT NOT NULL,
    review_after BIGINT NOT NULL,
    review_count BIGINT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (kind, repository_id, digest)
);
CREATE INDEX gc_review_due ON gc_review (kind, review_after);

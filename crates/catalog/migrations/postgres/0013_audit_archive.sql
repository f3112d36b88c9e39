-- Entries of the audit trail that became old: gzipped lines of JSON, oldest first. A later segment holds later entries.
CREATE TABLE audit_archive (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    content BYTEA NOT NULL
);

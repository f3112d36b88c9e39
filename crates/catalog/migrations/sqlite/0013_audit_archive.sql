-- Entries of the audit trail that became old: gzipped lines of JSON, oldest first. A later segment holds later entries.
CREATE TABLE audit_archive (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    content BLOB NOT NULL
);

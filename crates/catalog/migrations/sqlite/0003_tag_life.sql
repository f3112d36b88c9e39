-- The life of tags: history that can be restored, rules, expiry, retention, usage and quotas.
--
-- A scope is `system`, `namespace:NAME` or `repository:ID`.

ALTER TABLE repository ADD COLUMN state TEXT NOT NULL DEFAULT 'normal';
ALTER TABLE repository ADD COLUMN description TEXT NOT NULL DEFAULT '';

-- `sort_key` orders names as versions. `reverts_id` is the span whose target a restore brought back, `purged_at` says
-- that the span is no way back any more, `notified_at` that its expiry was announced.
ALTER TABLE tag ADD COLUMN sort_key TEXT NOT NULL DEFAULT '';
ALTER TABLE tag ADD COLUMN reverts_id BIGINT;
ALTER TABLE tag ADD COLUMN purged_at BIGINT;
ALTER TABLE tag ADD COLUMN notified_at BIGINT;
UPDATE tag SET sort_key = name;
CREATE INDEX tag_live_by_version ON tag (repository_id, sort_key, live_name) WHERE live_name IS NOT NULL;
CREATE INDEX tag_live_by_start ON tag (repository_id, start_us, live_name) WHERE live_name IS NOT NULL;
CREATE INDEX tag_expiring ON tag (expires_us, id) WHERE live_name IS NOT NULL AND expires_us IS NOT NULL;
CREATE INDEX tag_in_repository ON tag (repository_id, id);

-- A manifest deleted by digest is hidden while its tags' history can bring it back.
ALTER TABLE manifest ADD COLUMN deleted_at BIGINT;
ALTER TABLE manifest ADD COLUMN last_pulled_at BIGINT;
ALTER TABLE manifest ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';

-- `namespace` repeats what the repository's name begins with: whether a namespace has a blob is one look.
ALTER TABLE repo_blob ADD COLUMN namespace TEXT NOT NULL DEFAULT '';
UPDATE repo_blob SET namespace = (
    SELECT substr(r.name, 1, instr(r.name || '/', '/') - 1) FROM repository r WHERE r.id = repo_blob.repository_id);
CREATE INDEX repo_blob_in_namespace ON repo_blob (namespace, digest);
CREATE INDEX upload_in_repository ON upload (repository_id);

CREATE TABLE namespace_setting (
    namespace TEXT NOT NULL PRIMARY KEY,
    restore_us BIGINT NOT NULL
);

CREATE TABLE policy_immutability (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scope TEXT NOT NULL,
    repository TEXT,
    tag TEXT,
    label TEXT,
    label_value TEXT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX policy_immutability_by_scope ON policy_immutability (scope, id);

CREATE TABLE policy_retention (
    scope TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    author TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE pull_stat (
    repository_id BIGINT NOT NULL REFERENCES repository (id),
    digest TEXT NOT NULL,
    tag TEXT NOT NULL,
    day BIGINT NOT NULL,
    pulls BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (repository_id, digest, tag, day)
);
CREATE INDEX pull_stat_by_day ON pull_stat (day);

-- Used bytes of `system` and `namespace:NAME`: what is folded, and what happened since.
CREATE TABLE usage (
    scope TEXT NOT NULL PRIMARY KEY,
    bytes BIGINT NOT NULL,
    as_of BIGINT NOT NULL,
    warned BIGINT NOT NULL
);

CREATE TABLE usage_delta (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scope TEXT NOT NULL,
    bytes BIGINT NOT NULL
);
CREATE INDEX usage_delta_by_scope ON usage_delta (scope, bytes);

CREATE TABLE quota (
    scope TEXT NOT NULL PRIMARY KEY,
    limit_bytes BIGINT NOT NULL,
    warn_percent BIGINT NOT NULL,
    refuses BIGINT NOT NULL,
    author TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- `read_only` is 1 while nothing may change; the row named `usage` is the lock of those who fold it.
CREATE TABLE system_state (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO system_state (name, value) VALUES ('read_only', 0), ('usage', 0);

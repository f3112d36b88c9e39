-- The life of tags: history that can be restored, rules, expiry, retention, usage and quotas.
--
-- A scope is `system`, `namespace:NAME` or `repository:ID`.

ALTER TABLE repository ADD COLUMN state TEXT COLLATE "C" NOT NULL DEFAULT 'normal';
ALTER TABLE repository ADD COLUMN description TEXT COLLATE "C" NOT NULL DEFAULT '';

-- `sort_key` orders names as versions. `reverts_id` is the span whose target a restore brought back, `purged_at` says
-- that the span is no way back any more, `notified_at` that its expiry was announced.
ALTER TABLE tag ADD COLUMN sort_key TEXT COLLATE "C" NOT NULL DEFAULT '';
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
ALTER TABLE manifest ADD COLUMN labels TEXT COLLATE "C" NOT NULL DEFAULT '{}';

-- `namespace` repeats what the repository's name begins with: whether a namespace has a blob is one look.
ALTER TABLE repo_blob ADD COLUMN namespace TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE repo_blob SET namespace = (
    SELECT split_part(r.name, '/', 1) FROM repository r WHERE r.id = repo_blob.repository_id);
CREATE INDEX repo_blob_in_namespace ON repo_blob (namespace, digest);
CREATE INDEX upload_in_repository ON upload (repository_id);

CREATE TABLE namespace_setting (
    namespace TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    restore_us BIGINT NOT NULL
);

CREATE TABLE policy_immutability (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope TEXT COLLATE "C" NOT NULL,
    repository TEXT COLLATE "C",
    tag TEXT COLLATE "C",
    label TEXT COLLATE "C",
    label_value TEXT COLLATE "C",
    created_by TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX policy_immutability_by_scope ON policy_immutability (scope, id);

CREATE TABLE policy_retention (
    scope TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    body TEXT COLLATE "C" NOT NULL,
    enabled BIGINT NOT NULL,
    author TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE pull_stat (
    repository_id BIGINT NOT NULL REFERENCES repository (id),
    digest TEXT COLLATE "C" NOT NULL,
    tag TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    pulls BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (repository_id, digest, tag, day)
);
CREATE INDEX pull_stat_by_day ON pull_stat (day);

-- Used bytes of `system` and `namespace:NAME`: what is folded, and what happened since.
CREATE TABLE usage (
    scope TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    bytes BIGINT NOT NULL,
    as_of BIGINT NOT NULL,
    warned BIGINT NOT NULL
);

CREATE TABLE usage_delta (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope TEXT COLLATE "C" NOT NULL,
    bytes BIGINT NOT NULL
);
CREATE INDEX usage_delta_by_scope ON usage_delta (scope, bytes);

CREATE TABLE quota (
    scope TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    limit_bytes BIGINT NOT NULL,
    warn_percent BIGINT NOT NULL,
    refuses BIGINT NOT NULL,
    author TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL
);

-- `read_only` is 1 while nothing may change; the row named `usage` is the lock of those who fold it.
CREATE TABLE system_state (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO system_state (name, value) VALUES ('read_only', 0), ('usage', 0);

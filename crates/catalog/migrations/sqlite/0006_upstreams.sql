-- Other registries: where they are, what is cached of them, what is copied from them.

-- With a `namespace` the upstream is cached below that name; without one it is a source of mirrors only. The secret is
-- bound to the address it was given for: it goes when the address or the list of realms changes.
CREATE TABLE upstream (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    url TEXT NOT NULL,
    username TEXT,
    secret TEXT,
    realms TEXT NOT NULL,
    namespace TEXT UNIQUE,
    prefix TEXT NOT NULL,
    allow_patterns TEXT NOT NULL,
    deny_patterns TEXT NOT NULL,
    ttl_us BIGINT NOT NULL,
    keep_us BIGINT,
    signed_in_read BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- When a cached tag was last compared with its upstream, and last asked for.
CREATE TABLE cached_tag (
    repository_id BIGINT NOT NULL REFERENCES repository (id),
    tag TEXT NOT NULL,
    checked_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (repository_id, tag)
);
CREATE INDEX cached_tag_by_use ON cached_tag (used_at, repository_id, tag);

CREATE TABLE mirror (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository TEXT NOT NULL UNIQUE,
    upstream_id BIGINT NOT NULL REFERENCES upstream (id),
    source TEXT NOT NULL,
    filter TEXT NOT NULL,
    cron TEXT,
    enabled BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    succeeded_at BIGINT,
    outcome TEXT,
    report TEXT
);
CREATE INDEX mirror_by_upstream ON mirror (upstream_id, id);

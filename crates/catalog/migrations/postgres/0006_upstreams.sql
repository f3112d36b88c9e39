-- Other registries: where they are, what is cached of them, what is copied from them.

-- With a `namespace` the upstream is cached below that name; without one it is a source of mirrors only. The secret is
-- bound to the address it was given for: it goes when the address or the list of realms changes.
CREATE TABLE upstream (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    url TEXT COLLATE "C" NOT NULL,
    username TEXT COLLATE "C",
    secret TEXT COLLATE "C",
    realms TEXT COLLATE "C" NOT NULL,
    namespace TEXT COLLATE "C" UNIQUE,
    prefix TEXT COLLATE "C" NOT NULL,
    allow_patterns TEXT COLLATE "C" NOT NULL,
    deny_patterns TEXT COLLATE "C" NOT NULL,
    ttl_us BIGINT NOT NULL,
    keep_us BIGINT,
    signed_in_read BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- When a cached tag was last compared with its upstream, and last asked for.
CREATE TABLE cached_tag (
    repository_id BIGINT NOT NULL REFERENCES repository (id),
    tag TEXT COLLATE "C" NOT NULL,
    checked_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (repository_id, tag)
);
CREATE INDEX cached_tag_by_use ON cached_tag (used_at, repository_id, tag);

CREATE TABLE mirror (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repository TEXT COLLATE "C" NOT NULL UNIQUE,
    upstream_id BIGINT NOT NULL REFERENCES upstream (id),
    source TEXT COLLATE "C" NOT NULL,
    filter TEXT COLLATE "C" NOT NULL,
    cron TEXT COLLATE "C",
    enabled BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    succeeded_at BIGINT,
    outcome TEXT COLLATE "C",
    report TEXT COLLATE "C"
);
CREATE INDEX mirror_by_upstream ON mirror (upstream_id, id);

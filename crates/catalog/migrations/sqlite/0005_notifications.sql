-- Who is told of events. One of namespace and repository_id is set, or neither: the whole registry.
CREATE TABLE endpoint (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    namespace TEXT,
    repository_id BIGINT REFERENCES repository (id),
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    format TEXT NOT NULL,
    -- Words of kinds, separated by spaces; empty for the usual ones.
    kinds TEXT NOT NULL,
    -- Patterns, separated by spaces; empty for everything.
    repositories TEXT NOT NULL,
    tags TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    -- Since when nothing was delivered although it was tried.
    failing_since BIGINT,
    disabled_reason TEXT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX endpoint_by_namespace ON endpoint (namespace, id);
CREATE INDEX endpoint_by_repository ON endpoint (repository_id, id);

-- The outbox: what happened, written by the transaction that did it if an endpoint might want it.
CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    namespace TEXT,
    repository_id BIGINT,
    repository TEXT,
    tag TEXT,
    digest TEXT,
    actor TEXT NOT NULL,
    data TEXT
);
CREATE INDEX event_by_time ON event (at);

-- One event on its way to one endpoint.
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint_id BIGINT NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
    event_id BIGINT NOT NULL REFERENCES event (id) ON DELETE CASCADE,
    -- pending, delivered, dead
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    status BIGINT,
    excerpt TEXT,
    took_ms BIGINT,
    updated_at BIGINT NOT NULL,
    UNIQUE (endpoint_id, event_id)
);
CREATE INDEX delivery_due ON delivery (endpoint_id, state, event_id);
CREATE INDEX delivery_by_event ON delivery (event_id);

ALTER TABLE audit ADD COLUMN acting_as TEXT;
ALTER TABLE audit ADD COLUMN user_agent TEXT;
ALTER TABLE audit ADD COLUMN outcome TEXT NOT NULL DEFAULT 'success';
ALTER TABLE audit ADD COLUMN namespace TEXT;
ALTER TABLE audit ADD COLUMN occurrences BIGINT NOT NULL DEFAULT 1;
-- Set while further refusals of the same kind are counted here instead of in rows of their own.
ALTER TABLE audit ADD COLUMN fold_key TEXT;
CREATE UNIQUE INDEX audit_fold ON audit (fold_key) WHERE fold_key IS NOT NULL;
CREATE INDEX audit_by_time ON audit (at, id);
CREATE INDEX audit_by_actor ON audit (actor, at, id);
CREATE INDEX audit_by_action ON audit (action, at, id);
CREATE INDEX audit_by_repository ON audit (repository, at, id);
CREATE INDEX audit_by_namespace ON audit (namespace, at, id);

-- People and robots. Ids are never reused: a recreated name inherits nothing.
CREATE TABLE account (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    password_hash TEXT COLLATE "C",
    superuser BIGINT NOT NULL,
    disabled_at BIGINT,
    auth_epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE robot (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id BIGINT NOT NULL REFERENCES account (id),
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    secret_sha256 BYTEA NOT NULL,
    auth_epoch BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX robot_by_owner ON robot (owner_id, name);

CREATE TABLE session (
    token_sha256 BYTEA NOT NULL PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES account (id),
    auth_epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX session_by_expiry ON session (expires_at);

-- `live_name` is the name while the repository lives and NULL afterwards, so that the name is free at once.
CREATE TABLE repository (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    live_name TEXT COLLATE "C" UNIQUE,
    sparse TEXT COLLATE "C" NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE permission (
    repository_id BIGINT NOT NULL REFERENCES repository (id),
    subject_kind TEXT COLLATE "C" NOT NULL,
    subject_id BIGINT NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (repository_id, subject_kind, subject_id)
);
CREATE INDEX permission_by_subject ON permission (subject_kind, subject_id, repository_id);

-- The digest-to-key map. `repo_blob` is the only right to read a blob.
CREATE TABLE blob (
    digest TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    object_key TEXT COLLATE "C" NOT NULL UNIQUE,
    size_bytes BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    condemned_at BIGINT,
    created_at BIGINT NOT NULL
);

CREATE TABLE repo_blob (
    repository_id BIGINT NOT NULL REFERENCES repository (id),
    digest TEXT COLLATE "C" NOT NULL REFERENCES blob (digest),
    linked_at BIGINT NOT NULL,
    protected_until BIGINT NOT NULL,
    PRIMARY KEY (repository_id, digest)
);
CREATE INDEX repo_blob_by_digest ON repo_blob (digest, repository_id);

CREATE TABLE trash (
    object_key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    since BIGINT NOT NULL
);
CREATE INDEX trash_by_age ON trash (since, object_key);

CREATE TABLE upload (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    repository_id BIGINT NOT NULL REFERENCES repository (id),
    principal_kind TEXT COLLATE "C" NOT NULL,
    principal_id BIGINT NOT NULL,
    object_key TEXT COLLATE "C" NOT NULL UNIQUE,
    algorithm TEXT COLLATE "C" NOT NULL,
    durable_bytes BIGINT NOT NULL,
    hash_state BYTEA,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX upload_by_expiry ON upload (expires_at, id);

-- Bodies are shared between repositories; rights are rows of `manifest`.
CREATE TABLE manifest_body (
    digest TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    bytes BYTEA NOT NULL
);

CREATE TABLE manifest (
    repository_id BIGINT NOT NULL REFERENCES repository (id),
    digest TEXT COLLATE "C" NOT NULL REFERENCES manifest_body (digest),
    media_type TEXT COLLATE "C" NOT NULL,
    artifact_type TEXT COLLATE "C",
    config_digest TEXT COLLATE "C",
    subject TEXT COLLATE "C",
    annotations TEXT COLLATE "C" NOT NULL,
    size_bytes BIGINT NOT NULL,
    closure_bytes BIGINT NOT NULL,
    pushed_at BIGINT NOT NULL,
    protected_until BIGINT NOT NULL,
    PRIMARY KEY (repository_id, digest)
);
CREATE INDEX manifest_by_digest ON manifest (digest, repository_id);

CREATE TABLE manifest_ref (
    repository_id BIGINT NOT NULL,
    parent TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    ordinal BIGINT NOT NULL,
    digest TEXT COLLATE "C" NOT NULL,
    size_bytes BIGINT NOT NULL,
    media_type TEXT COLLATE "C" NOT NULL,
    platform TEXT COLLATE "C",
    PRIMARY KEY (repository_id, parent, kind, ordinal),
    FOREIGN KEY (repository_id, parent) REFERENCES manifest (repository_id, digest)
);
CREATE INDEX manifest_ref_in_repository ON manifest_ref (repository_id, digest);
CREATE INDEX manifest_ref_by_digest ON manifest_ref (digest);

CREATE TABLE referrer (
    repository_id BIGINT NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    digest TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (repository_id, subject, digest, source),
    FOREIGN KEY (repository_id, digest) REFERENCES manifest (repository_id, digest)
);
CREATE INDEX referrer_by_digest ON referrer (repository_id, digest);

-- One row per span of a tag's life; `live_name` is NULL in every row but the present one.
CREATE TABLE tag (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repository_id BIGINT NOT NULL REFERENCES repository (id),
    name TEXT COLLATE "C" NOT NULL,
    live_name TEXT COLLATE "C",
    digest TEXT COLLATE "C" NOT NULL,
    start_us BIGINT NOT NULL,
    end_us BIGINT,
    expires_us BIGINT,
    immutable BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    cause TEXT COLLATE "C" NOT NULL,
    end_cause TEXT COLLATE "C",
    UNIQUE (repository_id, live_name)
);
CREATE INDEX tag_history ON tag (repository_id, name, id);
CREATE INDEX tag_by_digest ON tag (repository_id, digest);
CREATE INDEX tag_target ON tag (digest, live_name);

-- Evidence. A layer is analysed once per analyser version; an image's inventory is kept apart from its matches.
CREATE TABLE layer_report (
    digest TEXT COLLATE "C" NOT NULL,
    analyser_version TEXT COLLATE "C" NOT NULL,
    diff_id TEXT COLLATE "C",
    body BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (digest, analyser_version)
);

CREATE TABLE inventory (
    digest TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    analyser_version TEXT COLLATE "C" NOT NULL,
    body BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE inventory_package (
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    digest TEXT COLLATE "C" NOT NULL REFERENCES inventory (digest),
    PRIMARY KEY (kind, name, digest)
);
CREATE INDEX inventory_package_by_digest ON inventory_package (digest);

CREATE TABLE image_report (
    digest TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    analyser_version TEXT COLLATE "C" NOT NULL,
    snapshot TEXT COLLATE "C",
    body BYTEA NOT NULL,
    grade BIGINT,
    critical BIGINT NOT NULL,
    high BIGINT NOT NULL,
    medium BIGINT NOT NULL,
    low BIGINT NOT NULL,
    negligible BIGINT NOT NULL,
    unknown BIGINT NOT NULL,
    fixable_critical BIGINT NOT NULL,
    fixable_high BIGINT NOT NULL,
    fixable_medium BIGINT NOT NULL,
    fixable_low BIGINT NOT NULL,
    fixable_negligible BIGINT NOT NULL,
    fixable_unknown BIGINT NOT NULL,
    packages BIGINT NOT NULL,
    complete BIGINT NOT NULL,
    platform TEXT COLLATE "C",
    stored_at BIGINT NOT NULL,
    as_of BIGINT,
    next_grade BIGINT,
    next_grade_at BIGINT
);

-- `is_current` is 1 in the latest decision about a manifest in its repository and NULL in the others.
CREATE TABLE decision (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    repository_id BIGINT NOT NULL REFERENCES repository (id),
    digest TEXT COLLATE "C" NOT NULL,
    tag TEXT COLLATE "C",
    door TEXT COLLATE "C" NOT NULL,
    policy_sha256 TEXT COLLATE "C" NOT NULL,
    verdict TEXT COLLATE "C" NOT NULL,
    document TEXT COLLATE "C" NOT NULL,
    valid_until BIGINT,
    decided_at BIGINT NOT NULL,
    loud_rules BIGINT NOT NULL,
    is_current BIGINT,
    UNIQUE (repository_id, digest, is_current)
);
CREATE INDEX decision_in_repository ON decision (repository_id, decided_at, id);
CREATE INDEX decision_by_policy ON decision (repository_id, digest, policy_sha256, decided_at);

CREATE TABLE policy (
    name TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    live_name TEXT COLLATE "C" UNIQUE,
    body TEXT COLLATE "C" NOT NULL,
    sha256 TEXT COLLATE "C" NOT NULL,
    author TEXT COLLATE "C" NOT NULL,
    published_at BIGINT NOT NULL,
    PRIMARY KEY (name, version)
);

-- `dedup_key` becomes NULL when the job ends.
CREATE TABLE job (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    lane BIGINT NOT NULL,
    payload TEXT COLLATE "C" NOT NULL,
    dedup_key TEXT COLLATE "C" UNIQUE,
    state TEXT COLLATE "C" NOT NULL,
    run_after BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    lease_owner TEXT COLLATE "C",
    lease_until BIGINT,
    fence BIGINT NOT NULL,
    last_error TEXT COLLATE "C"
);
CREATE INDEX job_due ON job (lane, state, run_after);

CREATE TABLE audit (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    ip TEXT COLLATE "C",
    request_id TEXT COLLATE "C",
    action TEXT COLLATE "C" NOT NULL,
    repository TEXT COLLATE "C",
    target TEXT COLLATE "C",
    detail TEXT COLLATE "C"
);

-- Private keys of registry tokens; the latest signs, all verify.
CREATE TABLE signing_key (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    pkcs8 BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

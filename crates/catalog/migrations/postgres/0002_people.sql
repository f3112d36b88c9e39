-- People: organisations, teams, outside identities, robots with an end, credentials, rights on patterns, visibility.

-- An organisation is an account that nobody signs in to; its teams say who owns it.
ALTER TABLE account ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT 'user';
ALTER TABLE account ADD COLUMN email TEXT COLLATE "C";
ALTER TABLE account ADD COLUMN reader_superuser BIGINT NOT NULL DEFAULT 0;

ALTER TABLE robot ADD COLUMN description TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE robot ADD COLUMN disabled_at BIGINT;
ALTER TABLE robot ADD COLUMN expires_at BIGINT;
ALTER TABLE robot ADD COLUMN federation_issuer TEXT COLLATE "C";
ALTER TABLE robot ADD COLUMN federation_subject TEXT COLLATE "C";
ALTER TABLE robot ADD COLUMN federation_audience TEXT COLLATE "C";

-- Who an identity provider says somebody is. `last_groups` is replaced at each sign-in, never appended to.
CREATE TABLE identity (
    issuer TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    account_id BIGINT NOT NULL REFERENCES account (id),
    email TEXT COLLATE "C",
    last_groups TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identity_by_account ON identity (account_id);

CREATE TABLE team (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id BIGINT NOT NULL REFERENCES account (id),
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    sync_source TEXT COLLATE "C",
    sync_group TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    UNIQUE (org_id, name)
);
CREATE INDEX team_by_sync ON team (sync_source, sync_group);

-- A membership with a `sync_source` came from that provider's groups, and goes with them.
CREATE TABLE team_member (
    team_id BIGINT NOT NULL REFERENCES team (id),
    member_kind TEXT COLLATE "C" NOT NULL,
    member_id BIGINT NOT NULL,
    sync_source TEXT COLLATE "C",
    sync_group TEXT COLLATE "C",
    added_at BIGINT NOT NULL,
    PRIMARY KEY (team_id, member_kind, member_id)
);
CREATE INDEX team_member_by_member ON team_member (member_kind, member_id, team_id);

-- Secrets that stand for a principal, by hash. `scopes` is NULL where nothing is narrowed; `parent_id` names the
-- credential that a refresh token was made from, and that it ends with.
CREATE TABLE credential (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    secret_sha256 BYTEA NOT NULL UNIQUE,
    kind TEXT COLLATE "C" NOT NULL,
    principal_kind TEXT COLLATE "C" NOT NULL,
    principal_id BIGINT NOT NULL,
    parent_id TEXT COLLATE "C",
    label TEXT COLLATE "C" NOT NULL,
    scopes TEXT COLLATE "C",
    auth_epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX credential_by_principal ON credential (principal_kind, principal_id, kind, created_at);
CREATE INDEX credential_by_expiry ON credential (expires_at);
CREATE INDEX credential_by_parent ON credential (parent_id);

-- A robot's secrets are credentials, so that there can be two while one replaces the other.
INSERT INTO credential (id, secret_sha256, kind, principal_kind, principal_id, label, auth_epoch, created_at)
    SELECT CAST(gen_random_uuid() AS TEXT), secret_sha256, 'robot', 'robot', id, 'first', auth_epoch, created_at FROM robot;
ALTER TABLE robot DROP COLUMN secret_sha256;

-- Roles on every repository whose name matches. `name_like` and `slashes` are the pattern as both engines match it;
-- `namespace` is its first component, or `*` where that is no plain text.
CREATE TABLE pattern_permission (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace TEXT COLLATE "C" NOT NULL,
    pattern TEXT COLLATE "C" NOT NULL,
    name_like TEXT COLLATE "C" NOT NULL,
    slashes BIGINT,
    subject_kind TEXT COLLATE "C" NOT NULL,
    subject_id BIGINT NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    granted_by TEXT COLLATE "C" NOT NULL,
    granted_at BIGINT NOT NULL,
    UNIQUE (pattern, subject_kind, subject_id)
);
CREATE INDEX pattern_permission_by_subject ON pattern_permission (subject_kind, subject_id, namespace);
CREATE INDEX pattern_permission_by_namespace ON pattern_permission (namespace, pattern);

-- What a new repository of an account gives to whom. An empty `creator_kind` means: whoever creates it.
CREATE TABLE default_permission (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES account (id),
    creator_kind TEXT COLLATE "C" NOT NULL,
    creator_id BIGINT NOT NULL,
    delegate_kind TEXT COLLATE "C" NOT NULL,
    delegate_id BIGINT NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    granted_at BIGINT NOT NULL,
    UNIQUE (account_id, creator_kind, creator_id, delegate_kind, delegate_id)
);
CREATE INDEX default_permission_by_delegate ON default_permission (delegate_kind, delegate_id);
CREATE INDEX default_permission_by_creator ON default_permission (creator_kind, creator_id);

-- `namespace` is the name's first component; the account of that name owns the repository.
ALTER TABLE repository ADD COLUMN namespace TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE repository ADD COLUMN visibility TEXT COLLATE "C" NOT NULL DEFAULT 'private';
UPDATE repository SET namespace = split_part(name, '/', 1);
CREATE INDEX repository_by_namespace ON repository (namespace, live_name);
CREATE INDEX repository_by_visibility ON repository (visibility, live_name);

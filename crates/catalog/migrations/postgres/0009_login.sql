-- Refused sign-ins, counted per account and address, per account, and per address. `kind` says which; the part that a
-- kind does not use is empty. A row counts until it expires.
CREATE TABLE login_failure (
    kind TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    failures BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (kind, account, address)
);
CREATE INDEX login_failure_by_expiry ON login_failure (expires_at);

-- When the identity's source was last asked, since when it no longer lets it in, and whether it made the account a
-- superuser; when the source last vouched for it, and what it can be asked with again.
ALTER TABLE identity ADD COLUMN checked_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE identity ADD COLUMN suspended_at BIGINT;
ALTER TABLE identity ADD COLUMN gave_superuser BIGINT NOT NULL DEFAULT 0;
ALTER TABLE identity ADD COLUMN vouched_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE identity ADD COLUMN renewal TEXT COLLATE "C";
CREATE INDEX identity_by_check ON identity (issuer, checked_at, subject);

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

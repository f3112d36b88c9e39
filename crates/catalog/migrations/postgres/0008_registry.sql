-- Simple-signing signatures: messages about a manifest, gone with it.
CREATE TABLE simple_signature (
    repository_id BIGINT NOT NULL,
    digest TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    content BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (repository_id, digest, name),
    FOREIGN KEY (repository_id, digest) REFERENCES manifest (repository_id, digest) ON DELETE CASCADE
);

-- Until now nobody could choose: what stands there was the default.
UPDATE repository SET sparse = 'default';

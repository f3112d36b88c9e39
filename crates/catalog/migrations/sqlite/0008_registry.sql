-- Simple-signing signatures: messages about a manifest, gone with it.
CREATE TABLE simple_signature (
    repository_id BIGINT NOT NULL,
    digest TEXT NOT NULL,
    name TEXT NOT NULL,
    content BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (repository_id, digest, name),
    FOREIGN KEY (repository_id, digest) REFERENCES manifest (repository_id, digest) ON DELETE CASCADE
);

-- Until now nobody could choose: what stands there was the default.
UPDATE repository SET sparse = 'default';

-- Counters by which a server knows that what it read lately still holds. Triggers move them, so that no statement, not
-- even one typed by hand, can change what they stand for and forget it (ADR 0019).

-- Moves with everything in a repository that a pull depends on; a repository without a row has none yet.
CREATE TABLE repository_generation (
    repository_id BIGINT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

-- One row: `people` moves with every right and every principal, `policies` with every policy.
CREATE TABLE generation (
    id BIGINT NOT NULL PRIMARY KEY,
    people BIGINT NOT NULL,
    policies BIGINT NOT NULL
);
INSERT INTO generation (id, people, policies) VALUES (1, 0, 0);

CREATE TRIGGER tag_added AFTER INSERT ON tag BEGIN
    INSERT INTO repository_generation (repository_id, value) VALUES (NEW.repository_id, 1)
        ON CONFLICT (repository_id) DO UPDATE SET value = value + 1; END;
CREATE TRIGGER tag_changed AFTER UPDATE ON tag BEGIN
    INSERT INTO repository_generation (repository_id, value) VALUES (NEW.repository_id, 1)
        ON CONFLICT (repository_id) DO UPDATE SET value = value + 1; END;
CREATE TRIGGER tag_removed AFTER DELETE ON tag BEGIN
    INSERT INTO repository_generation (repository_id, value) VALUES (OLD.repository_id, 1)
        ON CONFLICT (repository_id) DO UPDATE SET value = value + 1; END;
CREATE TRIGGER manifest_added AFTER INSERT ON manifest BEGIN
    INSERT INTO repository_generation (repository_id, value) VALUES (NEW.repository_id, 1)
        ON CONFLICT (repository_id) DO UPDATE SET value = value + 1; END;
CREATE TRIGGER manifest_changed AFTER UPDATE OF deleted_at, media_type ON manifest BEGIN
    INSERT INTO repository_generation (repository_id, value) VALUES (NEW.repository_id, 1)
        ON CONFLICT (repository_id) DO UPDATE SET value = value + 1; END;
CREATE TRIGGER manifest_removed AFTER DELETE ON manifest BEGIN
    INSERT INTO repository_generation (repository_id, value) VALUES (OLD.repository_id, 1)
        ON CONFLICT (repository_id) DO UPDATE SET value = value + 1; END;
-- A link that is new shows nothing that was not there; one that goes takes a right away.
CREATE TRIGGER repo_blob_removed AFTER DELETE ON repo_blob BEGIN
    INSERT INTO repository_generation (repository_id, value) VALUES (OLD.repository_id, 1)
        ON CONFLICT (repository_id) DO UPDATE SET value = value + 1; END;
-- A blob that was uploaded anew has another object.
CREATE TRIGGER blob_moved AFTER UPDATE OF object_key ON blob BEGIN
    UPDATE repository_generation SET value = value + 1
        WHERE repository_id IN (SELECT repository_id FROM repo_blob WHERE digest = NEW.digest); END;

CREATE TRIGGER account_added AFTER INSERT ON account BEGIN UPDATE generation SET people = people + 1; END;
CREATE TRIGGER account_changed AFTER UPDATE ON account BEGIN UPDATE generation SET people = people + 1; END;
CREATE TRIGGER account_removed AFTER DELETE ON account BEGIN UPDATE generation SET people = people + 1; END;

-- Visibility is a right that everybody has.
CREATE TRIGGER visibility_changed AFTER UPDATE OF visibility ON repository BEGIN
    UPDATE generation SET people = people + 1; END;

CREATE TRIGGER robot_added AFTER INSERT ON robot BEGIN UPDATE generation SET people = people + 1; END;
CREATE TRIGGER robot_changed AFTER UPDATE ON robot BEGIN UPDATE generation SET people = people + 1; END;
CREATE TRIGGER robot_removed AFTER DELETE ON robot BEGIN UPDATE generation SET people = people + 1; END;

CREATE TRIGGER team_added AFTER INSERT ON team BEGIN UPDATE generation SET people = people + 1; END;
CREATE TRIGGER team_changed AFTER UPDATE ON team BEGIN UPDATE generation SET people = people + 1; END;
CREATE TRIGGER team_removed AFTER DELETE ON team BEGIN UPDATE generation SET people = people + 1; END;

CREATE TRIGGER team_member_added AFTER INSERT ON team_member BEGIN UPDATE generation SET people = people + 1; END;
CREATE TRIGGER team_member_changed AFTER UPDATE ON team_member BEGIN UPDATE generation SET people = people + 1; END;
CREATE TRIGGER team_member_removed AFTER DELETE ON team_member BEGIN UPDATE generation SET people = people + 1; END;

CREATE TRIGGER permission_added AFTER INSERT ON permission BEGIN UPDATE generation SET people = people + 1; END;
CREATE TRIGGER permission_changed AFTER UPDATE ON permission BEGIN UPDATE generation SET people = people + 1; END;
CREATE TRIGGER permission_removed AFTER DELETE ON permission BEGIN UPDATE generation SET people = people + 1; END;

CREATE TRIGGER pattern_permission_added AFTER INSERT ON pattern_permission BEGIN UPDATE generation SET people = people + 1; END;
CREATE TRIGGER pattern_permission_changed AFTER UPDATE ON pattern_permission BEGIN UPDATE generation SET people = people + 1; END;
CREATE TRIGGER pattern_permission_removed AFTER DELETE ON pattern_permission BEGIN UPDATE generation SET people = people + 1; END;

CREATE TRIGGER default_permission_added AFTER INSERT ON default_permission BEGIN UPDATE generation SET people = people + 1; END;
CREATE TRIGGER default_permission_changed AFTER UPDATE ON default_permission BEGIN UPDATE generation SET people = people + 1; END;
CREATE TRIGGER default_permission_removed AFTER DELETE ON default_permission BEGIN UPDATE generation SET people = people + 1; END;

-- That a credential was used is no change of it.
CREATE TRIGGER credential_changed AFTER UPDATE OF scopes, auth_epoch, expires_at, revoked_at ON credential BEGIN
    UPDATE generation SET people = people + 1; END;
CREATE TRIGGER credential_removed AFTER DELETE ON credential BEGIN UPDATE generation SET people = people + 1; END;

CREATE TRIGGER policy_added AFTER INSERT ON policy BEGIN UPDATE generation SET policies = policies + 1; END;
CREATE TRIGGER policy_changed AFTER UPDATE ON policy BEGIN UPDATE generation SET policies = policies + 1; END;
CREATE TRIGGER policy_removed AFTER DELETE ON policy BEGIN UPDATE generation SET policies = policies + 1; END;

-- Counters by which a server knows that what it read lately still holds. Triggers move them, so that no statement, not
-- even one typed by hand, can change what they stand for and forget it (ADR 0019).
--
-- The triggers wait until the transaction ends: the counters' rows are then locked last, after everything else, and
-- only while the transaction commits.

-- Moves with everything in a repository that a pull depends on; a repository without a row has none yet. No column of
-- `repository`: pushes share that row's lock while they run, and could not let each other change it.
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

CREATE FUNCTION repository_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO repository_generation AS g (repository_id, value)
        VALUES (CASE TG_OP WHEN 'DELETE' THEN OLD.repository_id ELSE NEW.repository_id END, 1)
        ON CONFLICT (repository_id) DO UPDATE SET value = g.value + 1;
    RETURN NULL;
END $$;

CREATE FUNCTION blob_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE repository_generation SET value = value + 1 WHERE repository_id IN (
        SELECT g.repository_id FROM repository_generation g
        WHERE g.repository_id IN (SELECT repository_id FROM repo_blob WHERE digest = NEW.digest)
        ORDER BY g.repository_id FOR UPDATE);
    RETURN NULL;
END $$;

CREATE FUNCTION people_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE generation SET people = people + 1;
    RETURN NULL;
END $$;

CREATE FUNCTION policies_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE generation SET policies = policies + 1;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER tag_changed AFTER INSERT OR UPDATE OR DELETE ON tag
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION repository_changed();
CREATE CONSTRAINT TRIGGER manifest_changed AFTER INSERT OR UPDATE OF deleted_at, media_type OR DELETE ON manifest
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION repository_changed();
-- A link that is new shows nothing that was not there; one that goes takes a right away.
CREATE CONSTRAINT TRIGGER repo_blob_removed AFTER DELETE ON repo_blob
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION repository_changed();
-- A blob that was uploaded anew has another object.
CREATE CONSTRAINT TRIGGER blob_moved AFTER UPDATE OF object_key ON blob
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION blob_changed();

CREATE CONSTRAINT TRIGGER account_changed AFTER INSERT OR UPDATE OR DELETE ON account
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION people_changed();
-- Visibility is a right that everybody has.
CREATE CONSTRAINT TRIGGER visibility_changed AFTER UPDATE OF visibility ON repository
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION people_changed();
CREATE CONSTRAINT TRIGGER robot_changed AFTER INSERT OR UPDATE OR DELETE ON robot
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION people_changed();
CREATE CONSTRAINT TRIGGER team_changed AFTER INSERT OR UPDATE OR DELETE ON team
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION people_changed();
CREATE CONSTRAINT TRIGGER team_member_changed AFTER INSERT OR UPDATE OR DELETE ON team_member
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION people_changed();
CREATE CONSTRAINT TRIGGER permission_changed AFTER INSERT OR UPDATE OR DELETE ON permission
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION people_changed();
CREATE CONSTRAINT TRIGGER pattern_permission_changed AFTER INSERT OR UPDATE OR DELETE ON pattern_permission
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION people_changed();
CREATE CONSTRAINT TRIGGER default_permission_changed AFTER INSERT OR UPDATE OR DELETE ON default_permission
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION people_changed();
-- That a credential was used is no change of it.
CREATE CONSTRAINT TRIGGER credential_changed AFTER UPDATE OF scopes, auth_epoch, expires_at, revoked_at OR DELETE ON credential
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION people_changed();
CREATE CONSTRAINT TRIGGER policy_changed AFTER INSERT OR UPDATE OR DELETE ON policy
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION policies_changed();

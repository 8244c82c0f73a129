-- What nothing said so far: who set secrets and changed tiers, and which bytes were quarantined once.

-- A secret's name and the host it is for, and the tier that a version has from then on; null where an action is about none.
ALTER TABLE tool_history ADD COLUMN secret TEXT;
ALTER TABLE tool_history ADD COLUMN host TEXT;
ALTER TABLE tool_history ADD COLUMN tier TEXT;

-- Quarantines that are over; those that hold are in `tool_quarantines`. Only ever added to: bytes may be quarantined again.
CREATE TABLE tool_quarantines_ended (
    digest TEXT NOT NULL,
    seq BIGINT NOT NULL,
    actor TEXT NOT NULL,
    why TEXT NOT NULL,
    at BIGINT NOT NULL,
    released_by TEXT NOT NULL,
    released_why TEXT NOT NULL,
    released_at BIGINT NOT NULL,
    PRIMARY KEY (digest, seq)
);

-- What was compiled of the bytes counts as the tenant's, as it was when they were uploaded; 0 of those from before.
ALTER TABLE tool_versions ADD COLUMN compiled_bytes BIGINT NOT NULL DEFAULT 0;

-- For those that look for what is too old, of whichever tool.
CREATE INDEX tool_runs_by_window ON tool_runs (window_at);

-- Tenants' tools: what was uploaded, what the gate found, which version calls get, and how its runs went.

CREATE TABLE tools (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (tenant, name)
);

-- `state` is `accepted` or `refused`; what is quarantined is in `tool_quarantines`. The bytes are in files named by
-- `digest`, which is their SHA-256 in hex.
CREATE TABLE tool_versions (
    tenant TEXT NOT NULL,
    tool TEXT NOT NULL,
    digest TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    state TEXT NOT NULL,
    refusal TEXT,
    gate TEXT NOT NULL,
    engine TEXT NOT NULL,
    report_json TEXT NOT NULL,
    uploaded_by TEXT NOT NULL,
    uploaded_at BIGINT NOT NULL,
    checked_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (tenant, tool, digest),
    FOREIGN KEY (tenant, tool) REFERENCES tools (tenant, name)
);
CREATE INDEX tool_versions_by_digest ON tool_versions (digest, tenant, tool);

CREATE TABLE tool_quarantines (
    digest TEXT NOT NULL PRIMARY KEY,
    actor TEXT NOT NULL,
    why TEXT NOT NULL,
    at BIGINT NOT NULL
);

-- `alias` is `live` or `canary`; `share` is the canary's part of the calls, in percent. A projection of `tool_history`.
CREATE TABLE tool_aliases (
    tenant TEXT NOT NULL,
    tool TEXT NOT NULL,
    alias TEXT NOT NULL,
    digest TEXT NOT NULL,
    share BIGINT NOT NULL,
    PRIMARY KEY (tenant, tool, alias),
    FOREIGN KEY (tenant, tool, digest) REFERENCES tool_versions (tenant, tool, digest)
);
CREATE INDEX tool_aliases_by_digest ON tool_aliases (digest);

-- Who did what to a tool, when and why. Only ever added to; it outlives what it tells of.
CREATE TABLE tool_history (
    tenant TEXT NOT NULL,
    tool TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    alias TEXT,
    from_digest TEXT,
    to_digest TEXT,
    share BIGINT,
    why TEXT NOT NULL,
    PRIMARY KEY (tenant, tool, seq),
    FOREIGN KEY (tenant, tool) REFERENCES tools (tenant, name)
);

-- Runs of a version, added up from `window_at` on. `up_to_10` to `longer` count them by how long they took.
CREATE TABLE tool_runs (
    tenant TEXT NOT NULL,
    tool TEXT NOT NULL,
    digest TEXT NOT NULL,
    window_at BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    traps BIGINT NOT NULL,
    timeouts BIGINT NOT NULL,
    faults BIGINT NOT NULL,
    cpu_ms BIGINT NOT NULL,
    took_ms BIGINT NOT NULL,
    up_to_10 BIGINT NOT NULL,
    up_to_30 BIGINT NOT NULL,
    up_to_100 BIGINT NOT NULL,
    up_to_300 BIGINT NOT NULL,
    up_to_1000 BIGINT NOT NULL,
    up_to_3000 BIGINT NOT NULL,
    longer BIGINT NOT NULL,
    PRIMARY KEY (tenant, tool, digest, window_at),
    FOREIGN KEY (tenant, tool) REFERENCES tools (tenant, name)
);

-- The last errors of a tool only.
CREATE TABLE tool_errors (
    tenant TEXT NOT NULL,
    tool TEXT NOT NULL,
    seq BIGINT NOT NULL,
    digest TEXT NOT NULL,
    call TEXT NOT NULL,
    at BIGINT NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (tenant, tool, seq),
    FOREIGN KEY (tenant, tool) REFERENCES tools (tenant, name)
);

CREATE TABLE tool_secrets (
    tenant TEXT NOT NULL,
    tool TEXT NOT NULL,
    handle TEXT NOT NULL,
    value TEXT NOT NULL,
    set_by TEXT NOT NULL,
    set_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, tool, handle),
    FOREIGN KEY (tenant, tool) REFERENCES tools (tenant, name)
);

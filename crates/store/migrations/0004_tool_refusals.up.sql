-- The last uploads of a tenant that were refused: by whom, when, and why. `took_ms` is how long the gate took, 0 where it
-- was not asked. `item` and `mend` are empty where there is nothing to say.
CREATE TABLE tool_refusals (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    digest TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    tier TEXT NOT NULL,
    code TEXT NOT NULL,
    item TEXT NOT NULL,
    mend TEXT NOT NULL,
    took_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, seq)
);

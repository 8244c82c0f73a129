-- Times are milliseconds since the Unix epoch. Ids and keys are compared by bytes.

CREATE TABLE tenants (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    api_key_sha256 TEXT UNIQUE,
    routing_json TEXT,
    created_at BIGINT NOT NULL
);

CREATE TABLE agents (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    config_json TEXT NOT NULL,
    tools_json TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- A number belongs to one tenant: it is how a carrier's call finds its tenant.
CREATE TABLE numbers (
    number TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL REFERENCES tenants (id),
    agent TEXT,
    created_at BIGINT NOT NULL,
    FOREIGN KEY (tenant, agent) REFERENCES agents (tenant, id)
);
CREATE INDEX numbers_by_tenant ON numbers (tenant, number);

-- `status_order` ranks statuses, so that reports may come in any order.
CREATE TABLE calls (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    carrier TEXT NOT NULL,
    carrier_call_id TEXT NOT NULL,
    from_number TEXT NOT NULL,
    to_number TEXT NOT NULL,
    direction TEXT NOT NULL,
    agent TEXT,
    status TEXT NOT NULL,
    status_sequence BIGINT,
    status_order BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    answered_at BIGINT,
    ended_at BIGINT,
    duration_s BIGINT,
    end_reason TEXT,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, carrier, carrier_call_id)
);
CREATE INDEX calls_by_start ON calls (tenant, started_at, id);
CREATE INDEX calls_by_caller ON calls (tenant, from_number, started_at, id);

CREATE TABLE call_events (
    tenant TEXT NOT NULL,
    call TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (tenant, call, seq),
    FOREIGN KEY (tenant, call) REFERENCES calls (tenant, id)
);

-- A projection of `call_events`, written with them; can be dropped and rebuilt.
CREATE TABLE turns (
    tenant TEXT NOT NULL,
    call TEXT NOT NULL,
    turn BIGINT NOT NULL,
    began_at BIGINT NOT NULL,
    caller TEXT NOT NULL DEFAULT '',
    said TEXT NOT NULL DEFAULT '',
    heard TEXT NOT NULL DEFAULT '',
    interrupted BIGINT NOT NULL DEFAULT 0,
    sentiment_label TEXT,
    sentiment_score DOUBLE PRECISION,
    latency_json TEXT,
    PRIMARY KEY (tenant, call, turn),
    FOREIGN KEY (tenant, call) REFERENCES calls (tenant, id)
);

CREATE TABLE customers (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    phone TEXT NOT NULL,
    name TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, phone)
);

-- `embedding` holds 32-bit floats, little-endian, one after the other.
CREATE TABLE memories (
    tenant TEXT NOT NULL,
    customer TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    embedding BLOB NOT NULL,
    model TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant, customer, id),
    FOREIGN KEY (tenant, customer) REFERENCES customers (tenant, id)
);
CREATE INDEX memories_by_time ON memories (tenant, customer, at, id);

CREATE TABLE tool_records (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant, key)
);

-- The sum over `tool_records`, kept with them, so that a quota costs no scan.
CREATE TABLE tool_record_usage (
    tenant TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
    records BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);

-- Projections of `tool_records` by the first part of their keys; can be rebuilt.
CREATE TABLE appointments (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    phone TEXT,
    name TEXT,
    service TEXT,
    start_at TEXT,
    end_at TEXT,
    status TEXT,
    data_json TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX appointments_by_start ON appointments (tenant, start_at, id);

CREATE TABLE leads (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    phone TEXT,
    name TEXT,
    status TEXT,
    data_json TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE notifications (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    channel TEXT,
    recipient TEXT,
    status TEXT,
    data_json TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- `result` is absent while the first claimant is still at work.
CREATE TABLE idempotency_keys (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    result TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant, scope, key)
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (tenant, at);

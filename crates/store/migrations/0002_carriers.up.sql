-- What carriers say of calls, what we ask of carriers, and limits.

-- Two accounts of a call, from which its status, times and end follow in one statement: `log_` is that of our own log,
-- `heard_` that of the carriers' events. So neither has to know the other, and it does not matter which comes first.
-- `heard_events` counts `carrier_events`: whoever adds one says how many there were.
ALTER TABLE calls ADD COLUMN carrier_alias_id TEXT;
ALTER TABLE calls ADD COLUMN carrier_session_id TEXT;
ALTER TABLE calls ADD COLUMN end_fault TEXT;
ALTER TABLE calls ADD COLUMN cost_micros BIGINT;
ALTER TABLE calls ADD COLUMN cost_currency TEXT;
ALTER TABLE calls ADD COLUMN answered_by TEXT;
ALTER TABLE calls ADD COLUMN variables_json TEXT;
ALTER TABLE calls ADD COLUMN decision_json TEXT;
ALTER TABLE calls ADD COLUMN log_answered_at BIGINT;
ALTER TABLE calls ADD COLUMN log_status TEXT;
ALTER TABLE calls ADD COLUMN log_ended_at BIGINT;
ALTER TABLE calls ADD COLUMN log_end_reason TEXT;
ALTER TABLE calls ADD COLUMN log_end_fault TEXT;
ALTER TABLE calls ADD COLUMN log_end_detail BIGINT;
ALTER TABLE calls ADD COLUMN heard_events BIGINT NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN heard_status TEXT;
ALTER TABLE calls ADD COLUMN heard_order BIGINT;
ALTER TABLE calls ADD COLUMN heard_answered_at BIGINT;
ALTER TABLE calls ADD COLUMN heard_ended_at BIGINT;
ALTER TABLE calls ADD COLUMN heard_end_reason TEXT;
ALTER TABLE calls ADD COLUMN heard_end_fault TEXT;
ALTER TABLE calls ADD COLUMN heard_end_detail BIGINT;
-- 1 where the call is only taken for `failed` because nobody said that it was answered.
ALTER TABLE calls ADD COLUMN heard_broken BIGINT NOT NULL DEFAULT 0;

-- The numbering of reports is in `carrier_events` now; `status_order` only ranks statuses.
ALTER TABLE calls DROP COLUMN status_sequence;
UPDATE calls SET status_order = CASE status
    WHEN 'queued' THEN 0 WHEN 'initiated' THEN 1 WHEN 'ringing' THEN 2 WHEN 'in-progress' THEN 3 ELSE 4 END;

-- What was known of a call counts as our log's account. So far every call was inbound.
UPDATE calls SET
    log_answered_at = answered_at,
    log_status = CASE WHEN status_order = 4 THEN status END,
    log_ended_at = CASE WHEN status_order = 4 THEN COALESCE(ended_at, started_at) END,
    log_end_reason = end_reason,
    log_end_detail = CASE WHEN end_reason = 'caller-hangup' THEN 2 WHEN end_reason IS NOT NULL THEN 3 END,
    log_end_fault = CASE end_reason
        WHEN 'agent-hangup' THEN 'agent' WHEN 'transferred' THEN 'agent'
        WHEN 'caller-hangup' THEN 'caller' WHEN 'silence' THEN 'caller'
        WHEN 'max-duration' THEN 'tenant' WHEN 'max-turns' THEN 'tenant'
        WHEN 'carrier-lost' THEN 'carrier' WHEN 'voicemail-reached' THEN 'callee'
        WHEN 'stt-failed' THEN 'vendor' WHEN 'llm-failed' THEN 'vendor' WHEN 'tts-failed' THEN 'vendor'
        WHEN 'platform-error' THEN 'platform' WHEN 'drained' THEN 'platform' END;
UPDATE calls SET end_fault = log_end_fault;

CREATE INDEX calls_by_carrier_id ON calls (carrier, carrier_call_id);
CREATE INDEX calls_by_alias ON calls (carrier, carrier_alias_id);
CREATE INDEX calls_by_session ON calls (carrier, carrier_session_id);

ALTER TABLE tenants ADD COLUMN max_live_calls BIGINT;

-- Every word of the carriers on a call, in the order of arrival: `CallState` is replayed from it.
CREATE TABLE carrier_events (
    tenant TEXT NOT NULL,
    call TEXT NOT NULL,
    seq BIGINT NOT NULL,
    carrier TEXT NOT NULL,
    event_id TEXT NOT NULL,
    applied TEXT NOT NULL,
    at BIGINT NOT NULL,
    event_json TEXT NOT NULL,
    PRIMARY KEY (tenant, call, seq),
    UNIQUE (tenant, call, carrier, event_id),
    FOREIGN KEY (tenant, call) REFERENCES calls (tenant, id)
);

-- What carriers are to be told. `state` is `due`, `done` or `failed`.
CREATE TABLE carrier_commands (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    call TEXT NOT NULL,
    seq BIGINT NOT NULL,
    carrier TEXT NOT NULL,
    carrier_call_id TEXT NOT NULL,
    action TEXT NOT NULL,
    body_json TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    next_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    lease_owner TEXT,
    lease_until BIGINT,
    error TEXT,
    created_at BIGINT NOT NULL,
    settled_at BIGINT,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, call, seq),
    FOREIGN KEY (tenant, call) REFERENCES calls (tenant, id)
);
CREATE INDEX carrier_commands_due ON carrier_commands (state, next_at);
CREATE INDEX carrier_commands_by_expiry ON carrier_commands (state, expires_at);

-- Calls that we place. `state` is `queued`, `placing`, `uncertain`, `placed`, `failed` or `cancelled`.
CREATE TABLE outbound_orders (
    tenant TEXT NOT NULL,
    call TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    carrier TEXT NOT NULL,
    agent TEXT NOT NULL,
    from_number TEXT NOT NULL,
    to_number TEXT NOT NULL,
    variables_json TEXT NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    hours_json TEXT,
    detect_machine BIGINT NOT NULL,
    record BIGINT NOT NULL,
    ring_ms BIGINT NOT NULL,
    max_live BIGINT,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    attempt_id TEXT,
    attempted_at BIGINT,
    next_at BIGINT NOT NULL,
    lease_owner TEXT,
    lease_until BIGINT,
    error TEXT,
    created_at BIGINT NOT NULL,
    settled_at BIGINT,
    PRIMARY KEY (tenant, call),
    UNIQUE (tenant, key),
    FOREIGN KEY (tenant, call) REFERENCES calls (tenant, id),
    FOREIGN KEY (tenant, agent) REFERENCES agents (tenant, id)
);
CREATE INDEX outbound_orders_due ON outbound_orders (state, next_at);
CREATE INDEX outbound_orders_by_attempt ON outbound_orders (tenant, attempted_at);

-- `arrives_at` is the theoretical arrival time of the generic cell rate algorithm, in microseconds since the Unix epoch.
CREATE TABLE limits (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    arrives_at BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX limits_by_arrival ON limits (arrives_at);

CREATE TABLE deliveries (
    scheme TEXT NOT NULL,
    key TEXT NOT NULL,
    forget_at BIGINT NOT NULL,
    PRIMARY KEY (scheme, key)
);
CREATE INDEX deliveries_by_time ON deliveries (forget_at);

CREATE TABLE webhook_keys (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    scheme TEXT NOT NULL,
    secret TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX webhook_keys_by_scheme ON webhook_keys (tenant, scheme, created_at);

-- A projection of `carrier_events`, and what became of fetching. `state` is `known`, `fetched` or `failed`.
CREATE TABLE recordings (
    tenant TEXT NOT NULL,
    call TEXT NOT NULL,
    id TEXT NOT NULL,
    url TEXT,
    duration_ms BIGINT,
    state TEXT NOT NULL,
    bytes BIGINT,
    sha256 TEXT,
    fetched_at BIGINT,
    error TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, call, id),
    FOREIGN KEY (tenant, call) REFERENCES calls (tenant, id)
);

CREATE INDEX recordings_due ON recordings (state, created_at);

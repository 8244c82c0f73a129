DROP TABLE recordings;
DROP TABLE webhook_keys;
DROP TABLE deliveries;
DROP TABLE limits;
DROP TABLE outbound_orders;
DROP TABLE carrier_commands;
DROP TABLE carrier_events;

ALTER TABLE tenants DROP COLUMN max_live_calls;

DROP INDEX calls_by_session;
DROP INDEX calls_by_alias;
DROP INDEX calls_by_carrier_id;

-- As schema 1 ranks a report without a number: an end is above everything, then the usual course of a call.
ALTER TABLE calls ADD COLUMN status_sequence BIGINT;
UPDATE calls SET status_order = CASE status
    WHEN 'queued' THEN 0 WHEN 'initiated' THEN 1 WHEN 'ringing' THEN 2 WHEN 'in-progress' THEN 3
    WHEN 'completed' THEN 1099511627780 WHEN 'busy' THEN 1099511627781 WHEN 'failed' THEN 1099511627782
    WHEN 'no-answer' THEN 1099511627783 ELSE 1099511627784 END;

ALTER TABLE calls DROP COLUMN heard_broken;
ALTER TABLE calls DROP COLUMN heard_end_detail;
ALTER TABLE calls DROP COLUMN heard_end_fault;
ALTER TABLE calls DROP COLUMN heard_end_reason;
ALTER TABLE calls DROP COLUMN heard_ended_at;
ALTER TABLE calls DROP COLUMN heard_answered_at;
ALTER TABLE calls DROP COLUMN heard_order;
ALTER TABLE calls DROP COLUMN heard_status;
ALTER TABLE calls DROP COLUMN heard_events;
ALTER TABLE calls DROP COLUMN log_end_detail;
ALTER TABLE calls DROP COLUMN log_end_fault;
ALTER TABLE calls DROP COLUMN log_end_reason;
ALTER TABLE calls DROP COLUMN log_ended_at;
ALTER TABLE calls DROP COLUMN log_status;
ALTER TABLE calls DROP COLUMN log_answered_at;
ALTER TABLE calls DROP COLUMN decision_json;
ALTER TABLE calls DROP COLUMN variables_json;
ALTER TABLE calls DROP COLUMN answered_by;
ALTER TABLE calls DROP COLUMN cost_currency;
ALTER TABLE calls DROP COLUMN cost_micros;
ALTER TABLE calls DROP COLUMN end_fault;
ALTER TABLE calls DROP COLUMN carrier_session_id;
ALTER TABLE calls DROP COLUMN carrier_alias_id;

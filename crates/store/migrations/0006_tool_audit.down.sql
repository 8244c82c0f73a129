DROP INDEX tool_runs_by_window;
ALTER TABLE tool_versions DROP COLUMN compiled_bytes;
DROP TABLE tool_quarantines_ended;
-- Whoever reads the older schema does not know these actions, and could read no history that has one.
DELETE FROM tool_history WHERE action IN ('secret-set', 'secret-removed', 'tier-changed');
ALTER TABLE tool_history DROP COLUMN tier;
ALTER TABLE tool_history DROP COLUMN host;
ALTER TABLE tool_history DROP COLUMN secret;

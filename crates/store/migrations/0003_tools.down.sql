DROP TABLE tool_secrets;
DROP TABLE tool_errors;
DROP TABLE tool_runs;
DROP TABLE tool_history;
DROP TABLE tool_aliases;
DROP TABLE tool_quarantines;
DROP TABLE tool_versions;
DROP TABLE tools;

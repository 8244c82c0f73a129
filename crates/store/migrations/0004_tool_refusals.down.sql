DROP TABLE tool_refusals;

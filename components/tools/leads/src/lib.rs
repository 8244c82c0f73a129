//! A built-in tool: leads.

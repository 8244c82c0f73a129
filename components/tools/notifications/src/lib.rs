//! A built-in tool: notifications.

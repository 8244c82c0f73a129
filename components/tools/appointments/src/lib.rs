//! A built-in tool: appointments.

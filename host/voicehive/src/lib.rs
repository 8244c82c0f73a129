//! Answers and places phone calls with AI agents.

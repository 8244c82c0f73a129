//! Validates a model's tool calls and shapes their results.

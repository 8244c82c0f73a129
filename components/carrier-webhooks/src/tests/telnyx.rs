//! Telnyx's webhooks against a real database.

mod answers;
mod chains;
mod hostile;
mod interleavings;
mod line;
mod outbound;
mod refused;
mod texml;

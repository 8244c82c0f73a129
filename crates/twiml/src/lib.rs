//! Writes TwiML documents.

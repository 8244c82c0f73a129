//! Reads the mood of an utterance and says how the agent should adapt.

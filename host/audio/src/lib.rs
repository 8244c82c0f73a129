//! Telephone audio: G.711, resampling, framing, voice activity.

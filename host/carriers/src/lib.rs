//! Media-socket codecs of the carriers: JSON to events and back.

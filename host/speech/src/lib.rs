//! Speech and language vendors behind traits.

//! Simulators that speak the real wire protocols: a carrier, and speech and language vendors.

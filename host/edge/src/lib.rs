//! Serves the components of a Spin manifest.

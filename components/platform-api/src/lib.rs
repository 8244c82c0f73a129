//! Serves health and the REST API at the edge.

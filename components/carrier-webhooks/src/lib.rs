//! Answers the carriers' webhooks at the edge.

//! What can go wrong with messages.

/// Faults of one call's messages. The default has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VapiFaults {
    /// Send every message twice at once, with the same body; the first reply counts.
    pub duplicate: bool,
    /// Hold back what wants no reply, and send it at the end, the last first.
    pub reorder: bool,
    /// Hold back the status updates, and send them after the report of the call.
    pub late_statuses: bool,
    /// Never send messages of these types. What wants a reply gets none.
    pub lose: Vec<String>,
}

impl VapiFaults {
    pub(super) fn loses(&self, kind: &str) -> bool {
        self.lose.iter().any(|lost| lost == kind)
    }
}

//! What was measured.

use semver::Version;

use crate::quantity::Counts;
use crate::stamp::Stamp;

/// What the gate measured of a component that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// SHA-256 of the bytes, lower-case hex.
    pub digest: String,
    /// Bytes of the component.
    pub bytes: usize,
    /// How much of everything it has.
    pub counts: Counts,
    /// The version of `voicehive:tool` whose tool interface it exports.
    pub contract: Version,
    /// The interfaces it imports, in its own order.
    pub imports: Vec<String>,
    /// Its stamp, if it has one.
    pub stamp: Option<Stamp>,
    /// Bytes and items looked at: what the check cost, without a clock.
    pub work: u64,
}

//! The versions of the schema.
//!
//! Native processes apply them (`native::migrate`); guests only ask for the
//! version. A migration that was released is never edited: its checksum is kept
//! in the database, and a difference stops everything.

use sha2::{Digest, Sha256};

use crate::tenants::hex;

/// One step of the schema.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number, from 1 without gaps.
    pub version: u32,
    /// Its name.
    pub name: &'static str,
    /// The SQL that takes the step.
    pub up: &'static str,
    /// The SQL that takes it back, with the loss of what it held.
    pub down: &'static str,
}

impl Migration {
    /// The SHA-256 of both directions.
    pub fn checksum(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.up);
        hash.update([0]);
        hash.update(self.down);
        hex(&hash.finalize())
    }
}

/// All steps, the first one first.
pub const ALL: &[Migration] = &[
    Migration {
        version: 1,
        name: "platform",
        up: include_str!("../migrations/0001_platform.up.sql"),
        down: include_str!("../migrations/0001_platform.down.sql"),
    },
    Migration {
        version: 2,
        name: "carriers",
        up: include_str!("../migrations/0002_carriers.up.sql"),
        down: include_str!("../migrations/0002_carriers.down.sql"),
    },
    Migration {
        version: 3,
        name: "tools",
        up: include_str!("../migrations/0003_tools.up.sql"),
        down: include_str!("../migrations/0003_tools.down.sql"),
    },
    Migration {
        version: 4,
        name: "tool_refusals",
        up: include_str!("../migrations/0004_tool_refusals.up.sql"),
        down: include_str!("../migrations/0004_tool_refusals.down.sql"),
    },
    Migration {
        version: 5,
        name: "carrier_accounts",
        up: include_str!("../migrations/0005_carrier_accounts.up.sql"),
        down: include_str!("../migrations/0005_carrier_accounts.down.sql"),
    },
    Migration {
        version: 6,
        name: "tool_audit",
        up: include_str!("../migrations/0006_tool_audit.up.sql"),
        down: include_str!("../migrations/0006_tool_audit.down.sql"),
    },
];

/// The version that this code needs.
pub const LATEST: u32 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_no_gaps_and_end_at_the_latest() {
        let versions: Vec<u32> = ALL.iter().map(|migration| migration.version).collect();
        assert_eq!(versions, (1..=LATEST).collect::<Vec<_>>());
    }
}

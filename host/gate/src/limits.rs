//! The tiers.

use crate::quantity::Counts;

/// How large and how intricate a component may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The tier's name.
    pub tier: &'static str,
    /// Bytes of the component.
    pub component_bytes: usize,
    /// The most of each [`Quantity`](crate::Quantity).
    pub counts: Counts,
    /// Bytes of the JSON Schema of the arguments.
    pub schema_bytes: usize,
    /// Levels of objects and arrays in the schema.
    pub schema_depth: usize,
    /// Schemas in the schema, each counted as often as references lead to it.
    pub schema_nodes: u64,
    /// Whether a component without a stamp passes.
    pub stamp: StampRule,
}

/// Whether a component must carry the stamp of the contract that it was built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StampRule {
    /// It may; a stamp that is there must be right.
    Optional,
    /// It must.
    Required,
}

impl Limits {
    /// For compiled languages; the sizes of component and schema are those that `wit/tool` promises.
    pub const STANDARD: Self = Self {
        tier: "standard",
        component_bytes: 4 << 20,
        counts: Counts::STANDARD,
        schema_bytes: 16 << 10,
        schema_depth: 16,
        schema_nodes: 1_000,
        stamp: StampRule::Optional,
    };

    /// For languages whose tools bring an interpreter along.
    pub const LARGE: Self =
        Self { tier: "large", component_bytes: 32 << 20, counts: Counts::LARGE, ..Self::STANDARD };
}

//! What is counted, and how much of it each tier allows.

/// Something a component has a number of. Counts are summed over the component and everything nested in it, unless
/// the description says otherwise. Modules, instances, memories and tables count twice where what has them is instantiated
/// twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(usize)]
pub enum Quantity {
    /// Core modules.
    Modules,
    /// Components nested in the component.
    Components,
    /// Levels of nesting; a component without nested ones has 1.
    Depth,
    /// Instances of modules and components that are made when the component is.
    Instances,
    /// Aliases of components.
    Aliases,
    /// Types and the declarations inside of types.
    Types,
    /// Levels of types declared within types.
    TypeDepth,
    /// Functions with a body.
    Functions,
    /// Functions lifted, lowered or built in: the seams between modules and components.
    Seams,
    /// Imports of modules and components.
    Imports,
    /// Imports of the component itself, not of what is nested in it.
    OwnImports,
    /// Exports of modules and components, and what instances are given when they are made.
    Exports,
    /// Tables.
    Tables,
    /// Elements that tables have from the start.
    TableElements,
    /// Memories.
    Memories,
    /// Bytes that memories have from the start.
    MemoryBytes,
    /// Globals.
    Globals,
    /// Segments of elements.
    ElementSegments,
    /// Elements of segments.
    Elements,
    /// Segments of data.
    DataSegments,
    /// Bytes of data.
    DataBytes,
    /// Custom sections.
    CustomSections,
    /// Bytes of custom sections.
    CustomBytes,
    /// Bytes of the largest function body.
    FunctionBytes,
    /// Locals of the function that has most, without its parameters.
    Locals,
    /// Bytes of the longest name.
    NameBytes,
}

use Quantity as Q;

/// Every quantity, its name in codes and reports, and the limits of the tiers `standard` and `large`.
///
/// The large tier's modules, and memories, tables and their sizes, are those of the engine's pool and of a call: more would pass
/// here and fail to link. The largest built-in tool has 3 modules, 20 instances and 1,060 functions. A tool in JavaScript (componentize-js
/// 0.23) has 12,686 functions, 10,000 segments of data and 7,705 elements of tables; one in Python (componentize-py 0.25)
/// 38 modules, 114 instances, 13,497 functions, 11 MiB of data and one function of 417 KiB.
const TABLE: [(Quantity, &str, u64, u64); 26] = [
    (Q::Modules, "modules", 16, 64),
    (Q::Components, "components", 16, 64),
    (Q::Depth, "depth", 4, 4),
    (Q::Instances, "instances", 256, 1_000),
    (Q::Aliases, "aliases", 2_000, 8_000),
    (Q::Types, "types", 8_000, 30_000),
    (Q::TypeDepth, "type-depth", 8, 8),
    (Q::Functions, "functions", 12_000, 60_000),
    (Q::Seams, "seams", 1_000, 4_000),
    (Q::Imports, "imports", 1_000, 8_000),
    (Q::OwnImports, "own-imports", 64, 64),
    (Q::Exports, "exports", 1_000, 40_000),
    (Q::Tables, "tables", 4, 4),
    (Q::TableElements, "table-elements", 20_000, 20_000),
    (Q::Memories, "memories", 1, 1),
    (Q::MemoryBytes, "memory-bytes", 32 << 20, 64 << 20),
    (Q::Globals, "globals", 1_000, 20_000),
    (Q::ElementSegments, "element-segments", 256, 2_000),
    (Q::Elements, "elements", 20_000, 80_000),
    (Q::DataSegments, "data-segments", 2_000, 20_000),
    (Q::DataBytes, "data-bytes", 4 << 20, 32 << 20),
    (Q::CustomSections, "custom-sections", 64, 256),
    (Q::CustomBytes, "custom-bytes", 1 << 20, 4 << 20),
    (Q::FunctionBytes, "function-bytes", 128 << 10, 512 << 10),
    (Q::Locals, "locals", 4_000, 16_000),
    (Q::NameBytes, "name-bytes", 512, 1_024),
];

/// How many quantities there are.
const COUNT: usize = TABLE.len();

impl Quantity {
    /// Every quantity.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(quantity, ..)| *quantity)
    }

    /// Its name in reports, for example `data-bytes`.
    pub fn name(self) -> &'static str {
        TABLE.get(self as usize).map_or("", |(_, name, ..)| name)
    }
}

/// A number for each [`Quantity`]: what was counted, or the most that is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts([u64; COUNT]);

impl Counts {
    /// Nothing of anything.
    pub const ZERO: Self = Self([0; COUNT]);

    /// The tier `standard`: compiled languages.
    pub(crate) const STANDARD: Self = Self::tier(false);

    /// The tier `large`: tools that bring an interpreter along.
    pub(crate) const LARGE: Self = Self::tier(true);

    /// The number for `quantity`.
    pub fn get(&self, quantity: Quantity) -> u64 {
        self.0.get(quantity as usize).copied().unwrap_or_default()
    }

    /// These, with another number for `quantity`.
    #[must_use]
    pub fn with(mut self, quantity: Quantity, number: u64) -> Self {
        if let Some(slot) = self.0.get_mut(quantity as usize) {
            *slot = number;
        }
        self
    }

    /// Each quantity and its number.
    pub fn iter(&self) -> impl Iterator<Item = (Quantity, u64)> {
        Quantity::all().zip(self.0)
    }

    /// The numbers, in the order of the quantities.
    pub(crate) const fn numbers(&self) -> &[u64; COUNT] {
        &self.0
    }

    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which would not build it")]
    const fn tier(large: bool) -> Self {
        let mut numbers = [0; COUNT];
        let mut index = 0;
        while index < COUNT {
            let (quantity, _, standard, larger) = TABLE[index];
            numbers[quantity as usize] = if large { larger } else { standard };
            index += 1;
        }
        Self(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_quantities() {
        for (index, quantity) in Quantity::all().enumerate() {
            assert_eq!(quantity as usize, index, "{}", quantity.name());
        }
    }

    #[test]
    fn no_limit_of_the_large_tier_is_below_the_standard_one() {
        for (quantity, standard) in Counts::STANDARD.iter() {
            assert!(standard > 0 && Counts::LARGE.get(quantity) >= standard, "{}", quantity.name());
        }
    }
}

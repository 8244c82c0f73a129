//! How deeply types are declared within types.
//!
//! The parser reads a type within a type by calling itself, without a bound: three bytes a level, so that a component
//! of a few kilobytes could end the process. Sections of types are therefore first read here, by a loop.

use wasmparser::{
    BinaryReader, ComponentType, ComponentTypeDeclaration, InstanceTypeDeclaration, Result as ReadResult,
};

/// The declaration of a type, in a component or instance type.
const TYPE_DECLARATION: u8 = 0x01;
/// The type of a component.
const COMPONENT_TYPE: u8 = 0x41;
/// The type of an instance.
const INSTANCE_TYPE: u8 = 0x42;

/// What a section of types holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Types {
    /// Types and declarations.
    pub(crate) items: u64,
    /// Levels.
    pub(crate) depth: u64,
}

/// A list of declarations that is being read.
struct Open {
    left: u32,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Section,
    Component,
    Instance,
}

/// Measures a section of component types, from its count on, which is at `offset`. Stops as soon as either figure exceeds its limit.
pub(crate) fn measure(section: &[u8], offset: usize, most_items: u64, most_depth: u64) -> ReadResult<Types> {
    let mut reader = BinaryReader::new(section, offset);
    let mut open = vec![Open { left: reader.read_var_u32()?, kind: Kind::Section }];
    let mut types = Types { items: 0, depth: 1 };
    while let Some(list) = open.last_mut() {
        if list.left == 0 {
            open.pop();
            continue;
        }
        list.left -= 1;
        types.items += 1;
        if let Some(inner) = read(&mut reader, list.kind)? {
            open.push(inner);
            types.depth = types.depth.max(open.len() as u64);
        }
        if types.items > most_items || types.depth > most_depth {
            break;
        }
    }
    Ok(types)
}

/// Reads one item; returns the list that it opens.
fn read(reader: &mut BinaryReader<'_>, kind: Kind) -> ReadResult<Option<Open>> {
    let mut ahead = reader.clone();
    let is_type = kind == Kind::Section || ahead.read_u8()? == TYPE_DECLARATION;
    if is_type {
        let opened = match ahead.read_u8()? {
            COMPONENT_TYPE => Some(Kind::Component),
            INSTANCE_TYPE => Some(Kind::Instance),
            _ => None,
        };
        if let Some(kind) = opened {
            *reader = ahead;
            return Ok(Some(Open { left: reader.read_var_u32()?, kind }));
        }
    }
    match kind {
        Kind::Section => drop(reader.read::<ComponentType<'_>>()?),
        Kind::Component => drop(reader.read::<ComponentTypeDeclaration<'_>>()?),
        Kind::Instance => drop(reader.read::<InstanceTypeDeclaration<'_>>()?),
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> Vec<u8> {
        let mut section = vec![1];
        section.extend([COMPONENT_TYPE, 1, TYPE_DECLARATION].repeat(levels));
        section.extend([INSTANCE_TYPE, 0]);
        section
    }

    #[test]
    fn levels_are_counted_by_a_loop() {
        assert_eq!(measure(&nested(3), 0, 100, 100).unwrap(), Types { items: 4, depth: 5 });
        let bomb = nested(1_000_000);
        assert_eq!(measure(&bomb, 0, 2_000_000, 8).unwrap().depth, 9);
        assert_eq!(measure(&bomb, 0, 2_000_000, 2_000_000).unwrap().depth, 1_000_002);
    }
}

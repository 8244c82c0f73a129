//! Whether every item of a WIT package has prose.

use wit_parser::{
    Docs, Function, PackageId, Resolve, Span, Type, TypeDef, TypeDefKind, TypeOwner, WorldItem,
};

/// The items of `package` without prose, each with its place.
///
/// An enum whose cases all go without is taken at its word: `enum weekday { monday, .. }` needs none, and a
/// case alone among documented ones was forgotten.
pub fn undocumented(resolve: &Resolve, package: PackageId) -> Vec<String> {
    let mut survey = Survey { resolve, missing: Vec::new() };
    for (_, interface) in resolve.interfaces.iter().filter(|(_, it)| it.package == Some(package)) {
        let name = interface.name.as_deref().unwrap_or("(inline)");
        survey.item("interface", name, &interface.docs, interface.span);
        for (type_name, id) in &interface.types {
            if let Some(definition) = resolve.types.get(*id) {
                survey.definition(&format!("{name}.{type_name}"), definition);
            }
        }
        for function in interface.functions.values() {
            survey.function(name, function);
        }
    }
    for (_, world) in resolve.worlds.iter().filter(|(_, it)| it.package == Some(package)) {
        survey.item("world", &world.name, &world.docs, world.span);
        for item in world.imports.values().chain(world.exports.values()) {
            match item {
                WorldItem::Function(function) => survey.function(&world.name, function),
                WorldItem::Type { id, .. } => {
                    if let Some(definition) = resolve.types.get(*id) {
                        let type_name = definition.name.as_deref().unwrap_or_default();
                        survey.definition(&format!("{}.{type_name}", world.name), definition);
                    }
                }
                WorldItem::Interface { .. } => {}
            }
        }
    }
    survey.missing
}

struct Survey<'a> {
    resolve: &'a Resolve,
    missing: Vec<String>,
}

impl Survey<'_> {
    fn item(&mut self, kind: &str, name: &str, docs: &Docs, span: Span) {
        if !has_prose(docs) {
            self.missing.push(format!("{}: {kind} {name} has no prose", self.resolve.render_location(span)));
        }
    }

    fn function(&mut self, owner: &str, function: &Function) {
        // Methods are named `[method]store.open`.
        let name = function.name.rsplit(']').next().unwrap_or(&function.name);
        self.item("function", &format!("{owner}.{name}"), &function.docs, function.span);
    }

    fn definition(&mut self, name: &str, definition: &TypeDef) {
        if is_use(self.resolve, definition) {
            return;
        }
        self.item("type", name, &definition.docs, definition.span);
        let parts: Vec<(&str, &Docs, Span)> = match &definition.kind {
            TypeDefKind::Record(it) => it.fields.iter().map(|f| (f.name.as_str(), &f.docs, f.span)).collect(),
            TypeDefKind::Variant(it) => it.cases.iter().map(|c| (c.name.as_str(), &c.docs, c.span)).collect(),
            TypeDefKind::Flags(it) => it.flags.iter().map(|f| (f.name.as_str(), &f.docs, f.span)).collect(),
            TypeDefKind::Enum(it) if it.cases.iter().any(|case| has_prose(&case.docs)) => {
                it.cases.iter().map(|c| (c.name.as_str(), &c.docs, c.span)).collect()
            }
            _ => Vec::new(),
        };
        for (part, docs, span) in parts {
            self.item("part", &format!("{name}.{part}"), docs, span);
        }
    }
}

fn has_prose(docs: &Docs) -> bool {
    docs.contents.as_deref().is_some_and(|text| !text.trim().is_empty())
}

/// Whether this is a name brought in by `use`, which is documented where it is defined: a local alias names
/// a type of the same owner.
fn is_use(resolve: &Resolve, definition: &TypeDef) -> bool {
    let TypeDefKind::Type(Type::Id(aliased)) = definition.kind else { return false };
    let owner = resolve.types.get(aliased).map_or(TypeOwner::None, |aliased| aliased.owner);
    owner != TypeOwner::None && owner != definition.owner
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wit_syntax;

    #[test]
    fn a_package_with_prose_everywhere_passes() {
        assert_eq!(undocumented_in(DOCUMENTED), Vec::<String>::new());
    }

    #[test]
    fn each_kind_of_item_is_missed_when_its_prose_is_gone() {
        let n_items = DOCUMENTED.matches("/// ").count();
        assert_eq!(n_items, 15);
        for item in 0..n_items {
            let found = undocumented_in(&without_nth_comment(DOCUMENTED, item));
            assert_eq!(found.len(), 1, "item {item}: {found:?}");
            assert!(found[0].starts_with("source.wit:"), "{found:?}");
        }
    }

    #[test]
    fn an_enum_may_leave_all_of_its_cases_to_their_names() {
        let source = "package a:b;\n/// Days.\ninterface days {\n/// A day.\nenum day { monday, tuesday }\n}";
        assert_eq!(undocumented_in(source), Vec::<String>::new());
    }

    const DOCUMENTED: &str = "package a:b;
        /// Calls.
        interface calls {
            /// An id.
            type id = string;
            /// A direction.
            enum direction {
                /// In.
                inbound,
                /// Out.
                outbound,
            }
            /// A call.
            record call {
                /// Its id.
                id: id,
            }
            /// What to do.
            variant decision {
                /// Connect.
                connect(id),
            }
            /// A line.
            resource line {
                /// Opens it.
                open: static func() -> line;
            }
            /// Routes.
            route: func(call: call) -> decision;
        }
        /// Uses.
        interface uses {
            use calls.{call};
            /// Counts.
            count: func(calls: list<call>) -> u32;
        }
        /// A world.
        world everything {
            export calls;
        }";

    fn undocumented_in(source: &str) -> Vec<String> {
        let (resolve, package) = wit_syntax::resolve(&wit_syntax::tests::group(source), &[]).unwrap();
        undocumented(&resolve, package)
    }

    fn without_nth_comment(source: &str, n: usize) -> String {
        let is_comment = |line: &&str| line.trim_start().starts_with("///");
        let dropped = source.lines().enumerate().filter(|(_, line)| is_comment(line)).nth(n).unwrap().0;
        let kept = source.lines().enumerate().filter(|(number, _)| *number != dropped);
        kept.map(|(_, line)| line).collect::<Vec<_>>().join("\n")
    }
}

//! What a component has once it is instantiated: a module that is instantiated twice is there twice, with its memory.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, Encoding, Instance,
    Payload, Result,
};

/// Instances, those of them that are of modules, and their memories and tables with the sizes at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) instances: u64,
    pub(crate) modules: u64,
    pub(crate) memories: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) tables: u64,
    pub(crate) table_elements: u64,
}

impl Needs {
    fn plus(self, other: Self) -> Self {
        Self {
            instances: self.instances.saturating_add(other.instances),
            modules: self.modules.saturating_add(other.modules),
            memories: self.memories.saturating_add(other.memories),
            memory_bytes: self.memory_bytes.saturating_add(other.memory_bytes),
            tables: self.tables.saturating_add(other.tables),
            table_elements: self.table_elements.saturating_add(other.table_elements),
        }
    }
}

/// A module or component that is being read.
#[derive(Debug)]
struct Open {
    encoding: Encoding,
    /// What it needs each time that it is instantiated.
    needs: Needs,
    /// What each module needs that it knows, by index; and each component.
    modules: Vec<Needs>,
    components: Vec<Needs>,
}

/// Adds up, section by section, what the instances of a component need. Modules and components that are imported, or exported by
/// an instance, are refused before: each index stands for one that was read.
#[derive(Debug, Default)]
pub(crate) struct Instances {
    open: Vec<Open>,
    /// What the outermost component needs, as far as it was read.
    pub(crate) needs: Needs,
}

impl Instances {
    /// What a module declares for itself.
    pub(crate) fn declare(&mut self, needs: Needs) {
        self.add(needs);
    }

    /// Takes in what bears on instances. A section is counted before it is validated, so an index may be of nothing.
    pub(crate) fn read(&mut self, payload: &Payload<'_>) -> Result<()> {
        match payload {
            Payload::Version { encoding, .. } => {
                let (needs, modules, components) = Default::default();
                self.open.push(Open { encoding: *encoding, needs, modules, components });
                Ok(())
            }
            Payload::End(_) => {
                self.close();
                Ok(())
            }
            Payload::InstanceSection(section) => section.clone().into_iter().try_for_each(|instance| {
                self.add(Needs { instances: 1, ..Needs::default() });
                if let Instance::Instantiate { module_index, .. } = instance? {
                    let needs = self.find(0, module_index, |open| &open.modules);
                    self.add(needs.plus(Needs { modules: 1, ..Needs::default() }));
                }
                Ok(())
            }),
            Payload::ComponentInstanceSection(section) => {
                section.clone().into_iter().try_for_each(|instance| {
                    self.add(Needs { instances: 1, ..Needs::default() });
                    if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                        self.add(self.find(0, component_index, |open| &open.components));
                    }
                    Ok(())
                })
            }
            _ => self.name(payload),
        }
    }

    /// Sections that give further indices to modules and components.
    fn name(&mut self, payload: &Payload<'_>) -> Result<()> {
        match payload {
            Payload::ComponentAliasSection(section) => section.clone().into_iter().try_for_each(|alias| {
                if let ComponentAlias::Outer { kind, count, index } = alias? {
                    self.alias(kind, count, index);
                }
                Ok(())
            }),
            // An export is a new index for the same thing.
            Payload::ComponentExportSection(section) => section.clone().into_iter().try_for_each(|export| {
                let export = export?;
                match export.kind {
                    ComponentExternalKind::Module => {
                        self.alias(ComponentOuterAliasKind::CoreModule, 0, export.index);
                    }
                    ComponentExternalKind::Component => {
                        self.alias(ComponentOuterAliasKind::Component, 0, export.index);
                    }
                    _ => {}
                }
                Ok(())
            }),
            _ => Ok(()),
        }
    }

    fn alias(&mut self, kind: ComponentOuterAliasKind, count: u32, index: u32) {
        match kind {
            ComponentOuterAliasKind::CoreModule => {
                let needs = self.find(count, index, |open| &open.modules);
                self.keep(Encoding::Module, needs);
            }
            ComponentOuterAliasKind::Component => {
                let needs = self.find(count, index, |open| &open.components);
                self.keep(Encoding::Component, needs);
            }
            ComponentOuterAliasKind::CoreType | ComponentOuterAliasKind::Type => {}
        }
    }

    fn close(&mut self) {
        if let Some(closed) = self.open.pop() {
            self.keep(closed.encoding, closed.needs);
        }
    }

    fn add(&mut self, needs: Needs) {
        let outermost = self.open.len() == 1;
        let Some(open) = self.open.last_mut() else { return };
        open.needs = open.needs.plus(needs);
        if outermost {
            self.needs = open.needs;
        }
    }

    /// What is at an index of a component that is open, `count` steps outwards.
    fn find(&self, count: u32, index: u32, among: impl Fn(&Open) -> &Vec<Needs>) -> Needs {
        let open = self.open.iter().rev().nth(count as usize);
        open.and_then(|open| among(open).get(index as usize)).copied().unwrap_or_default()
    }

    fn keep(&mut self, encoding: Encoding, needs: Needs) {
        let Some(open) = self.open.last_mut() else { return };
        match encoding {
            Encoding::Module => open.modules.push(needs),
            Encoding::Component => open.components.push(needs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: u64 = 64 << 10;

    /// What a component in the text format needs, by the sections of its binary.
    fn needs(text: &str) -> Needs {
        let bytes = wat::parse_str(text).unwrap();
        let mut instances = Instances::default();
        for payload in wasmparser::Parser::new(0).parse_all(&bytes) {
            let payload = payload.unwrap();
            if let Payload::MemorySection(section) = &payload {
                for memory in section.clone() {
                    let memory_bytes = memory.unwrap().initial * PAGE;
                    instances.declare(Needs { memories: 1, memory_bytes, ..Needs::default() });
                }
            }
            instances.read(&payload).unwrap();
        }
        instances.needs
    }

    /// So many instances of modules, of so many instances in all, each with a memory of one page.
    fn modules(modules: u64, instances: u64) -> Needs {
        let memory_bytes = modules.saturating_mul(PAGE);
        Needs { instances, modules, memories: modules, memory_bytes, ..Needs::default() }
    }

    #[test]
    fn a_module_that_is_never_instantiated_needs_nothing() {
        assert_eq!(needs("(component (core module (memory 1)))"), Needs::default());
    }

    #[test]
    fn a_module_that_is_instantiated_twice_has_its_memory_twice() {
        let instance = "(core instance (instantiate $m))";
        let text = format!("(component (core module $m (memory 1)) {instance} {instance})");
        assert_eq!(needs(&text), modules(2, 2));
    }

    #[test]
    fn an_instance_of_what_is_there_already_is_an_instance_of_no_module() {
        assert_eq!(needs("(component (instance) (core instance))"), modules(0, 2));
    }

    #[test]
    fn instances_within_components_multiply() {
        let text = "(component
            (component $c
                (core module $m (memory 1))
                (core instance (instantiate $m)) (core instance (instantiate $m)))
            (component $d
                (alias outer 1 $c (component $again))
                (instance (instantiate $again)) (instance (instantiate $again)))
            (instance (instantiate $d)) (instance (instantiate $c)))";
        assert_eq!(needs(text), modules(6, 10));
    }

    #[test]
    fn aliases_and_exports_are_further_names_for_one_module() {
        let text = "(component
            (core module $none) (core module $m (memory 1))
            (component $c
                (alias outer 1 $m (core module $theirs))
                (export $exported \"e\" (core module $theirs))
                (core instance (instantiate $exported)))
            (instance (instantiate $c)))";
        assert_eq!(needs(text), modules(1, 2));
    }

    #[test]
    fn an_index_of_nothing_is_left_to_the_validator() {
        assert_eq!(needs("(component (instance (instantiate 7)))"), modules(0, 1));
    }

    #[test]
    fn multiplying_for_long_does_not_overflow() {
        let mut text = String::from(
            "(component (component $c0 (core module $m (memory 1)) (core instance (instantiate $m)))",
        );
        for level in 0..70 {
            let instance = "(instance (instantiate $i))";
            let inner = format!("(alias outer 1 $c{level} (component $i)) {instance} {instance}");
            text.push_str(&format!("(component $c{} {inner})", level + 1));
        }
        text.push_str("(instance (instantiate $c70)))");
        assert_eq!(needs(&text), modules(u64::MAX, u64::MAX));
    }
}

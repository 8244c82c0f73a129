//! What a component has once it is instantiated: a module that is instantiated twice has its memory twice.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef,
    Encoding, Instance, Payload, Result,
};

/// Memories and tables, with their sizes at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) memories: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) tables: u64,
    pub(crate) table_elements: u64,
}

impl Needs {
    fn plus(self, other: Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    fn most(self, other: Self) -> Self {
        self.with(other, u64::max)
    }

    fn with(self, other: Self, join: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            memories: join(self.memories, other.memories),
            memory_bytes: join(self.memory_bytes, other.memory_bytes),
            tables: join(self.tables, other.tables),
            table_elements: join(self.table_elements, other.table_elements),
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

/// Adds up, section by section, what the instances of a component need. What comes from elsewhere, by an import or from an
/// instance, is taken to need as much as whatever needed most so far.
#[derive(Debug, Default)]
pub(crate) struct Instances {
    open: Vec<Open>,
    most: Needs,
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
                if let Instance::Instantiate { module_index, .. } = instance? {
                    self.instantiate(module_index, |open| &open.modules);
                }
                Ok(())
            }),
            Payload::ComponentInstanceSection(section) => {
                section.clone().into_iter().try_for_each(|instance| {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                        self.instantiate(component_index, |open| &open.components);
                    }
                    Ok(())
                })
            }
            _ => self.name(payload),
        }
    }

    /// Sections that give further indices to modules and components.
    fn name(&mut self, payload: &Payload<'_>) -> Result<()> {
        let most = self.most;
        match payload {
            Payload::ComponentAliasSection(section) => section.clone().into_iter().try_for_each(|alias| {
                match alias? {
                    ComponentAlias::InstanceExport { kind, .. } => self.keep(kind, most),
                    ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, count, index } => {
                        let needs = self.outer(count, index, |open| &open.modules);
                        self.keep(ComponentExternalKind::Module, needs);
                    }
                    ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                        let needs = self.outer(count, index, |open| &open.components);
                        self.keep(ComponentExternalKind::Component, needs);
                    }
                    ComponentAlias::Outer { .. } | ComponentAlias::CoreInstanceExport { .. } => {}
                }
                Ok(())
            }),
            Payload::ComponentImportSection(section) => section.clone().into_iter().try_for_each(|import| {
                match import?.ty {
                    ComponentTypeRef::Module(_) => self.keep(ComponentExternalKind::Module, most),
                    ComponentTypeRef::Component(_) => self.keep(ComponentExternalKind::Component, most),
                    _ => {}
                }
                Ok(())
            }),
            // An export is a new index for the same thing.
            Payload::ComponentExportSection(section) => section.clone().into_iter().try_for_each(|export| {
                let export = export?;
                let needs = match export.kind {
                    ComponentExternalKind::Module => self.outer(0, export.index, |open| &open.modules),
                    ComponentExternalKind::Component => self.outer(0, export.index, |open| &open.components),
                    _ => Needs::default(),
                };
                self.keep(export.kind, needs);
                Ok(())
            }),
            _ => Ok(()),
        }
    }

    fn close(&mut self) {
        let Some(closed) = self.open.pop() else { return };
        self.most = self.most.most(closed.needs);
        if let Some(open) = self.open.last_mut() {
            match closed.encoding {
                Encoding::Module => open.modules.push(closed.needs),
                Encoding::Component => open.components.push(closed.needs),
            }
        }
    }

    fn instantiate(&mut self, index: u32, among: impl Fn(&Open) -> &Vec<Needs>) {
        let needs = self.outer(0, index, among);
        self.add(needs);
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
    fn outer(&self, count: u32, index: u32, among: impl Fn(&Open) -> &Vec<Needs>) -> Needs {
        let open = self.open.iter().rev().nth(count as usize);
        open.and_then(|open| among(open).get(index as usize)).copied().unwrap_or(self.most)
    }

    fn keep(&mut self, kind: ComponentExternalKind, needs: Needs) {
        let Some(open) = self.open.last_mut() else { return };
        match kind {
            ComponentExternalKind::Module => open.modules.push(needs),
            ComponentExternalKind::Component => open.components.push(needs),
            _ => {}
        }
    }
}

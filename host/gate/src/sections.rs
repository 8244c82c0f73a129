//! Counts what is in each section, before it is validated.

use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentImport, ComponentInstance,
    ComponentTypeRef, CoreType, ElementItems, FunctionBody, Imports, Instance, Payload,
};

use crate::instances::{Instances, Needs};
use crate::limits::Limits;
use crate::nesting;
use crate::quantity::{Counts, Quantity};
use crate::refusal::{Code, Refusal};
use crate::stamp;

/// Bytes of a page of memory; other page sizes are a feature that is off.
const PAGE_BYTES: u64 = 64 << 10;

const INSTANTIATE_THERE: &str = "instantiate it where it is defined, so that what it needs can be counted";

/// Why reading stopped.
pub(crate) enum Stop {
    Refused(Refusal),
    Unreadable(BinaryReaderError),
}

impl From<BinaryReaderError> for Stop {
    fn from(error: BinaryReaderError) -> Self {
        Self::Unreadable(error)
    }
}

/// What was counted so far.
pub(crate) struct Counter<'a> {
    bytes: &'a [u8],
    limits: &'a Limits,
    pub(crate) counts: Counts,
    /// How many components and modules are open.
    open: u64,
    instances: Instances,
    pub(crate) imports: Vec<&'a str>,
    pub(crate) exports: Vec<&'a str>,
    pub(crate) stamp: Option<&'a [u8]>,
    pub(crate) work: u64,
}

impl<'a> Counter<'a> {
    pub(crate) fn new(bytes: &'a [u8], limits: &'a Limits) -> Self {
        Self {
            bytes,
            limits,
            counts: Counts::ZERO,
            open: 0,
            instances: Instances::default(),
            imports: Vec::new(),
            exports: Vec::new(),
            stamp: None,
            work: 0,
        }
    }

    pub(crate) fn count(&mut self, payload: &Payload<'a>) -> Result<(), Stop> {
        self.work = self.work.saturating_add(1);
        self.count_section(payload)?;
        // After the section's own items were counted, so that no more of them are looked at than may be there.
        self.instances.read(payload)?;
        self.instantiated()
    }

    /// Compares what the instances need with what there may be: the engine has room for no more.
    fn instantiated(&mut self) -> Result<(), Stop> {
        let needs = self.instances.needs;
        self.most(Quantity::Instances, needs.instances)?;
        self.most(Quantity::Modules, needs.modules)?;
        self.most(Quantity::Memories, needs.memories)?;
        self.most(Quantity::MemoryBytes, needs.memory_bytes)?;
        self.most(Quantity::Tables, needs.tables)?;
        self.most(Quantity::TableElements, needs.table_elements)
    }

    fn count_section(&mut self, payload: &Payload<'a>) -> Result<(), Stop> {
        match payload {
            Payload::Version { .. } => {
                self.open += 1;
                self.most(Quantity::Depth, self.open)
            }
            Payload::End(_) => {
                self.open = self.open.saturating_sub(1);
                Ok(())
            }
            Payload::ModuleSection { .. } => self.add(Quantity::Modules, 1),
            Payload::ComponentSection { .. } => self.add(Quantity::Components, 1),
            Payload::CustomSection(section) => self.custom(section.name(), section.data()),
            Payload::CodeSectionEntry(body) => self.function(body),
            _ => self.count_module_section(payload),
        }
    }

    fn count_module_section(&mut self, payload: &Payload<'a>) -> Result<(), Stop> {
        match payload {
            Payload::TypeSection(section) => self.add(Quantity::Types, section.count().into()),
            Payload::FunctionSection(section) => self.add(Quantity::Functions, section.count().into()),
            Payload::GlobalSection(section) => self.add(Quantity::Globals, section.count().into()),
            Payload::ImportSection(section) => {
                self.add(Quantity::Imports, section.count().into())?;
                section.clone().into_iter().try_for_each(|group| self.core_imports(group?))
            }
            Payload::ExportSection(section) => {
                self.add(Quantity::Exports, section.count().into())?;
                section.clone().into_iter().try_for_each(|export| self.name(export?.name))
            }
            Payload::TableSection(section) => {
                self.add(Quantity::Tables, section.count().into())?;
                section.clone().into_iter().try_for_each(|table| {
                    let table_elements = table?.ty.initial;
                    self.instances.declare(Needs { tables: 1, table_elements, ..Needs::default() });
                    self.add(Quantity::TableElements, table_elements)
                })
            }
            Payload::MemorySection(section) => {
                self.add(Quantity::Memories, section.count().into())?;
                section.clone().into_iter().try_for_each(|memory| {
                    let memory_bytes = memory?.initial.saturating_mul(PAGE_BYTES);
                    self.instances.declare(Needs { memories: 1, memory_bytes, ..Needs::default() });
                    self.add(Quantity::MemoryBytes, memory_bytes)
                })
            }
            Payload::ElementSection(section) => {
                self.add(Quantity::ElementSegments, section.count().into())?;
                section.clone().into_iter().try_for_each(|segment| {
                    let elements = match segment?.items {
                        ElementItems::Functions(items) => items.count(),
                        ElementItems::Expressions(_, items) => items.count(),
                    };
                    self.add(Quantity::Elements, elements.into())
                })
            }
            Payload::DataSection(section) => {
                self.add(Quantity::DataSegments, section.count().into())?;
                let mut segments = section.clone().into_iter();
                segments.try_for_each(|segment| self.add(Quantity::DataBytes, segment?.data.len() as u64))
            }
            _ => self.count_component_section(payload),
        }
    }

    fn count_component_section(&mut self, payload: &Payload<'a>) -> Result<(), Stop> {
        match payload {
            Payload::ComponentAliasSection(section) => {
                self.add(Quantity::Aliases, section.count().into())?;
                section.clone().into_iter().try_for_each(|alias| alias_is_of_a_value(&alias?))
            }
            Payload::ComponentCanonicalSection(section) => self.add(Quantity::Seams, section.count().into()),
            Payload::InstanceSection(section) => {
                self.add(Quantity::Instances, section.count().into())?;
                section.clone().into_iter().try_for_each(|instance| {
                    let given = match instance? {
                        Instance::Instantiate { args, .. } => args.len(),
                        Instance::FromExports(exports) => exports.len(),
                    };
                    self.add(Quantity::Exports, given as u64)
                })
            }
            Payload::ComponentInstanceSection(section) => {
                self.add(Quantity::Instances, section.count().into())?;
                section.clone().into_iter().try_for_each(|instance| {
                    let given = match instance? {
                        ComponentInstance::Instantiate { args, .. } => args.len(),
                        ComponentInstance::FromExports(exports) => exports.len(),
                    };
                    self.add(Quantity::Exports, given as u64)
                })
            }
            Payload::CoreTypeSection(section) => {
                self.add(Quantity::Types, section.count().into())?;
                section.clone().into_iter().try_for_each(|ty| match ty? {
                    CoreType::Module(declarations) => self.add(Quantity::Types, declarations.len() as u64),
                    CoreType::Rec(_) => Ok(()),
                })
            }
            Payload::ComponentTypeSection(section) => self.types(section.range()),
            Payload::ComponentImportSection(section) => {
                self.add(Quantity::Imports, section.count().into())?;
                section.clone().into_iter().try_for_each(|import| self.own_import(&import?))
            }
            Payload::ComponentExportSection(section) => {
                self.add(Quantity::Exports, section.count().into())?;
                section.clone().into_iter().try_for_each(|export| self.own_export(export?.name.name))
            }
            // The rest is counted with its section, or the validator refuses it.
            _ => Ok(()),
        }
    }

    fn core_imports(&mut self, group: Imports<'a>) -> Result<(), Stop> {
        match group {
            Imports::Single(_, import) => {
                self.name(import.module)?;
                self.name(import.name)
            }
            // Several at once: a feature that is off; counted, so that saying so costs no more than it should.
            Imports::Compact1 { items, .. } => self.add(Quantity::Imports, items.count().into()),
            Imports::Compact2 { names, .. } => self.add(Quantity::Imports, names.count().into()),
        }
    }

    fn own_import(&mut self, import: &ComponentImport<'a>) -> Result<(), Stop> {
        let name = import.name.name;
        if self.open == 1 {
            self.add(Quantity::OwnImports, 1)?;
            self.imports.push(name);
        }
        self.name(name)?;
        let what = match import.ty {
            ComponentTypeRef::Module(_) => "module",
            ComponentTypeRef::Component(_) => "component",
            _ => return Ok(()),
        };
        let item = format!("the {what} `{name}` is imported, where only instances and functions are");
        Err(Stop::Refused(Refusal::new(Code::ImportNotAllowed, item, INSTANTIATE_THERE)))
    }

    fn own_export(&mut self, name: &'a str) -> Result<(), Stop> {
        if self.open == 1 {
            self.exports.push(name);
        }
        self.name(name)
    }

    fn types(&mut self, range: std::ops::Range<usize>) -> Result<(), Stop> {
        let section = self.bytes.get(range.clone()).unwrap_or_default();
        let most = self.limits.counts;
        let left = most.get(Quantity::Types).saturating_sub(self.counts.get(Quantity::Types));
        let types = nesting::measure(section, range.start, left, most.get(Quantity::TypeDepth))?;
        self.most(Quantity::TypeDepth, types.depth)?;
        self.add(Quantity::Types, types.items)
    }

    fn function(&mut self, body: &FunctionBody<'a>) -> Result<(), Stop> {
        let range = body.range();
        let size = range.end.saturating_sub(range.start) as u64;
        self.work = self.work.saturating_add(size);
        self.most(Quantity::FunctionBytes, size)?;
        let mut locals = 0_u64;
        for group in body.get_locals_reader()? {
            locals = locals.saturating_add(group?.0.into());
        }
        self.most(Quantity::Locals, locals)
    }

    fn custom(&mut self, name: &'a str, data: &'a [u8]) -> Result<(), Stop> {
        self.name(name)?;
        self.add(Quantity::CustomSections, 1)?;
        self.add(Quantity::CustomBytes, data.len() as u64)?;
        if name == stamp::SECTION && self.open == 1 && self.stamp.replace(data).is_some() {
            let item = format!("the component has the section `{name}` twice");
            return Err(Stop::Refused(Refusal::new(
                Code::BadStamp,
                item,
                "stamp it once, after everything else",
            )));
        }
        Ok(())
    }

    fn name(&mut self, name: &str) -> Result<(), Stop> {
        self.work = self.work.saturating_add(1);
        self.most(Quantity::NameBytes, name.len() as u64)
    }

    fn add(&mut self, quantity: Quantity, number: u64) -> Result<(), Stop> {
        self.work = self.work.saturating_add(1);
        self.set(quantity, self.counts.get(quantity).saturating_add(number))
    }

    fn most(&mut self, quantity: Quantity, number: u64) -> Result<(), Stop> {
        self.set(quantity, self.counts.get(quantity).max(number))
    }

    fn set(&mut self, quantity: Quantity, number: u64) -> Result<(), Stop> {
        self.counts = self.counts.with(quantity, number);
        let most = self.limits.counts.get(quantity);
        if number <= most {
            return Ok(());
        }
        let (name, tier) = (quantity.name(), self.limits.tier);
        Err(Stop::Refused(Refusal::new(
            Code::TooMany(quantity),
            format!("the component has {number} or more of `{name}`"),
            format!("tier `{tier}` allows {most}: make the tool smaller, or ask for a larger tier"),
        )))
    }
}

/// Refuses modules and components that an instance exports: which they are cannot be told from the alias.
fn alias_is_of_a_value(alias: &ComponentAlias<'_>) -> Result<(), Stop> {
    let ComponentAlias::InstanceExport { kind, name, .. } = alias else { return Ok(()) };
    let what = match kind {
        ComponentExternalKind::Module => "module",
        ComponentExternalKind::Component => "component",
        _ => return Ok(()),
    };
    let item = format!(
        "the {what} `{name}` is taken out of an instance, where only instances, functions and types are"
    );
    Err(Stop::Refused(Refusal::new(Code::ExportNotAllowed, item, INSTANTIATE_THERE)))
}

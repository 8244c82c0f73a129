//! Why a component may not go on.

use std::fmt;

use crate::quantity::Quantity;

/// Why a component may not go on: what is wrong, where, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {item}; {mend}")]
pub struct Refusal {
    /// What kind of refusal it is.
    pub code: Code,
    /// The offending item, in words that its author recognises; at most [`Refusal::MAX_ITEM_BYTES`].
    pub item: String,
    /// What to change.
    pub mend: String,
}

/// The kinds of refusal. [`Code::as_str`] never changes for a kind that was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Code {
    /// The component has more bytes than the tier allows.
    TooLarge,
    /// Machine code made elsewhere.
    Precompiled,
    /// A core module, not a component.
    CoreModule,
    /// No WebAssembly binary at all.
    NotWasm,
    /// Not well-formed, or not valid.
    InvalidComponent,
    /// Valid only with a feature that is not on the allow-list.
    FeatureOff,
    /// More of something than the tier allows.
    TooMany(Quantity),
    /// An import that a tool does not get.
    ImportNotAllowed,
    /// One interface imported in two compatible versions.
    ImportTwice,
    /// An import that asks for more than the interface has, or for something else.
    ImportMismatch,
    /// A version of the contract that was never released.
    UnknownVersion,
    /// The tool's interface is not exported.
    ExportMissing,
    /// An export that the world does not have.
    ExportNotAllowed,
    /// A resource exported that the world does not have.
    ResourceNotInWorld,
    /// The tool's interface is exported with other types.
    ExportMismatch,
    /// There is no stamp.
    StampMissing,
    /// The stamp cannot be read, or contradicts the component.
    BadStamp,
    /// The stamp asks for a newer host.
    HostTooOld,
    /// The arguments' schema has too many bytes.
    SchemaTooLarge,
    /// The arguments' schema nests too deeply.
    SchemaTooDeep,
    /// The arguments' schema unfolds into too much.
    SchemaTooIntricate,
    /// The arguments' schema refers to something outside of it, or to nothing.
    SchemaReference,
    /// The arguments' schema contains itself.
    SchemaRecursive,
    /// The arguments' schema is no JSON Schema of an object.
    BadSchema,
    /// More hosts than allowed.
    TooManyHosts,
    /// A host that is no host name.
    BadHost,
    /// An address where a name is wanted, however it is spelled.
    HostIsAddress,
    /// A name that is never public.
    HostNotPublic,
    /// Compiling it takes more time or memory than the tier allows.
    CompileTooCostly,
    /// The compiler refuses it.
    CompileFailed,
    /// The compiler could not be run, or was ended by something else than the component: the platform's fault.
    CompilerUnavailable,
    /// The host is short of something that looking at the component takes: the platform's fault.
    HostUnavailable,
    /// The bytes are not those that were asked for: the platform's fault.
    DigestMismatch,
    /// It does not link to what the platform gives tools.
    WrongWorld,
    /// `describe` gave no answer within its limits.
    DescribeFailed,
    /// `describe` gave two answers when it was asked twice.
    DescribeUnstable,
    /// The tool's name is none that a model can call.
    BadName,
    /// The tool's description is empty or too long.
    BadDescription,
    /// The tool's timeout is out of bounds.
    BadTimeout,
}

impl Refusal {
    /// The most bytes of [`Refusal::item`]: names come from the component.
    pub const MAX_ITEM_BYTES: usize = 400;

    /// A refusal. Control characters of the item are replaced, and it is cut to [`Refusal::MAX_ITEM_BYTES`].
    pub fn new(code: Code, item: impl Into<String>, mend: impl Into<String>) -> Self {
        let mut item = item.into().replace(char::is_control, "?");
        if item.len() > Self::MAX_ITEM_BYTES {
            let end = item.floor_char_boundary(Self::MAX_ITEM_BYTES - 3);
            item.truncate(end);
            item.push_str("...");
        }
        Self { code, item, mend: mend.into() }
    }
}

impl Code {
    /// The codes that stand alone, in the order of their declaration.
    const PLAIN: &[Self] = &[
        Self::TooLarge,
        Self::Precompiled,
        Self::CoreModule,
        Self::NotWasm,
        Self::InvalidComponent,
        Self::FeatureOff,
        Self::ImportNotAllowed,
        Self::ImportTwice,
        Self::ImportMismatch,
        Self::UnknownVersion,
        Self::ExportMissing,
        Self::ExportNotAllowed,
        Self::ResourceNotInWorld,
        Self::ExportMismatch,
        Self::StampMissing,
        Self::BadStamp,
        Self::HostTooOld,
        Self::SchemaTooLarge,
        Self::SchemaTooDeep,
        Self::SchemaTooIntricate,
        Self::SchemaReference,
        Self::SchemaRecursive,
        Self::BadSchema,
        Self::TooManyHosts,
        Self::BadHost,
        Self::HostIsAddress,
        Self::HostNotPublic,
        Self::CompileTooCostly,
        Self::CompileFailed,
        Self::CompilerUnavailable,
        Self::HostUnavailable,
        Self::DigestMismatch,
        Self::WrongWorld,
        Self::DescribeFailed,
        Self::DescribeUnstable,
        Self::BadName,
        Self::BadDescription,
        Self::BadTimeout,
    ];

    /// Every code: `docs/tool-refusals.md` says of each what it means. Those of quantities come last.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::PLAIN.iter().copied().chain(Quantity::all().map(Self::TooMany))
    }

    /// The code as it is stored, shown and documented.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::Precompiled => "precompiled",
            Self::CoreModule => "core-module",
            Self::NotWasm => "not-wasm",
            Self::InvalidComponent => "invalid-component",
            Self::FeatureOff => "feature-off",
            Self::TooMany(quantity) => too_many(quantity),
            Self::ImportNotAllowed => "import-not-allowed",
            Self::ImportTwice => "import-twice",
            Self::ImportMismatch => "import-mismatch",
            Self::UnknownVersion => "unknown-version",
            Self::ExportMissing => "export-missing",
            Self::ExportNotAllowed => "export-not-allowed",
            Self::ResourceNotInWorld => "resource-not-in-world",
            Self::ExportMismatch => "export-mismatch",
            Self::StampMissing => "stamp-missing",
            Self::BadStamp => "bad-stamp",
            Self::HostTooOld => "host-too-old",
            Self::SchemaTooLarge => "schema-too-large",
            Self::SchemaTooDeep => "schema-too-deep",
            Self::SchemaTooIntricate => "schema-too-intricate",
            Self::SchemaReference => "schema-reference",
            Self::SchemaRecursive => "schema-recursive",
            Self::BadSchema => "bad-schema",
            Self::TooManyHosts => "too-many-hosts",
            Self::BadHost => "bad-host",
            Self::HostIsAddress => "host-is-address",
            Self::HostNotPublic => "host-not-public",
            Self::CompileTooCostly => "compile-too-costly",
            Self::CompileFailed => "compile-failed",
            Self::CompilerUnavailable => "compiler-unavailable",
            Self::HostUnavailable => "host-unavailable",
            Self::DigestMismatch => "digest-mismatch",
            Self::WrongWorld => "wrong-world",
            Self::DescribeFailed => "describe-failed",
            Self::DescribeUnstable => "describe-unstable",
            Self::BadName => "bad-name",
            Self::BadDescription => "bad-description",
            Self::BadTimeout => "bad-timeout",
        }
    }

    /// Whether the platform is at fault and the component may be sound: to be tried again, and no verdict on it.
    pub fn is_platform_fault(self) -> bool {
        matches!(self, Self::CompilerUnavailable | Self::HostUnavailable | Self::DigestMismatch)
    }
}

fn too_many(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Modules => "too-many-modules",
        Quantity::Components => "too-many-components",
        Quantity::Depth => "nested-too-deeply",
        Quantity::Instances => "too-many-instances",
        Quantity::Aliases => "too-many-aliases",
        Quantity::Types => "too-many-types",
        Quantity::TypeDepth => "types-nested-too-deeply",
        Quantity::Functions => "too-many-functions",
        Quantity::Seams => "too-many-seams",
        Quantity::Imports => "too-many-imports",
        Quantity::OwnImports => "too-many-own-imports",
        Quantity::Exports => "too-many-exports",
        Quantity::Tables => "too-many-tables",
        Quantity::TableElements => "tables-too-large",
        Quantity::Memories => "too-many-memories",
        Quantity::MemoryBytes => "memory-too-large",
        Quantity::Globals => "too-many-globals",
        Quantity::ElementSegments => "too-many-element-segments",
        Quantity::Elements => "too-many-elements",
        Quantity::DataSegments => "too-many-data-segments",
        Quantity::DataBytes => "data-too-large",
        Quantity::CustomSections => "too-many-custom-sections",
        Quantity::CustomBytes => "custom-sections-too-large",
        Quantity::FunctionBytes => "function-too-large",
        Quantity::Locals => "too-many-locals",
        Quantity::NameBytes => "name-too-long",
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_cut_and_cleaned() {
        let refusal = Refusal::new(Code::BadHost, format!("a\n{}", "é".repeat(400)), "mend it");
        assert!(refusal.item.len() <= Refusal::MAX_ITEM_BYTES);
        assert!(refusal.item.starts_with("a?é") && refusal.item.ends_with("..."));
        assert_eq!(Refusal::new(Code::BadHost, "x", "mend it").to_string(), "bad-host: x; mend it");
    }

    /// The place of a code among all. A new kind has to be given one before those of quantities.
    fn place(code: Code) -> usize {
        match code {
            Code::TooLarge => 0,
            Code::Precompiled => 1,
            Code::CoreModule => 2,
            Code::NotWasm => 3,
            Code::InvalidComponent => 4,
            Code::FeatureOff => 5,
            Code::ImportNotAllowed => 6,
            Code::ImportTwice => 7,
            Code::ImportMismatch => 8,
            Code::UnknownVersion => 9,
            Code::ExportMissing => 10,
            Code::ExportNotAllowed => 11,
            Code::ResourceNotInWorld => 12,
            Code::ExportMismatch => 13,
            Code::StampMissing => 14,
            Code::BadStamp => 15,
            Code::HostTooOld => 16,
            Code::SchemaTooLarge => 17,
            Code::SchemaTooDeep => 18,
            Code::SchemaTooIntricate => 19,
            Code::SchemaReference => 20,
            Code::SchemaRecursive => 21,
            Code::BadSchema => 22,
            Code::TooManyHosts => 23,
            Code::BadHost => 24,
            Code::HostIsAddress => 25,
            Code::HostNotPublic => 26,
            Code::CompileTooCostly => 27,
            Code::CompileFailed => 28,
            Code::CompilerUnavailable => 29,
            Code::HostUnavailable => 30,
            Code::DigestMismatch => 31,
            Code::WrongWorld => 32,
            Code::DescribeFailed => 33,
            Code::DescribeUnstable => 34,
            Code::BadName => 35,
            Code::BadDescription => 36,
            Code::BadTimeout => 37,
            Code::TooMany(quantity) => 38 + quantity as usize,
        }
    }

    #[test]
    fn no_code_is_missing_from_all_of_them() {
        let places: Vec<usize> = Code::all().map(place).collect();
        let expected: Vec<usize> = (0..38 + Quantity::all().count()).collect();
        assert_eq!(places, expected);
    }

    #[test]
    fn no_two_codes_are_told_alike() {
        let told: std::collections::BTreeSet<&str> = Code::all().map(Code::as_str).collect();
        assert_eq!(told.len(), Code::all().count());
    }

    #[test]
    fn what_the_host_is_short_of_is_no_verdict() {
        for code in [Code::CompilerUnavailable, Code::HostUnavailable, Code::DigestMismatch] {
            assert!(code.is_platform_fault(), "{code}");
        }
        for code in [Code::CompileTooCostly, Code::CompileFailed, Code::DescribeFailed] {
            assert!(!code.is_platform_fault(), "{code}");
        }
    }
}

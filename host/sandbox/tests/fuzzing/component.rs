//! Components made of bytes: generated ones, real tools with generated code in them, and real tools changed.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use arbitrary::{Arbitrary as _, Unstructured};
use wasm_smith::{Component, Config, Module};

use super::composed::{Made, composed};
use super::random::Random;

/// What a component is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Generated altogether.
    Generated,
    /// A tool with a generated module besides its own, that starts when the tool does.
    Starting,
    /// A tool with a generated component in it.
    Nesting,
    /// A tool that was changed.
    Changed,
    /// A tool with a generated module that was changed then.
    ChangedStarting,
    /// A tool with an instance of a component of components in it.
    Composed,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Generated,
        Self::Starting,
        Self::Nesting,
        Self::Changed,
        Self::ChangedStarting,
        Self::Composed,
    ];

    /// Its name in the corpus.
    pub fn name(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Starting => "starting",
            Self::Nesting => "nesting",
            Self::Changed => "changed",
            Self::ChangedStarting => "changed-starting",
            Self::Composed => "composed",
        }
    }
}

/// The tool that others are made of: it passes, has no start function, and two core modules.
const TOOL: &str = include_str!("../golden/0.1.0.wat");

/// The number of [`TOOL`]'s core modules, and so the index of the next one.
const MODULES: u8 = 2;

/// The number of [`TOOL`]'s components, and so the index of the next one.
const COMPONENTS: u8 = 1;

/// Bytes that a component is generated from, at most.
const SEED_BYTES: usize = 4_096;

/// The component of `kind` that `seed` stands for; none where the generator finds too little in it.
pub fn of_seed(kind: Kind, seed: u64) -> Option<Vec<u8>> {
    let mut random = Random::new(seed);
    let length = 64 + random.below(SEED_BYTES - 64);
    let data = random.bytes(length);
    made(kind, &data, &mut random)
}

/// The component that `data` stands for, whose first byte is the kind.
pub fn of_bytes(data: &[u8]) -> Option<Vec<u8>> {
    let (first, data) = data.split_first()?;
    let kind = Kind::ALL.get(usize::from(*first) % Kind::ALL.len())?;
    let seed = data.iter().take(8).fold(0, |seed, byte| (seed << 8) | u64::from(*byte));
    made(*kind, data, &mut Random::new(seed))
}

/// What instantiating the composed component of a seed makes, as the one who composed it knows.
pub fn made_of_seed(seed: u64) -> Made {
    let mut random = Random::new(seed);
    let length = 64 + random.below(SEED_BYTES - 64);
    random.bytes(length);
    composed(&mut random).1
}

fn made(kind: Kind, data: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    match kind {
        Kind::Generated => generated(data),
        Kind::Starting => starting(data),
        Kind::Nesting => Some(with_section(base(), 4, &generated(data)?)),
        Kind::Changed => {
            let mut tool = TOOLS.get(random.below(TOOLS.len())).cloned()?;
            random.change(&mut tool);
            Some(tool)
        }
        Kind::ChangedStarting => {
            let mut tool = starting(data)?;
            random.change(&mut tool);
            Some(tool)
        }
        Kind::Composed => {
            let (text, _) = composed(random);
            let component = wat::parse_str(text).expect("the text is well-formed");
            // One instance, of that component, given nothing.
            Some(with_section(&with_section(base(), 4, &component), 5, &[1, 0, COMPONENTS, 0]))
        }
    }
}

fn base() -> &'static [u8] {
    static BASE: LazyLock<Vec<u8>> = LazyLock::new(|| wat::parse_str(TOOL).expect("the tool is well-formed"));
    &BASE
}

/// The tools that are changed: the one above, which stays as it is, so that a seed stays the same component. Where
/// `FUZZ_MORE` is set also the hostile ones of the suite and, where they were built, the platform's own.
static TOOLS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut tools = vec![base().to_vec()];
    if std::env::var_os("FUZZ_MORE").is_some() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        tools.extend(
            files(&here.join("tests/hostile"), "wat")
                .iter()
                .filter_map(|text| wat::parse_bytes(text).ok()?.into_owned().into()),
        );
        tools.extend(files(&here.join("../../target/components"), "wasm"));
    }
    tools
});

/// The files of a folder whose names end so; none, where there is no folder.
fn files(folder: &Path, extension: &str) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .filter(|path| path.extension().is_some_and(|end| end == extension))
        .filter_map(|path| fs::read(path).ok())
        .collect()
}

fn generated(data: &[u8]) -> Option<Vec<u8>> {
    Some(Component::arbitrary(&mut Unstructured::new(data)).ok()?.to_bytes())
}

fn starting(data: &[u8]) -> Option<Vec<u8>> {
    let mut data = Unstructured::new(data);
    let config = config(&mut data)?;
    let module = Module::new(config, &mut data).ok()?.to_bytes();
    let tool = with_section(base(), 1, &module);
    // One instance, of that module, given nothing.
    Some(with_section(&tool, 2, &[1, 0, MODULES, 0]))
}

/// Modules that need nothing, mostly of the WebAssembly that tools may be written in.
fn config(data: &mut Unstructured<'_>) -> Option<Config> {
    let mut config =
        Config { max_imports: 0, max_memories: 0, max_table_elements: 10_000, ..Config::default() };
    config.min_funcs = 1;
    config.max_funcs = data.int_in_range(1..=40).ok()?;
    config.max_instructions = data.int_in_range(1..=400).ok()?;
    config.max_tables = data.int_in_range(0..=3).ok()?;
    for off in [
        &mut config.custom_page_sizes_enabled,
        &mut config.exceptions_enabled,
        &mut config.gc_enabled,
        &mut config.memory64_enabled,
        &mut config.relaxed_simd_enabled,
        &mut config.tail_call_enabled,
        &mut config.threads_enabled,
        &mut config.wide_arithmetic_enabled,
    ] {
        *off = data.ratio(1, 40).ok()?;
    }
    config.reference_types_enabled = data.ratio(1, 8).ok()?;
    if data.ratio(1, 16).ok()? {
        config.max_memories = 2;
    }
    Some(config)
}

/// `component` with a section after all others.
fn with_section(component: &[u8], id: u8, content: &[u8]) -> Vec<u8> {
    let mut longer = component.to_vec();
    longer.push(id);
    let mut length = content.len();
    loop {
        let low = u8::try_from(length & 0x7f).unwrap_or_default();
        length >>= 7;
        if length == 0 {
            longer.push(low);
            break;
        }
        longer.push(low | 0x80);
    }
    longer.extend_from_slice(content);
    longer
}

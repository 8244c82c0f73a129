//! Reads a component once, front to back: counts each section, then validates it.

use wasmparser::types::Types;
use wasmparser::{
    BinaryReaderError, FuncValidatorAllocations, Parser, Payload, ValidPayload, Validator, WasmFeatures,
};

use crate::contract::{self, Release};
use crate::features::{ALLOWED, KNOWN};
use crate::limits::Limits;
use crate::quantity::Counts;
use crate::refusal::{Code, Refusal};
use crate::sections::{Counter, Stop};

/// What is known of a component that is well-formed, valid and within its limits.
pub(crate) struct Walked<'a> {
    pub(crate) counts: Counts,
    /// Its types, and those of the contract, which the same validator read and which can thus be compared.
    pub(crate) types: Types,
    pub(crate) releases: Vec<Release>,
    /// The names that it imports and exports, in its own order.
    pub(crate) imports: Vec<&'a str>,
    pub(crate) exports: Vec<&'a str>,
    pub(crate) stamp: Option<&'a [u8]>,
}

pub(crate) fn walk<'a>(bytes: &'a [u8], limits: &'a Limits, work: &mut u64) -> Result<Walked<'a>, Refusal> {
    let mut validator = Validator::new_with_features(ALLOWED);
    let releases = contract::load(&mut validator);
    let mut counter = Counter::new(bytes, limits);
    let outcome = read(bytes, &mut validator, &mut counter);
    *work = work.saturating_add(counter.work);
    let types = match outcome {
        Ok(types) => types,
        Err(Stop::Refused(refusal)) => return Err(refusal),
        Err(Stop::Unreadable(error)) => return Err(explain(bytes, &error, work)),
    };
    let Counter { counts, imports, exports, stamp, .. } = counter;
    Ok(Walked { counts, types, releases, imports, exports, stamp })
}

fn read<'a>(bytes: &'a [u8], validator: &mut Validator, counter: &mut Counter<'a>) -> Result<Types, Stop> {
    let mut last = None;
    let mut allocations = FuncValidatorAllocations::default();
    for payload in parser(ALLOWED).parse_all(bytes) {
        let payload = payload?;
        is_whole(&payload, bytes.len())?;
        counter.count(&payload)?;
        match validator.payload(&payload)? {
            ValidPayload::Func(function, body) => {
                let mut function = function.into_validator(allocations);
                function.validate(&body)?;
                allocations = function.into_allocations();
            }
            ValidPayload::End(types) => last = Some(types),
            ValidPayload::Ok | ValidPayload::Parser(_) => {}
        }
    }
    // The last end is that of the outermost component: a parser that meets the end of the bytes before reports it.
    last.ok_or_else(|| {
        Stop::Refused(Refusal::new(Code::InvalidComponent, "the component has no end", REBUILD))
    })
}

/// Refuses a module or component in the component that says it goes on where the bytes end: the parser takes their end for its end.
fn is_whole(payload: &Payload<'_>, length: usize) -> Result<(), Stop> {
    let (what, range) = match payload {
        Payload::ModuleSection { unchecked_range, .. } => ("module", unchecked_range),
        Payload::ComponentSection { unchecked_range, .. } => ("component", unchecked_range),
        _ => return Ok(()),
    };
    if range.end <= length {
        return Ok(());
    }
    let item = format!(
        "the {what} at byte {} is said to end at byte {}, after the last one",
        range.start, range.end
    );
    Err(Stop::Refused(Refusal::new(Code::InvalidComponent, item, REBUILD)))
}

const REBUILD: &str = "build it again with a current toolchain";

fn parser(features: WasmFeatures) -> Parser {
    let mut parser = Parser::new(0);
    parser.set_features(features);
    parser
}

/// Tells what is switched off from what is wrong: the former is valid with everything switched on.
fn explain(bytes: &[u8], error: &BinaryReaderError, work: &mut u64) -> Refusal {
    let place = format!("{} (at byte {})", error.message(), error.offset());
    if is_valid_at(bytes, error.offset(), work) {
        let mend =
            "tools may use WebAssembly 2.0 and components without async; switch the feature off and rebuild";
        return Refusal::new(Code::FeatureOff, place, mend);
    }
    Refusal::new(Code::InvalidComponent, place, REBUILD)
}

/// Whether validation with everything switched on gets past `offset`. It reads nothing that was not counted before.
fn is_valid_at(bytes: &[u8], offset: usize, work: &mut u64) -> bool {
    let mut validator = Validator::new_with_features(KNOWN);
    let mut allocations = FuncValidatorAllocations::default();
    for payload in parser(KNOWN).parse_all(bytes) {
        let step = payload.and_then(|payload| {
            let begin = begin(&payload);
            *work = work.saturating_add(1);
            if begin.is_some_and(|begin| begin > offset) {
                return Ok(true);
            }
            if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
                let range = body.range();
                *work = work.saturating_add((range.end - range.start) as u64);
                let mut function = function.into_validator(std::mem::take(&mut allocations));
                function.validate(&body)?;
                allocations = function.into_allocations();
            }
            Ok(false)
        });
        match step {
            Ok(false) => {}
            Ok(true) => return true,
            Err(error) => return error.offset() > offset,
        }
    }
    true
}

fn begin(payload: &Payload<'_>) -> Option<usize> {
    match payload {
        Payload::CodeSectionEntry(body) => Some(body.range().start),
        _ => payload.as_section().map(|(_, range)| range.start),
    }
}

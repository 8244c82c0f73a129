//! Decides from a component's bytes alone whether it may go on towards running as a tool.
//!
//! The bytes come from a tenant and are hostile until shown otherwise. This crate reads them once, front to back,
//! and never runs them: it links no engine. What passes is compiled, linked and asked to describe itself elsewhere,
//! in a process that can be lost.
//!
//! [`check`] does, in this order:
//!
//! 1. size, and the SHA-256 by which the component is known from then on;
//! 2. precompiled artefacts, core modules and everything that is no component are refused;
//! 3. section by section: structural counts first ([`Quantity`]), then validation with the features of the
//!    [allow-list](features::ALLOWED), so that nothing is validated that is already too much;
//! 4. imports and exports against the released versions of `voicehive:tool`;
//! 5. the stamp that says which contract the component was built for.
//!
//! What a tool says of itself comes later and is checked by [`check_parameters`]; the hosts it may reach are declared
//! at the upload and checked by [`check_hosts`].
//!
//! Every refusal is a [`Refusal`]: a stable code, the offending item, and what to change.
//!
//! ```
//! use gate::{Code, Limits, check};
//!
//! let refusal = check(b"\x7fELF\x02\x01\x01", &Limits::STANDARD).unwrap_err();
//! assert_eq!(refusal.code, Code::Precompiled);
//! assert_eq!(refusal.code.as_str(), "precompiled");
//! ```

mod arguments;
mod artefact;
mod conformance;
mod contract;
pub mod features;
mod hosts;
mod instances;
mod limits;
mod nesting;
mod quantity;
mod refusal;
mod report;
mod schema;
mod sections;
mod stamp;
mod version;
mod walk;

pub use arguments::{Misfit, check_arguments};
pub use hosts::{MAX_HOSTS, check_hosts};
pub use limits::{Limits, StampRule};
pub use quantity::{Counts, Quantity};
pub use refusal::{Code, Refusal};
pub use report::Report;
pub use schema::check_parameters;
pub use stamp::{SECTION as STAMP_SECTION, Stamp};
pub use version::version;

/// Checks a component's bytes.
///
/// Memory is bounded by a small multiple of the size of the component, time by [`Report::work`], which is at most a
/// small multiple too.
///
/// # Errors
/// The first thing that keeps the component from being a tool.
pub fn check(bytes: &[u8], limits: &Limits) -> Result<Report, Refusal> {
    measure(bytes, limits).1
}

/// As [`check`], and how much work it was, whatever the answer: bytes and items looked at.
pub fn measure(bytes: &[u8], limits: &Limits) -> (u64, Result<Report, Refusal>) {
    let mut work = 0;
    let result = gate(bytes, limits, &mut work);
    (work, result)
}

fn gate(bytes: &[u8], limits: &Limits, work: &mut u64) -> Result<Report, Refusal> {
    artefact::check_size(bytes, limits)?;
    let digest = artefact::digest(bytes, work);
    artefact::check_kind(bytes)?;
    let walked = walk::walk(bytes, limits, work)?;
    let conforms = conformance::check(&walked)?;
    let stamp = stamp::check(walked.stamp, limits.stamp, &conforms.contract)?;
    Ok(Report {
        digest,
        bytes: bytes.len(),
        counts: walked.counts,
        contract: conforms.contract,
        imports: conforms.imports,
        stamp,
        work: *work,
    })
}

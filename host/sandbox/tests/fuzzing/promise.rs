//! What holds for any bytes.

use gate::{Code, Limits, measure};
use sandbox::{Admission, Tier};

/// The most work for a byte, in the two passes that a refusal may take, and for the contract itself.
const WORK_PER_BYTE: u64 = 8;
const WORK: u64 = 64;

/// What a component that the gate lets through, and the platform then does without, is called in the corpus.
pub const ADMITTED: &str = "admitted";

/// The gate's answer, for both tiers: it comes, and its work is bounded by the number of bytes. The larger tier refuses
/// nothing that the smaller one lets through.
///
/// # Panics
/// Where that does not hold.
pub fn gated(bytes: &[u8]) -> Result<(), Code> {
    let [standard, large] = [Limits::STANDARD, Limits::LARGE].map(|limits| {
        let (work, answer) = measure(bytes, &limits);
        let most = WORK + WORK_PER_BYTE * bytes.len() as u64;
        assert!(work <= most, "{work} steps for {} bytes", bytes.len());
        answer.map(drop).map_err(|refusal| {
            assert!(!refusal.item.is_empty() && !refusal.mend.is_empty(), "{refusal}");
            refusal.code
        })
    });
    assert!(standard.is_err() || large.is_ok(), "{large:?}");
    standard
}

/// The platform's answer to what the gate lets through: it compiles, links and starts, or says by a code which tools
/// earn that it does not. The gate knows all of the engine's rules, so the compiler itself refuses nothing.
///
/// # Panics
/// Where that does not hold.
pub fn admitted(admission: &Admission, bytes: &[u8]) -> &'static str {
    match admission.admit(bytes, Tier::Standard) {
        Ok(_) => ADMITTED,
        Err(refusal) => {
            let deserved = matches!(
                refusal.code,
                Code::CompileTooCostly
                    | Code::DescribeFailed
                    | Code::DescribeUnstable
                    | Code::BadName
                    | Code::BadDescription
                    | Code::BadTimeout
                    | Code::TooManyHosts
                    | Code::BadHost
                    | Code::HostIsAddress
                    | Code::HostNotPublic
                    | Code::BadSchema
            );
            assert!(deserved, "the gate lets through what does not load: {refusal}");
            refusal.code.as_str()
        }
    }
}

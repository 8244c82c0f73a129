//! What the gate promises for any bytes.

use gate::{Code, Limits, measure};

/// The most work for a byte, in the two passes that a refusal may take, and for the contract itself.
const WORK_PER_BYTE: u64 = 8;
const WORK: u64 = 64;

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

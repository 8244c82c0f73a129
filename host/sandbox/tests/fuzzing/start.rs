//! What the platform promises for whatever the gate lets through.

use super::component::Kind;
use gate::{Code, Quantity, Refusal};
use sandbox::{Admission, Admitted, Tier};

/// What a component that the gate lets through, and the platform then does without, is called in the corpus.
pub const ADMITTED: &str = "admitted";

/// How often a component is sent again that was not looked at for want of processors or memory.
const TRIES: u32 = 5;

/// A verdict, as whoever sends a component again gets one in the end.
fn answer(admission: &Admission, bytes: &[u8]) -> Result<Admitted, Refusal> {
    let again = |refusal: &Refusal| refusal.code.is_platform_fault();
    let mut answer = admission.admit(bytes, Tier::Standard);
    for _ in 1..TRIES {
        if !answer.as_ref().is_err_and(again) {
            break;
        }
        answer = admission.admit(bytes, Tier::Standard);
    }
    answer
}

/// The platform's answer to what the gate lets through: it compiles, links and starts, or says by a code which tools
/// earn that it does not. The gate knows all of the engine's rules, so the compiler itself refuses nothing.
///
/// # Panics
/// Where that does not hold.
pub fn admitted(admission: &Admission, kind: Kind, bytes: &[u8]) -> &'static str {
    match answer(admission, bytes) {
        Ok(_) => ADMITTED,
        Err(refusal) => {
            // Modules that the engine makes are counted when they are there.
            let has_calls = matches!(kind, Kind::Composed | Kind::Changed | Kind::ChangedStarting);
            let engine_made = has_calls && refusal.code == Code::TooMany(Quantity::Modules);
            let deserved = engine_made
                || matches!(
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
                        | Code::SchemaTooLarge
                        | Code::SchemaTooDeep
                        | Code::SchemaTooIntricate
                        | Code::SchemaReference
                        | Code::SchemaRecursive
                );
            let has_room = !refusal.item.contains("resource limit exceeded");
            assert!(deserved && has_room, "the gate lets through what does not load: {refusal}");
            refusal.code.as_str()
        }
    }
}

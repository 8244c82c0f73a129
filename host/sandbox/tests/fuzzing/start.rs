//! What the platform promises for whatever the gate lets through.

use gate::Code;
use sandbox::{Admission, Tier};

/// What a component that the gate lets through, and the platform then does without, is called in the corpus.
pub const ADMITTED: &str = "admitted";

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
                    | Code::SchemaTooLarge
                    | Code::SchemaTooDeep
                    | Code::SchemaTooIntricate
                    | Code::SchemaReference
                    | Code::SchemaRecursive
            );
            assert!(deserved, "the gate lets through what does not load: {refusal}");
            refusal.code.as_str()
        }
    }
}

//! Looking at components on threads that give way to calls.

use std::panic::resume_unwind;
use std::thread;

use gate::Refusal;

use super::host_unavailable;
use super::jail::NICENESS;
use crate::runtime::priority;

/// What these threads are called; the system shows 15 bytes of it.
const NAME: &str = "tool-admission";

/// Does `work` on a thread of its own, which comes as far behind calls in progress as the compiler does, and waits for it.
/// A thread whose priority was lowered cannot raise it again, so it is not the caller's. As whoever asks waits, there are
/// never more of these threads than callers.
///
/// What starts a compiler does not belong here: a process inherits the priority, and lowers it further.
///
/// # Errors
/// Those of `work`, and where the system has no thread left.
pub(super) fn aside<T: Send>(work: impl FnOnce() -> Result<T, Refusal> + Send) -> Result<T, Refusal> {
    thread::scope(|scope| {
        let lowered = move || {
            priority::lower_by(NICENESS);
            work()
        };
        match thread::Builder::new().name(NAME.to_owned()).spawn_scoped(scope, lowered) {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(error) => Err(host_unavailable(format_args!("it has no thread left: {error}"))),
        }
    })
}

#[cfg(test)]
mod tests {
    use gate::Code;

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_done_aside_gives_way_and_whoever_waits_for_it_does_not() {
        let niceness = || Ok(rustix::process::getpriority_process(None).unwrap());
        let before = niceness().unwrap();
        let aside = aside(niceness).unwrap();
        // 19 is as low as it gets.
        assert!(aside > before || before == 19, "{aside} and {before}");
        assert_eq!(niceness().unwrap(), before);
    }

    #[test]
    fn what_is_refused_aside_is_refused_and_what_breaks_there_breaks() {
        let refusal = aside::<()>(|| Err(Refusal::new(Code::NotWasm, "it", "mend it"))).unwrap_err();
        assert_eq!(refusal.code, Code::NotWasm);
        let broken = std::panic::catch_unwind(|| aside::<()>(|| panic!("as the gate may")));
        assert!(broken.is_err());
    }
}

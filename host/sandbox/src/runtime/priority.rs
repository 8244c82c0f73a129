//! Threads that work for tenants give way to all others.

/// How much lower their priority is: the scheduler gives such a thread about a fiftieth of what it gives
/// an ordinary one that wants the processor at the same time, and lets an ordinary one that wakes up in
/// at once.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 17;

/// Lowers the priority of the calling thread, which is one that runs tools.
///
/// On Linux niceness is a thread's own; lowering one's priority needs no right. On other systems it is the
/// whole process's, so nothing is done there: what keeps tools from the processors of others is then only
/// the number of slots, which should be less than that of processors.
pub(crate) fn lower() {
    #[cfg(target_os = "linux")]
    lower_by(NICENESS);
}

/// Lowers the priority of the calling thread, as [`lower`] does, by another measure. It does not rise again.
pub(crate) fn lower_by(niceness: i32) {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(niceness) {
        tracing::warn!(%error, "tools run at the priority of calls; give them fewer slots than there are processors");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = niceness;
}

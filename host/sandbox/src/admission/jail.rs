//! What the compiler's process gives up before it reads a tenant's bytes.
//!
//! A compiler is not known to do what its input says. It is large, though, and what it reads is hostile; so it holds
//! nothing that would be worth reaching, and cannot take more than its limits.

use std::io;
use std::path::Path;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::tier::CompileLimits;

/// How far behind calls in progress the compiler comes: it gets about a third of a processor that one of them wants too.
/// Much less, and on a busy machine no upload would end in time.
const NICENESS: i32 = 5;

/// Gives up everything but standard input, output and error, processor time and memory.
///
/// On systems other than Linux there are only the limits, and those are each as good as the system's own.
///
/// Call it first: it closes whatever else is open.
pub(super) fn enter(limits: &CompileLimits) -> Result<(), String> {
    #[cfg(target_os = "linux")]
    linux::enter()?;
    let step = |what: &'static str| move |error: io::Error| format!("{what}: {error}");
    // Everything that the platform keeps in its environment is a secret of someone.
    if std::env::vars_os().next().is_some() {
        return Err("the environment is not empty".into());
    }
    std::env::set_current_dir(Path::new("/")).map_err(step("leaving the folder"))?;
    let whole_seconds = limits.cpu.as_secs().max(1);
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nproc, 0),
        (Resource::Cpu, whole_seconds),
        (Resource::As, limits.memory_bytes),
        // Last: with it nothing can be opened any more.
        (Resource::Nofile, 3),
    ] {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limit).map_err(|error| format!("limiting {resource:?} to {most}: {error}"))?;
    }
    rustix::process::nice(NICENESS).map_err(|error| format!("lowering the priority: {error}"))?;
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};
    use std::{fs, io};

    use landlock::{ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetStatus, Scope};

    /// Where this process's open files are listed.
    const OPEN_FILES: &str = "/proc/self/fd";

    pub(super) fn enter() -> Result<(), String> {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
            .map_err(|error| format!("asking to end with the parent: {error}"))?;
        close_inherited().map_err(|error| format!("closing what was inherited: {error}"))?;
        forbid_files_and_network().map(drop)
    }

    /// Closes whatever is open besides standard input, output and error.
    #[expect(unsafe_code, reason = "a file that no value stands for can be closed in no other way")]
    fn close_inherited() -> io::Result<()> {
        let mut open = Vec::new();
        for entry in fs::read_dir(OPEN_FILES)? {
            let name = entry?.file_name();
            let number: Option<RawFd> = name.to_str().and_then(|name| name.parse().ok());
            open.push(number.ok_or_else(|| io::Error::other("a number was expected"))?);
        }
        for number in open.into_iter().filter(|number| *number > 2) {
            // The listing itself was open while it was read, and is closed by now.
            if fs::symlink_metadata(format!("{OPEN_FILES}/{number}")).is_ok() {
                // SAFETY: the process has one thread and has opened nothing so far, so the file was inherited: no value
                // in it stands for this number, and from here on this one does.
                drop(unsafe { OwnedFd::from_raw_fd(number) });
            }
        }
        Ok(())
    }

    /// No file, no network and no other process, as far as the kernel can forbid it; and no rights gained by running
    /// another program. A kernel without Landlock leaves the limits, of which the one on open files forbids as much.
    ///
    /// Says how much of it the kernel enforces.
    fn forbid_files_and_network() -> Result<RulesetStatus, String> {
        const NEWEST: ABI = ABI::V6;
        let restrict = || {
            Ruleset::default()
                .handle_access(AccessFs::from_all(NEWEST))?
                .handle_access(AccessNet::from_all(NEWEST))?
                .scope(Scope::from_all(NEWEST))?
                .create()?
                .restrict_self()
        };
        let status =
            restrict().map_err(|error: landlock::RulesetError| format!("forbidding files: {error}"))?;
        if !status.no_new_privs {
            return Err("new privileges cannot be ruled out".into());
        }
        Ok(status.ruleset)
    }

    #[cfg(test)]
    mod tests {
        use std::io::ErrorKind;

        use super::*;

        #[test]
        fn no_file_can_be_opened_where_the_kernel_can_forbid_it() {
            // Restrictions are a thread's own, so the other tests keep their files.
            let restricted = std::thread::spawn(|| {
                let status = forbid_files_and_network().unwrap();
                (status, fs::File::open("/dev/null").map(drop).map_err(|error| error.kind()))
            });
            let (status, opened) = restricted.join().unwrap();
            match status {
                RulesetStatus::NotEnforced => assert_eq!(opened, Ok(())),
                _ => assert_eq!(opened, Err(ErrorKind::PermissionDenied)),
            }
        }
    }
}

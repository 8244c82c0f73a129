//! What the compiler's process gives up before it reads a tenant's bytes.
//!
//! A compiler is not known to do what its input says. It is large, though, and what it reads is hostile; so it holds
//! nothing that would be worth reaching, and cannot take more than its limits.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::tier::CompileLimits;

/// How far behind calls in progress the compiler comes: it gets about a third of a processor that one of them wants too.
/// Much less, and on a busy machine no upload would end in time.
pub(super) const NICENESS: i32 = 5;

/// How much more processor time, in seconds, a process has that does not end when its own is used up. What comes then is the
/// signal that a machine without memory sends too; before it comes one that means nothing else.
const CPU_GRACE_SECONDS: u64 = 5;

/// How much of what the compiler gives up this system's kernel sees to, beside the limits, which hold everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confined {
    /// Files, network and other processes are out of its reach.
    Fully,
    /// Files are out of its reach; an older kernel cannot forbid all the rest.
    Partly,
    /// Nothing can be opened and no process started, but what needs no open file is not forbidden: removing or renaming
    /// what the platform's user may, or signalling its processes.
    ByLimits,
}

/// How well a compiler that is started now is confined. Looks at the kernel, so it takes a moment.
pub fn confined() -> Confined {
    #[cfg(target_os = "linux")]
    {
        linux::confined()
    }
    #[cfg(not(target_os = "linux"))]
    {
        Confined::ByLimits
    }
}

/// Gives up everything but standard input, output and error, processor time and memory.
///
/// On systems other than Linux there are only the limits, and those are each as good as the system's own; so it is on a
/// Linux without Landlock ([`confined`]).
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
    let cpu = (whole_seconds, whole_seconds.saturating_add(CPU_GRACE_SECONDS));
    for (resource, most) in [
        (Resource::Core, (0, 0)),
        (Resource::Fsize, (0, 0)),
        (Resource::Nproc, (0, 0)),
        (Resource::Cpu, cpu),
        (Resource::As, (limits.memory_bytes, limits.memory_bytes)),
        // Last: what is open stays so, and nothing can be opened any more. A limit of 3 would do as much only while all
        // three are open: it bounds numbers, and that of a closed one is given again.
        (Resource::Nofile, (0, 0)),
    ] {
        limit(resource, most)?;
    }
    rustix::process::nice(NICENESS).map_err(|error| format!("lowering the priority: {error}"))?;
    match File::open("/") {
        Ok(_) => Err("files can still be opened".into()),
        Err(_) => Ok(()),
    }
}

fn limit(resource: Resource, (soft, hard): (u64, u64)) -> Result<(), String> {
    let limit = Rlimit { current: Some(soft), maximum: Some(hard) };
    setrlimit(resource, limit).map_err(|error| format!("limiting {resource:?} to {soft}: {error}"))
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};
    use std::{fs, io};

    use landlock::{ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetStatus, Scope};

    use super::Confined;

    /// Where this process's open files are listed.
    const OPEN_FILES: &str = "/proc/self/fd";

    /// Which process goes first where the machine has no memory left: this one, and no call with it.
    const OUT_OF_MEMORY: (&str, &str) = ("/proc/self/oom_score_adj", "1000");

    pub(super) fn enter() -> Result<(), String> {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
            .map_err(|error| format!("asking to end with the parent: {error}"))?;
        // A limit of 0 does not keep a memory image from a program that the kernel hands it to.
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
            .map_err(|error| format!("forbidding memory images: {error}"))?;
        close_inherited().map_err(|error| format!("closing what was inherited: {error}"))?;
        // A container may have it read-only. Then the limit on memory is all there is.
        let _ = fs::write(OUT_OF_MEMORY.0, OUT_OF_MEMORY.1);
        forbid_files_and_network().map(drop)
    }

    /// Tries it in a thread, for restrictions are a thread's own and go with it.
    pub(super) fn confined() -> Confined {
        let tried = std::thread::Builder::new().spawn(forbid_files_and_network).map(|thread| thread.join());
        match tried {
            Ok(Ok(Ok(RulesetStatus::FullyEnforced))) => Confined::Fully,
            Ok(Ok(Ok(RulesetStatus::PartiallyEnforced))) => Confined::Partly,
            _ => Confined::ByLimits,
        }
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
    /// another program. A kernel without Landlock leaves the limits, of which the one on open files forbids to open any.
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

        use rustix::io::Errno;
        use rustix::process::Resource;

        use super::*;

        /// Set in a process that may give up what the other tests need.
        const ALONE: &str = "VOICEHIVE_TEST_ALONE";

        #[test]
        #[expect(unsafe_code, reason = "hostile code would close it as well")]
        fn nothing_can_be_opened_in_the_place_of_what_is_closed() {
            if std::env::var_os(ALONE).is_none() {
                let name =
                    format!("{}::nothing_can_be_opened_in_the_place_of_what_is_closed", module_path!());
                let name = name.split_once("::").unwrap().1;
                let mut again = std::process::Command::new(std::env::current_exe().unwrap());
                let ended =
                    again.args(["--exact", name, "--test-threads=1"]).env(ALONE, "1").output().unwrap();
                let said = String::from_utf8_lossy(&ended.stdout);
                assert!(ended.status.success() && said.contains("1 passed"), "{said}");
                return;
            }
            super::super::limit(Resource::Nofile, (0, 0)).unwrap();
            // SAFETY: the process is for this test alone, and writes nothing to standard error any more.
            drop(unsafe { OwnedFd::from_raw_fd(2) });
            let opened = fs::File::open("/").map(drop).map_err(|error| error.raw_os_error());
            assert_eq!(opened, Err(Some(Errno::MFILE.raw_os_error())));
        }

        #[test]
        fn asking_how_well_it_is_confined_confines_nobody() {
            let enforced = std::thread::spawn(|| forbid_files_and_network().unwrap()).join().unwrap();
            assert_eq!(confined() == Confined::ByLimits, enforced == RulesetStatus::NotEnforced);
            assert!(fs::File::open("/dev/null").is_ok());
        }

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

//! What is going on, on stderr: stdout stays free for what a task produces.

use std::io::IsTerminal as _;
use std::time::Duration;

const BOLD_CYAN: &str = "\x1b[1;36m";
const BOLD_RED: &str = "\x1b[1;31m";
const RESET: &str = "\x1b[0m";

/// Announces a step before it starts.
pub fn step(text: impl std::fmt::Display) {
    eprintln!("{} {text}", paint("==>", BOLD_CYAN));
}

/// Reports something that was found or done.
pub fn note(text: impl std::fmt::Display) {
    eprintln!("    {text}");
}

/// Reports why the task failed, with causes.
pub fn error(error: &anyhow::Error) {
    eprintln!("{} {error:#}", paint("error:", BOLD_RED));
}

/// A duration as people read it: `850 ms`, `12.3 s`, `4 min 05 s`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if duration.as_millis() < 1000 {
        format!("{} ms", duration.as_millis())
    } else if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

/// A file size as people read it: `77 KB`, `1.4 MB`, in powers of ten.
pub fn size(bytes: u64) -> String {
    if bytes < 1_000_000 {
        format!("{} KB", bytes.div_ceil(1000))
    } else {
        format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
    }
}

fn paint(text: &str, colour: &str) -> String {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted && std::io::stderr().is_terminal() { format!("{colour}{text}{RESET}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well_at_every_scale() {
        assert_eq!(duration(Duration::from_millis(850)), "850 ms");
        assert_eq!(duration(Duration::from_millis(12_340)), "12.3 s");
        assert_eq!(duration(Duration::from_secs(245)), "4 min 05 s");
    }

    #[test]
    fn sizes_read_well_at_every_scale() {
        assert_eq!(size(77_001), "78 KB");
        assert_eq!(size(1_449_000), "1.4 MB");
    }
}

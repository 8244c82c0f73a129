//! What tenants' tools logged last, for whoever wrote them.
//!
//! A tool's words may hold what a caller said. They are kept in memory only, not for long, and shown to nobody but the
//! tenant whose tool it is.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use store::{TenantId, Timestamp, ToolDigest, ToolName};

/// The most lines that are kept of a tool.
const LINES_MAX: usize = 500;

/// The most bytes of them.
const BYTES_MAX: usize = 256 << 10;

/// The most bytes of one line; the rest is cut off.
const LINE_BYTES_MAX: usize = 4 << 10;

/// How many tools have lines; the one that was silent for longest makes room.
const TOOLS_MAX: usize = 256;

/// The longest name of a level or a call; longer ones are cut off.
const NAME_BYTES_MAX: usize = 128;

/// What a line takes beside its texts, roughly.
const LINE_OVERHEAD: usize = 256;

/// The last lines of all tools.
#[derive(Debug, Default)]
pub struct ToolLines {
    tools: Mutex<BTreeMap<(TenantId, ToolName), Tail>>,
}

/// One line that a tool logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToolLine {
    /// Its number: higher than those of all lines of the tool before it, those of a process that ended included.
    pub seq: u64,
    /// When it was logged.
    pub at: Timestamp,
    /// How much it matters, in the contract's words.
    pub level: String,
    /// The version that logged it.
    pub version: ToolDigest,
    /// The call in which it ran.
    pub call: String,
    /// What it said.
    pub line: String,
}

/// The last lines of one tool.
#[derive(Debug, Default)]
struct Tail {
    lines: VecDeque<ToolLine>,
    bytes: usize,
    last: u64,
}

impl ToolLines {
    /// Keeps a line, and forgets the oldest where there is no room.
    #[allow(clippy::too_many_arguments, reason = "a line has as many parts")]
    pub fn write(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        version: &ToolDigest,
        call: &str,
        level: &str,
        line: &str,
        now: Timestamp,
    ) {
        let mut tools = self.lock();
        let key = (tenant.clone(), tool.clone());
        if !tools.contains_key(&key) && tools.len() >= TOOLS_MAX {
            let silent = tools.iter().min_by_key(|(_, tail)| tail.last).map(|(key, _)| key.clone());
            silent.and_then(|silent| tools.remove(&silent));
        }
        tools.entry(key).or_default().push(ToolLine {
            seq: 0,
            at: now,
            level: beginning(level, NAME_BYTES_MAX),
            version: version.clone(),
            call: beginning(call, NAME_BYTES_MAX),
            line: beginning(line, LINE_BYTES_MAX),
        });
    }

    /// The lines of a tool that came after the one numbered `seq`, the oldest first, at most `limit`.
    pub fn after(&self, tenant: &TenantId, tool: &ToolName, seq: u64, limit: usize) -> Vec<ToolLine> {
        let tools = self.lock();
        let Some(tail) = tools.get(&(tenant.clone(), tool.clone())) else { return Vec::new() };
        tail.lines.iter().filter(|line| line.seq > seq).take(limit).cloned().collect()
    }

    /// Forgets what a tool logged.
    pub fn forget(&self, tenant: &TenantId, tool: &ToolName) {
        self.lock().remove(&(tenant.clone(), tool.clone()));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(TenantId, ToolName), Tail>> {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tail {
    fn push(&mut self, mut line: ToolLine) {
        // Whoever follows a tool goes on after a restart, so numbers begin above those of the process before: it cannot
        // have written a thousand lines in each millisecond.
        let from_clock = u64::try_from(line.at.0).unwrap_or_default().saturating_mul(1000);
        self.last = from_clock.max(self.last.saturating_add(1));
        line.seq = self.last;
        self.bytes += size(&line);
        self.lines.push_back(line);
        while self.lines.len() > LINES_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.lines.pop_front() else { return };
            self.bytes -= size(&oldest);
        }
    }
}

fn size(line: &ToolLine) -> usize {
    LINE_OVERHEAD + line.level.len() + line.call.len() + line.line.len()
}

fn beginning(text: &str, most: usize) -> String {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    struct Pen {
        lines: ToolLines,
        tenant: TenantId,
    }

    impl Pen {
        fn new() -> Self {
            Self { lines: ToolLines::default(), tenant: "acme".parse().unwrap() }
        }

        fn write(&self, tool: &str, line: &str, now: Timestamp) {
            let version = ToolDigest::of(b"1");
            self.lines.write(&self.tenant, &tool.parse().unwrap(), &version, "call-1", "info", line, now);
        }

        fn read(&self, tool: &str, after: u64) -> Vec<ToolLine> {
            self.lines.after(&self.tenant, &tool.parse().unwrap(), after, 10_000)
        }
    }

    #[test]
    fn a_reader_goes_on_where_it_was() {
        let pen = Pen::new();
        pen.write("status", "one", NOW);
        pen.write("status", "two", NOW);
        pen.write("other", "not this", NOW);
        let first = pen.read("status", 0);
        assert_eq!(first.iter().map(|line| line.line.as_str()).collect::<Vec<_>>(), ["one", "two"]);
        assert!(pen.read("status", first[1].seq).is_empty());
        // A clock that goes back does not hide a line.
        pen.write("status", "three", Timestamp(0));
        assert_eq!(pen.read("status", first[1].seq)[0].line, "three");
        // And a process that starts later has higher numbers.
        let later = Pen::new();
        later.write("status", "four", NOW.plus(std::time::Duration::from_millis(2)));
        assert_eq!(later.read("status", pen.read("status", 0)[2].seq).len(), 1);
    }

    #[test]
    fn another_tenant_reads_nothing() {
        let pen = Pen::new();
        pen.write("status", "one", NOW);
        let stranger = "stranger".parse().unwrap();
        assert!(pen.lines.after(&stranger, &"status".parse().unwrap(), 0, 9).is_empty());
        pen.lines.forget(&stranger, &"status".parse().unwrap());
        assert_eq!(pen.read("status", 0).len(), 1);
        pen.lines.forget(&pen.tenant, &"status".parse().unwrap());
        assert!(pen.read("status", 0).is_empty());
    }

    #[test]
    fn the_oldest_goes_where_there_is_no_room() {
        let pen = Pen::new();
        for number in 0..2 * LINES_MAX {
            pen.write("status", &number.to_string(), NOW);
        }
        let kept = pen.read("status", 0);
        assert_eq!((kept.len(), kept[0].line.as_str()), (LINES_MAX, "500"));
        for _ in 0..2 * BYTES_MAX / LINE_BYTES_MAX {
            pen.write("status", &"é".repeat(LINE_BYTES_MAX), NOW);
        }
        let kept = pen.read("status", 0);
        assert!(kept.iter().map(size).sum::<usize>() <= BYTES_MAX);
        assert!(kept.iter().all(|line| line.line.len() == LINE_BYTES_MAX));
        assert_eq!(pen.lines.after(&pen.tenant, &"status".parse().unwrap(), 0, 3).len(), 3);
    }

    #[test]
    fn a_tool_that_is_silent_makes_room_for_another() {
        let pen = Pen::new();
        for number in 0..=TOOLS_MAX {
            let at = NOW.plus(std::time::Duration::from_millis(number as u64));
            pen.write(&format!("tool{number}"), "a line", at);
        }
        assert!(pen.read("tool0", 0).is_empty());
        assert_eq!(pen.read("tool1", 0).len(), 1);
        assert_eq!(pen.read(&format!("tool{TOOLS_MAX}"), 0).len(), 1);
    }
}

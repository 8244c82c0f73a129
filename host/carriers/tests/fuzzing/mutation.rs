//! Other bytes made of known ones, the same in every run.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

/// The longest that bytes grow to: the largest body that any webhook may have, and a little more.
pub const LENGTH_MAX: usize = (1 << 20) + 64;

/// Xorshift (Marsaglia 2003).
pub struct Random(u64);

impl Random {
    /// The same numbers for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `n`, and 0 where that is 0.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (n.max(1) as u64)).unwrap_or_default()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap_or_default()
    }
}

/// What parsers of JSON, of forms and of headers stumble over.
const WORDS: [&str; 26] = [
    "\"",
    "{",
    "}",
    "[",
    "]",
    "null",
    "true",
    "\\u0000",
    "\\ud800",
    "%00",
    "%",
    "+",
    "&",
    "=",
    ";",
    "1e999",
    "-1",
    "18446744073709551616",
    "0.1",
    "\u{0}",
    "\u{202e}",
    "\n",
    "\n\n",
    "<Say>",
    "inbound",
    "9223372036854775808",
];

/// One of `pool`, changed in one to four places.
pub fn mutated(random: &mut Random, pool: &[Vec<u8>]) -> Vec<u8> {
    let mut data = pool.get(random.below(pool.len())).cloned().unwrap_or_default();
    for _ in 0..=random.below(4) {
        change(random, &mut data, pool);
    }
    data.truncate(LENGTH_MAX);
    data
}

fn change(random: &mut Random, data: &mut Vec<u8>, pool: &[Vec<u8>]) {
    let at = random.below(data.len() + 1);
    let part = at..data.len().min(at + random.below(40));
    match random.below(9) {
        0 => data.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.byte()),
        1 => data.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
        2 => drop(data.drain(part)),
        3 => {
            let word = WORDS.get(random.below(WORDS.len())).copied().unwrap_or_default();
            drop(data.splice(part, word.bytes()));
        }
        4 => {
            let other = pool.get(random.below(pool.len())).map_or(&[][..], Vec::as_slice);
            let from = random.below(other.len() + 1);
            let some: Vec<u8> = other.iter().skip(from).take(1 + random.below(120)).copied().collect();
            drop(data.splice(at..at, some));
        }
        5 => drop(data.splice(at..at, (0..random.below(30)).map(|_| random.byte()).collect::<Vec<_>>())),
        6 => {
            let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
            let moved = lines.get(random.below(lines.len())).map(|line| [line, &b"\n"[..]].concat());
            let line_start =
                data.iter().take(at).rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
            drop(data.splice(line_start..line_start, moved.unwrap_or_default()));
        }
        7 => data.truncate(at),
        _ => {
            let part = data.get(part).unwrap_or_default().to_vec();
            let times = 1 << random.below(8);
            drop(data.splice(at..at, part.repeat(times)));
        }
    }
}

/// Every file of a folder, in the order of their names; none, where there is no folder.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| (path.display().to_string(), fs::read(path).expect("a file"))).collect()
}

/// Tries mutations of `pool` for `FUZZ_SECONDS` (60), from the seed `FUZZ_SEED` (1), and writes what fails into the
/// temporary folder.
///
/// # Panics
/// At the end, where any failed.
pub fn for_long(pool: &[Vec<u8>], run: impl Fn(&[u8])) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let end = Instant::now() + Duration::from_secs(number("FUZZ_SECONDS").unwrap_or(60));
    let first = number("FUZZ_SEED").unwrap_or(1);
    let (mut seed, mut failed) = (first, 0);
    while Instant::now() < end && failed < 20 {
        let data = mutated(&mut Random::new(seed), pool);
        if catch_unwind(AssertUnwindSafe(|| run(&data))).is_err() {
            failed += 1;
            let path = std::env::temp_dir().join(format!("broken-{seed}"));
            fs::write(&path, &data).expect("a place to write");
            println!("{} bytes that fail are in {}", data.len(), path.display());
        }
        seed += 1;
    }
    println!("{} executions, {failed} failed", seed - first);
    assert_eq!(failed, 0);
}

//! Thousands of hours of calls in minutes: random callers, carriers and vendors with delays,
//! losses, duplicates, reorderings and failures, and every call held against the rules of
//! `tests/fuzzing/rules.rs`.
//!
//! `cargo bench -p turn --bench soak -- --minutes 10000 --seed 1`; `--inputs N` stops by
//! inputs instead. A failure names the seed of its call, which repeats it alone:
//! `--seed N --calls 1`.
#![allow(missing_docs, reason = "a program and not a library")]
#![allow(unsafe_code, reason = "an allocator that counts is the only way to see allocations")]
#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark has a command line, a terminal and a clock; the calls in it have none"
)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "it fails loudly"
)]

#[path = "../allocations.rs"]
mod allocations;
mod random;
#[path = "../../tests/fuzzing/rules.rs"]
mod rules;
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use allocations::state_bytes;
use random::Random;
use rules::Rules;
use turn::{AgentConfig, Call, CallContext, CallTime, State};
use world::World;

/// The most memory that a call may hold, its text at its longest: see `state_bytes`.
const MAX_STATE_BYTES: usize = 256 * 1024;

/// How much is simulated where nothing is asked for: much for `cargo bench`, little for
/// `cargo test --benches`.
const MINUTES: u64 = 10_000;
const MINUTES_IN_TESTS: u64 = 60;

struct Arguments {
    minutes: Option<u64>,
    inputs: u64,
    calls: u64,
    seed: u64,
}

impl Arguments {
    fn read() -> Result<Self, String> {
        let mut read = Self { minutes: None, inputs: u64::MAX, calls: u64::MAX, seed: 1 };
        let mut full = false;
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || {
                let text = words.next().unwrap_or_default();
                text.parse().map_err(|_| format!("{word} needs a number, not {text:?}"))
            };
            match word.as_str() {
                "--minutes" => read.minutes = Some(number()?),
                "--inputs" => read.inputs = number()?,
                "--calls" => read.calls = number()?,
                "--seed" => read.seed = number()?,
                // Given by `cargo bench`.
                "--bench" => full = true,
                _ => return Err(format!("what is {word}? Known: --minutes, --inputs, --calls, --seed")),
            }
        }
        if read.minutes.is_none() && read.inputs == u64::MAX && read.calls == u64::MAX {
            read.minutes = Some(if full { MINUTES } else { MINUTES_IN_TESTS });
        }
        Ok(read)
    }
}

/// What was seen over all calls.
#[derive(Default)]
struct Totals {
    calls: u64,
    inputs: u64,
    timeouts: u64,
    outputs: u64,
    time: Duration,
    most_outputs: usize,
    most_due: usize,
    most_bytes: usize,
    states: BTreeMap<String, u64>,
    endings: BTreeMap<String, u64>,
}

fn main() -> ExitCode {
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let limit = arguments.minutes.map_or(Duration::MAX, |minutes| Duration::from_secs(minutes * 60));
    let (mut totals, began) = (Totals::default(), Instant::now());
    while totals.time < limit && totals.inputs < arguments.inputs && totals.calls < arguments.calls {
        let seed = arguments.seed.wrapping_add(totals.calls);
        if catch_unwind(AssertUnwindSafe(|| one_call(seed, &mut totals))).is_err() {
            eprintln!("a rule is broken; the call again: --seed {seed} --calls 1");
            return ExitCode::FAILURE;
        }
        totals.calls += 1;
    }
    report(&totals, began.elapsed());
    ExitCode::SUCCESS
}

fn one_call(seed: u64, totals: &mut Totals) {
    let mut random = Random::new(seed);
    let (config, context) = agent(&mut random);
    let length = random.ms(5_000, 900_000);
    let mut rules = Rules::new(&config);
    let mut world = World::new(random, length);
    let mut call = Call::new(config, context, Duration::ZERO);
    let (mut now, mut looked) = (CallTime::ZERO, CallTime::ZERO);
    let mut before = State::Connecting;
    settle(now, &mut call, &mut world, &mut rules, totals);
    while !call.is_finished() {
        match world.next(call.poll_timeout()) {
            Some((at, Some(input))) => {
                now = at;
                call.handle_input(now, input);
                totals.inputs += 1;
            }
            Some((at, None)) => {
                now = at;
                continue;
            }
            None => {
                now = call.poll_timeout().expect("a call that is not over waits for something");
                call.handle_timeout(now);
                totals.timeouts += 1;
            }
        }
        let state = settle(now, &mut call, &mut world, &mut rules, totals);
        if state != before {
            before = state;
            *totals.states.entry(format!("{state:?}")).or_default() += 1;
        }
        if now >= looked {
            looked = now + Duration::from_secs(20);
            let bytes = state_bytes(&call);
            assert!(bytes <= MAX_STATE_BYTES, "{bytes} bytes of state");
            totals.most_bytes = totals.most_bytes.max(bytes);
        }
    }
    rules.over();
    totals.time += now;
    totals.most_outputs = totals.most_outputs.max(rules.most_outputs);
    totals.most_due = totals.most_due.max(world.most_due);
    *totals.endings.entry(format!("{:?}", call.snapshot().ended.unwrap())).or_default() += 1;
}

/// Lets the world do what the call wants, and looks at the call.
fn settle(
    now: CallTime,
    call: &mut Call,
    world: &mut World,
    rules: &mut Rules,
    totals: &mut Totals,
) -> State {
    while let Some(output) = call.poll_output() {
        rules.output(now, &output);
        world.take(now, output);
        totals.outputs += 1;
    }
    rules.settled(now, call);
    let snapshot = call.snapshot();
    rules.snapshot(&snapshot);
    snapshot.state
}

fn agent(random: &mut Random) -> (AgentConfig, CallContext) {
    let mut config = AgentConfig::default();
    config.barge_in.enabled = random.chance(0.9);
    config.barge_in.protect_greeting = random.chance(0.5);
    config.speculation.on_final = random.chance(0.3);
    config.max_tool_rounds = random.below(4) as u32;
    config.transfer_to = random.chance(0.5).then(|| "+12025550143".into());
    config.timers.max_duration = Duration::from_secs(random.pick(&[60, 600, 3600]));
    if random.chance(0.1) {
        config.greeting.clear();
    }
    let mut context = CallContext::mulaw("soak");
    context.models = 1 + random.below(2) as u32;
    context.voices = 1 + random.below(2) as u32;
    if random.chance(0.3) {
        context.direction = turn::Direction::Outbound;
    }
    (config, context)
}

fn report(totals: &Totals, took: Duration) {
    let seconds = took.as_secs_f64();
    let minutes = totals.time.as_secs_f64() / 60.0;
    println!("{} calls, {minutes:.0} minutes of them, in {seconds:.1} s", totals.calls);
    println!("{} inputs, {} timeouts, {} outputs", totals.inputs, totals.timeouts, totals.outputs);
    println!(
        "a second: {:.0} calls, {:.0} minutes, {:.0} inputs",
        totals.calls as f64 / seconds,
        minutes / seconds,
        totals.inputs as f64 / seconds
    );
    println!("at most {} outputs of a step, {} bytes of state", totals.most_outputs, totals.most_bytes);
    println!("(and {} events that waited in the simulated world)", totals.most_due);
    println!("states entered: {:?}", totals.states);
    println!("endings: {:?}", totals.endings);
}

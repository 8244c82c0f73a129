//! Tests of the runner itself: a slip in a file must not make it pass.

use libtest_mimic::{Failed, Trial};

use crate::judge;
use crate::play;
use crate::scenario::Scenario;

/// A file that holds.
const PLAIN: &str = r#"
name = "A plain turn"
rule = "turn-end"
until = 8.0
caller = [{ from = 0.5, to = 2.5, says = "Tell me a story." }]
model = [{ text = "Once upon a time." }]

[[expect.timeline]]
at = 2.75
event = "turn.committed"
turn = 1

[[expect.turn]]
turn = 1
heard = "Once upon a time."
"#;

/// What of it is changed, to what, and what is said then.
const SLIPS: &[(&str, &str, &str, &str)] = &[
    ("an unknown key is refused", "until", "untill", "unknown field `untill`"),
    ("an unknown key of an act is refused", "says", "say", "unknown field `say`"),
    ("an unknown setting is refused", "caller =", "agent = { greting = '' }\ncaller =", "greting"),
    ("a setting out of its range is refused", "caller =", "agent.max_turns = 0\ncaller =", "max_turns"),
    ("an unknown rule is refused", "\"turn-end\"", "\"turn-ends\"", "unknown variant `turn-ends`"),
    ("an unknown event is refused", "turn.committed", "turn.comitted", "no event \"turn.comitted\""),
    ("an unknown field of an event is refused", "\nturn = 1", "\ntrun = 1", "has no `trun`"),
    ("an expectation after the end is refused", "2.75", "8.75", "expected after the end"),
    ("an act without its times is refused", "from = 0.5, ", "", "a caller's act is"),
    (
        "a recogniser that says two things at once is refused",
        "model =",
        "recogniser.hears = [{ at = 1, interim = 'Tell', resumed = true }]\nmodel =",
        "one thing at a time",
    ),
    (
        "an answer that another vendor is asked for is a failure",
        "upon a time.\" }",
        "upon a time.\", attempt = 1 }",
        "asked for by Attempt(0)",
    ),
    (
        "a latency that is none is a failure",
        "heard =",
        "latency = { unheard = true }\nheard =",
        "heard_start is",
    ),
    ("an expectation of nothing is refused", "heard = ", "# ", "nothing is expected of turn 1"),
    ("another time is a failure", "2.75", "2.79", "there is:    2.750  event turn.committed"),
    ("another turn is a failure", "\nturn = 1\n\n", "\nturn = 2\n\n", "it never happens"),
    ("another text is a failure", "heard = \"Once", "heard = \"One", "heard of turn 1 is"),
    (
        "an answer that nobody asks for is a failure",
        "\" }]\n\n",
        "\" }, { text = \"No.\" }]\n\n",
        "not asked for",
    ),
    (
        "an answer that is missing is a failure",
        "{ text = \"Once upon a time.\" }",
        "",
        "no answer left for turn 1",
    ),
    ("a tool that nobody calls is a failure", "[[expect.turn]]", TOOL, "\"calendar\" was never called"),
    ("what must not happen is a failure", "[[expect.turn]]", NOT, "not expected: output speech-end"),
    ("another count is a failure", "[[expect.turn]]", COUNT, "the count of clear is 0"),
    (
        "an unknown count is refused",
        "[[expect.turn]]",
        "[expect.counts]\nclera = 0\n[[expect.turn]]",
        "clera",
    ),
];

const TOOL: &str = "[tools]\ncalendar = { delay = 1, outcome = 'success', text = '' }\n[[expect.turn]]";
const NOT: &str = "[[expect.not]]\noutput = 'speech-end'\n[[expect.turn]]";
const COUNT: &str = "[expect.counts]\nclear = 1\n[[expect.turn]]";

/// One test for each slip, and one for the file as it is.
pub fn trials() -> Vec<Trial> {
    let slips = SLIPS.iter().map(|(name, from, to, said)| {
        Trial::test(format!("the runner - {name}"), move || {
            let slipped = PLAIN.replacen(from, to, 1);
            let answer = run(&slipped);
            let as_expected = slipped != PLAIN && answer.as_ref().is_err_and(|why| why.contains(said));
            if as_expected { Ok(()) } else { Err(Failed::from(format!("{answer:?}\n{slipped}"))) }
        })
    });
    let mut trials: Vec<Trial> = slips.collect();
    trials.push(Trial::test("the runner - a file that holds passes", || Ok(run(PLAIN)?)));
    trials.push(Trial::test("the runner - a file without expectations is refused", || {
        let bare = PLAIN.split("[[expect").next().map(|text| format!("{text}[expect]\n"));
        match run(&bare.expect("a file")) {
            Err(why) if why.contains("nothing is expected") => Ok(()),
            answer => Err(Failed::from(format!("{answer:?}"))),
        }
    }));
    trials
}

fn run(text: &str) -> Result<(), String> {
    let scenario = Scenario::parse(text)?;
    let failures = judge::failures(&scenario, &play::play(&scenario)?);
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

//! What happens in the calls, as it happens.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use futures::StreamExt as _;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::carrier::{Call, HeardWord};

/// Words with less silence than this between them are told as one line.
const PAUSE: Duration = Duration::from_millis(250);

/// A word that takes longer than this is not coming.
const LONGEST_WORD: Duration = Duration::from_millis(900);

/// How long the last words may take to be told.
const REST: Duration = Duration::from_secs(5);

/// Where the account of the calls goes.
#[derive(Clone, Debug)]
pub struct Timeline {
    to_stderr: bool,
    colour: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Agent,
    Caller,
}

/// The telling of one call.
#[derive(Debug)]
pub struct Telling {
    agent: JoinHandle<()>,
    caller: JoinHandle<()>,
}

impl Timeline {
    /// To stdout, or to stderr where stdout is for machines. Colour is for terminals whose user wants it.
    pub fn new(to_stderr: bool) -> Self {
        let terminal =
            if to_stderr { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { to_stderr, colour: terminal && wanted }
    }

    /// One line as it is.
    pub fn line(&self, text: &str) {
        // An account that nobody can read any more stops nothing.
        let _written = if self.to_stderr {
            writeln!(std::io::stderr().lock(), "{text}")
        } else {
            writeln!(std::io::stdout().lock(), "{text}")
        };
    }

    /// A remark beside what is said.
    pub fn note(&self, text: &str) {
        self.line(&format!("         {}", self.paint("2", &format!("({text})"))));
    }

    /// The head of a call.
    pub fn begin(&self, number: u32, from: &str, to: &str) {
        self.line(&format!("\n{}", self.paint("1", &format!("Call {number}: {from} calls {to}"))));
    }

    /// The colour of an outcome; the words say it too.
    pub fn outcome(&self, good: bool, text: &str) {
        self.line(&self.paint(if good { "32" } else { "31" }, text));
    }

    /// Tells what is said and heard in a call until it ends.
    pub fn follow(&self, call: &Call) -> Telling {
        let words = call.hears();
        let timeline = self.clone();
        let agent = tokio::spawn(async move {
            let mut words = Box::pin(words);
            let mut line: Vec<HeardWord> = Vec::new();
            loop {
                let next = timeout(LONGEST_WORD, words.next()).await;
                let goes_on = match (&next, line.last()) {
                    (Ok(Some(word)), Some(last)) => word.start.saturating_sub(last.end) < PAUSE,
                    _ => false,
                };
                if !goes_on {
                    timeline.tell_heard(&std::mem::take(&mut line));
                }
                match next {
                    Ok(Some(word)) => line.push(word),
                    Ok(None) => return,
                    Err(_) => {}
                }
            }
        });
        let said = call.says();
        let timeline = self.clone();
        let caller = tokio::spawn(async move {
            let mut said = Box::pin(said);
            while let Some(said) = said.next().await {
                timeline.tell(said.start, Who::Caller, &said.text);
            }
        });
        Telling { agent, caller }
    }

    fn tell_heard(&self, words: &[HeardWord]) {
        let Some(first) = words.first() else { return };
        let text: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        self.tell(first.start, Who::Agent, &text.join(" "));
    }

    fn tell(&self, at: Duration, who: Who, text: &str) {
        let (name, colour) = match who {
            Who::Agent => ("agent ", "36"),
            Who::Caller => ("caller", "33"),
        };
        let seconds = at.as_secs_f64();
        self.line(&format!("{seconds:>7.2}  {}  {text}", self.paint(colour, name)));
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

impl Telling {
    /// Waits until everything was told.
    pub async fn finish(self) {
        for task in [self.agent, self.caller] {
            // What is not told by then is in the report.
            let _told = timeout(REST, task).await;
        }
    }
}

//! How well voice activity is heard: a corpus of synthesised speech, noise and telephone tones, generated at run time
//! and heard through the product's own path.
//!
//! Run with `cargo xtask vad`. Figures and method are in ARCHITECTURE.md.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement stops where it cannot measure"
)]

mod echo;
mod hearing;
mod noise;
mod report;
mod sound;
mod speech;
mod tones;
mod truth;
mod voices;

use std::process::ExitCode;

use crate::report::Report;

/// What the numbers are for, where they are not asked for as JSON.
const HEAD: &str = "Voice activity on synthesised speech. Synthetic voices are not people: compare these figures \
                    with each other, not with the field.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = arguments.iter().find(|argument| argument.as_str() != "--json") {
        eprintln!("error: unknown argument {unknown}; the only one is --json");
        return ExitCode::from(2);
    }
    match voices::Cast::record() {
        Ok(cast) => {
            let report = Report {
                voices: cast.names(),
                speech: speech::measure(&cast),
                silence: tones::measure(&cast),
                echo: echo::measure(&cast),
            };
            if arguments.iter().any(|argument| argument == "--json") {
                println!("{}", report.json());
            } else {
                println!("{HEAD}\n\n{}", report.text());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

//! The built-in tool that books, moves, cancels and lists appointments.
//!
//! Two bookings never share a slot: a slot is claimed by inserting its record,
//! which succeeds for exactly one of several callers at once.

mod arguments;
mod book;
mod hours;
mod model;

use std::time::Duration;

use arguments::Arguments;
use book::Diary;
use tool_sdk::records::Records;
use tool_sdk::{Context, Definition, Effect, Failure, Reply, Tool};

/// The tool.
pub struct Appointments;

impl Tool for Appointments {
    fn describe() -> Definition {
        Definition::new(
            "appointments",
            "Lists free slots and books, moves or cancels the caller's appointments. Call it with \
                          action `list` before offering times. Times are local, like 2026-11-24T15:00.",
            arguments::SCHEMA,
            Effect::Changes,
        )
        .within(Duration::from_secs(3))
    }

    fn call(context: Context, arguments: String) -> Result<Reply, Failure> {
        run(&tool_sdk::records::Host, &context, &arguments, tool_sdk::clock::now()).map(Reply::text)
    }
}

tool_sdk::export_tool!(Appointments);

/// Runs one call at `now`, in milliseconds since the Unix epoch.
///
/// # Errors
/// What the model is to be told instead.
pub fn run(records: &impl Records, context: &Context, arguments: &str, now: u64) -> Result<String, Failure> {
    let arguments = Arguments::parse(arguments)?;
    let diary = Diary::open(records, context, now)?;
    match arguments {
        Arguments::List { date } => diary.list(date),
        Arguments::Book { start, name, notes } => diary.book(start, name, notes),
        Arguments::Move { id, start } => diary.reschedule(id.as_deref(), start),
        Arguments::Cancel { id } => diary.cancel(id.as_deref()),
    }
}

#[cfg(test)]
mod tests;

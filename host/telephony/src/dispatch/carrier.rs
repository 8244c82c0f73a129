//! What the worker needs of a carrier.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use call_state::Ids;
use store::{Command, DueRecording, Order, Timestamp};

use super::telnyx;
use crate::order::Rules;
use crate::{Fault, FetchError, Fetched};

/// A future that may be sent between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A carrier: each method is one request, or a few that belong together, each with a deadline.
pub trait Carrier: Send + Sync + 'static {
    /// What holds for its orders.
    fn rules(&self) -> Rules;

    /// Places a call, named by its attempt.
    fn place<'a>(&'a self, order: &'a Order, attempt: &'a str) -> BoxFuture<'a, Result<Ids, Fault>>;

    /// The calls that may be the order's, placed at `since` or later.
    fn find<'a>(&'a self, order: &'a Order, since: Timestamp) -> BoxFuture<'a, Result<Vec<Ids>, Fault>>;

    /// Carries out a command. The worker repeats it, with the same id, where its answer was lost.
    fn command<'a>(&'a self, command: &'a Command) -> BoxFuture<'a, Result<(), Fault>>;

    /// Fetches a recording into a file.
    fn fetch<'a>(
        &'a self,
        recording: &'a DueRecording,
        file: &'a Path,
        limit: u64,
    ) -> BoxFuture<'a, Result<Fetched, FetchError>>;
}

/// The action that ends the call of a command that will not be carried out, where nothing but the command's effect would
/// have taken the call further: its caller would hear nothing, for as long as he waits. It depends on the carrier alone,
/// whether or not it can be asked by any account now.
pub(super) fn ends_instead(command: &Command) -> Option<&'static str> {
    match command.carrier.as_str() {
        "telnyx" => telnyx::ends_instead(&command.action),
        // Twilio goes on with the document that it has.
        _ => None,
    }
}

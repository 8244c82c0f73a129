//! What the caller of the demonstration says and waits for.

use std::time::Duration;

use crate::carrier::{Call, CallError};
use crate::server::Handle;
use crate::timeline::Timeline;

/// No step takes longer, unless something is wrong.
pub(super) const DEADLINE: Duration = Duration::from_secs(25);

/// How long the agent is silent before a polite caller speaks.
const POLITE: Duration = Duration::from_millis(600);

/// How long the agent may take to hang up after its farewell, before the caller does.
const FAREWELL: Duration = Duration::from_secs(6);

/// So many words into the offer the caller has heard the second time and has heard enough.
const ENOUGH: usize = 17;

/// The first call: ask, interrupt, book, goodbye.
pub(super) async fn book(
    call: &mut Call,
    timeline: &Timeline,
    kill: Option<&Handle>,
) -> Result<(), CallError> {
    call.connected(DEADLINE).await?;
    call.listen(POLITE, DEADLINE).await?;
    if let Some(recogniser) = kill {
        timeline.note("the recogniser is killed");
        recogniser.kill();
    }
    call.say("Hello, this is Ada Byron. I would like to book an appointment, please.").await?;
    call.interrupt_after_words(ENOUGH, "The second one, please.", DEADLINE).await?;
    call.wait_for("the booking to be confirmed", |heard| heard.contains("booked for"), DEADLINE).await?;
    call.listen(POLITE, DEADLINE).await?;
    goodbye(call, "No, that is wonderful, thank you. Goodbye.").await
}

/// The second call: be remembered, move, goodbye.
pub(super) async fn change(call: &mut Call) -> Result<(), CallError> {
    call.connected(DEADLINE).await?;
    call.listen(POLITE, DEADLINE).await?;
    call.say("Hello, it is Ada Byron again. I need to move my appointment, please.").await?;
    call.wait_for("the agent to offer times", |heard| heard.contains("suit you best?"), DEADLINE).await?;
    call.listen(POLITE, DEADLINE).await?;
    call.say("The third one, please.").await?;
    call.wait_for("the move to be confirmed", |heard| heard.contains("moved your appointment"), DEADLINE)
        .await?;
    call.listen(POLITE, DEADLINE).await?;
    goodbye(call, "No, that is all. Goodbye.").await
}

/// The third call, its first part: ask for an order, by a tool that the agent has had for a moment.
pub(super) async fn ask(call: &mut Call) -> Result<(), CallError> {
    call.connected(DEADLINE).await?;
    call.listen(POLITE, DEADLINE).await?;
    call.say("Hello, where is my order 4711?").await?;
    call.wait_for("to hear where the order is", |heard| heard.contains("arrives on Friday"), DEADLINE)
        .await?;
    call.listen(POLITE, DEADLINE).await?;
    Ok(())
}

/// Its second part: ask once more, of another order, and goodbye.
pub(super) async fn ask_again(call: &mut Call) -> Result<(), CallError> {
    call.say("And what about my order 4712?").await?;
    call.wait_for("to hear of the other order", |heard| heard.contains("missing part"), DEADLINE).await?;
    call.listen(POLITE, DEADLINE).await?;
    goodbye(call, "That is all. Goodbye.").await
}

/// Somebody else's call, which gets the bad version: the agent says so, and the call goes on to its end.
pub(super) async fn ask_in_vain(call: &mut Call) -> Result<(), CallError> {
    call.connected(DEADLINE).await?;
    call.listen(POLITE, DEADLINE).await?;
    call.say("Hello, where is my order 4711?").await?;
    call.wait_for("the agent's apology", |heard| heard.contains("not possible at the moment"), DEADLINE)
        .await?;
    call.listen(POLITE, DEADLINE).await?;
    goodbye(call, "That is all. Goodbye.").await
}

async fn goodbye(call: &mut Call, text: &str) -> Result<(), CallError> {
    call.say(text).await?;
    call.wait_for("the agent's farewell", |heard| heard.contains("Goodbye"), DEADLINE).await?;
    // Either side may hang up; an agent that does not leaves it to the caller.
    if call.ended(FAREWELL).await.is_err() {
        call.hang_up().await;
    }
    Ok(())
}

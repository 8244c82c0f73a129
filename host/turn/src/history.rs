//! The conversation as the model sees it: what was understood, what was heard, and
//! every tool call with its result.

use std::collections::VecDeque;
use std::ops::Range;

use crate::transfer::DONE;
use crate::{Message, ToolCall, TurnId};

/// The exchanges of a call.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    earlier: Vec<Message>,
    exchanges: VecDeque<Exchange>,
}

#[derive(Clone, Debug)]
struct Exchange {
    turn: TurnId,
    caller: String,
    rounds: Vec<Round>,
}

/// The model's words of one request, and the tools it asked for with them.
#[derive(Clone, Debug)]
struct Round {
    content: String,
    said: Range<usize>,
    calls: Vec<(ToolCall, Option<String>)>,
}

impl History {
    /// Begins with an earlier part of the conversation. Tool calls without a result
    /// get one, because a model refuses a conversation with an open tool call.
    pub(crate) fn resumed(earlier: &[Message]) -> Self {
        let mut messages: Vec<Message> = Vec::new();
        let mut open: Vec<String> = Vec::new();
        for message in earlier {
            match message {
                Message::System { .. } => continue,
                Message::Tool { tool_call_id, .. } => {
                    // A result without its call is refused as well.
                    let Some(at) = open.iter().position(|id| id == tool_call_id) else { continue };
                    open.remove(at);
                }
                Message::User { .. } | Message::Assistant { .. } => close_open(&mut messages, &mut open),
            }
            if let Message::Assistant { tool_calls, .. } = message {
                open.extend(tool_calls.iter().map(|call| call.id.clone()));
            }
            messages.push(message.clone());
        }
        close_open(&mut messages, &mut open);
        Self { earlier: messages, exchanges: VecDeque::new() }
    }

    /// Opens an exchange; `caller` is empty where the agent begins.
    pub(crate) fn open(&mut self, turn: TurnId, caller: String) {
        self.exchanges.push_back(Exchange { turn, caller, rounds: Vec::new() });
        if self.exchanges.len() > MAX_EXCHANGES {
            self.exchanges.pop_front();
        }
    }

    /// Moves an exchange behind all others.
    pub(crate) fn move_last(&mut self, turn: TurnId) {
        let at = self.exchanges.iter().position(|exchange| exchange.turn == turn);
        if let Some(exchange) = at.and_then(|at| self.exchanges.remove(at)) {
            self.exchanges.push_back(exchange);
        }
    }

    /// Whether the caller said anything in an exchange.
    pub(crate) fn has_words(&self, turn: TurnId) -> bool {
        self.exchanges.iter().any(|exchange| exchange.turn == turn && !exchange.caller.is_empty())
    }

    /// Adds words to what the caller said in an exchange.
    pub(crate) fn add_words(&mut self, turn: TurnId, words: &str) {
        let Some(exchange) = self.exchange(turn) else { return };
        if !exchange.caller.is_empty() {
            exchange.caller.push(' ');
        }
        exchange.caller.push_str(words);
    }

    /// Notes that the model asked for tools after saying `said`, a part of the turn's
    /// words.
    pub(crate) fn asked(&mut self, turn: TurnId, all: &str, said: Range<usize>, calls: Vec<ToolCall>) {
        let content = part(all, &said);
        if let Some(exchange) = self.exchange(turn) {
            let calls = calls.into_iter().map(|call| (call, None)).collect();
            exchange.rounds.push(Round { content, said, calls });
        }
    }

    /// Notes a tool's result. A later one replaces an earlier one: a tool that
    /// answers after its time still did what it did.
    pub(crate) fn result(&mut self, turn: TurnId, id: &str, text: &str) {
        let Some(exchange) = self.exchange(turn) else { return };
        let mut calls = exchange.rounds.iter_mut().rev().flat_map(|round| round.calls.iter_mut());
        if let Some((_, result)) = calls.find(|(call, _)| call.id == id) {
            *result = Some(text.to_owned());
        }
    }

    /// Takes back what tools of these names were to do at the end of a turn.
    pub(crate) fn undo(&mut self, turn: TurnId, names: &[&str], text: &str) {
        let Some(exchange) = self.exchange(turn) else { return };
        for (call, result) in exchange.rounds.iter_mut().flat_map(|round| round.calls.iter_mut()) {
            if names.contains(&call.name.as_str()) && result.as_deref() == Some(DONE) {
                *result = Some(text.into());
            }
        }
    }

    /// Closes an exchange: of `all` its words, only the first `heard` bytes remain.
    pub(crate) fn close(&mut self, turn: TurnId, all: &str, heard: usize) {
        let Some(exchange) = self.exchange(turn) else { return };
        let heard_of = |said: &Range<usize>| part(all, &(said.start.min(heard)..said.end.min(heard)));
        // What was said while tools ran, a filler, was said before their results.
        let running = |round: &&mut Round| round.calls.iter().any(|(_, result)| result.is_none());
        if let Some(round) = exchange.rounds.last_mut().filter(running) {
            round.said.end = all.len();
        }
        let mut end = 0;
        for round in &mut exchange.rounds {
            round.content = heard_of(&round.said);
            end = round.said.end;
        }
        let said = end..all.len();
        let content = heard_of(&said);
        if !content.is_empty() {
            exchange.rounds.push(Round { content, said, calls: Vec::new() });
        }
    }

    /// The conversation as messages, without a system message. The words of
    /// exchanges that follow each other without an answer are one message.
    pub(crate) fn messages(&self) -> Vec<Message> {
        let mut messages = self.earlier.clone();
        for exchange in &self.exchanges {
            push_user(&mut messages, &exchange.caller);
            for round in &exchange.rounds {
                push_round(&mut messages, round);
            }
        }
        messages
    }

    /// The same with words of the caller behind it that are not part of it yet.
    pub(crate) fn messages_with(&self, caller: &str) -> Vec<Message> {
        let mut messages = self.messages();
        push_user(&mut messages, caller);
        messages
    }

    fn exchange(&mut self, turn: TurnId) -> Option<&mut Exchange> {
        self.exchanges.iter_mut().rev().find(|exchange| exchange.turn == turn)
    }
}

/// The result of a tool call whose real result is not there (yet).
pub(crate) const STILL_RUNNING: &str = "This tool is still running; its result is not known yet.";
const NEVER_KNOWN: &str = "The line was cut while this tool ran; whether it succeeded is not known.";

/// An hour at one exchange every ten seconds is 360; the oldest matter least.
const MAX_EXCHANGES: usize = 200;

fn part(all: &str, range: &Range<usize>) -> String {
    all.get(range.clone()).unwrap_or_default().trim().to_owned()
}

fn close_open(messages: &mut Vec<Message>, open: &mut Vec<String>) {
    messages.extend(
        open.drain(..).map(|tool_call_id| Message::Tool { tool_call_id, content: NEVER_KNOWN.to_owned() }),
    );
}

fn push_user(messages: &mut Vec<Message>, words: &str) {
    if words.is_empty() {
        return;
    }
    if let Some(Message::User { content }) = messages.last_mut() {
        content.push(' ');
        content.push_str(words);
    } else {
        messages.push(Message::User { content: words.to_owned() });
    }
}

fn push_round(messages: &mut Vec<Message>, round: &Round) {
    if round.content.is_empty() && round.calls.is_empty() {
        return;
    }
    let tool_calls = round.calls.iter().map(|(call, _)| call.clone()).collect();
    messages.push(Message::Assistant { content: round.content.clone(), tool_calls });
    messages.extend(round.calls.iter().map(|(call, result)| Message::Tool {
        tool_call_id: call.id.clone(),
        content: result.clone().unwrap_or_else(|| STILL_RUNNING.to_owned()),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURN: TurnId = TurnId(1);

    #[test]
    fn only_what_was_heard_remains() {
        let mut history = History::default();
        history.open(TURN, "Any slots?".into());
        history.close(TURN, "I have Monday, Tuesday and Friday.", 22);
        assert_eq!(history.messages(), [user("Any slots?"), assistant("I have Monday, Tuesday", &[])]);
    }

    #[test]
    fn an_unheard_answer_leaves_no_message_and_the_callers_words_join() {
        let mut history = History::default();
        history.open(TURN, "Tell me a story.".into());
        history.close(TURN, "Once upon a time.", 0);
        history.open(TurnId(2), "Stop!".into());
        assert_eq!(history.messages(), [user("Tell me a story. Stop!")]);
    }

    #[test]
    fn tool_calls_and_results_are_kept_even_where_nothing_was_heard() {
        let mut history = History::default();
        history.open(TURN, "Book it.".into());
        history.asked(TURN, "One moment. ", 0..12, vec![call("a"), call("b")]);
        history.result(TURN, "b", "done");
        history.close(TURN, "One moment. ", 0);
        let expected =
            [user("Book it."), assistant("", &["a", "b"]), tool("a", STILL_RUNNING), tool("b", "done")];
        assert_eq!(history.messages(), expected);
        history.result(TURN, "a", "booked");
        assert_eq!(history.messages()[2], tool("a", "booked"));
    }

    #[test]
    fn words_while_a_tool_runs_come_before_its_result() {
        let mut history = History::default();
        history.open(TURN, "Book it.".into());
        history.asked(TURN, "Let me see. ", 0..12, vec![call("a")]);
        history.close(TURN, "Let me see. One moment, please. ", 22);
        history.result(TURN, "a", "done");
        let expected = [user("Book it."), assistant("Let me see. One moment", &["a"]), tool("a", "done")];
        assert_eq!(history.messages(), expected);
    }

    #[test]
    fn words_are_split_by_the_requests_they_belong_to() {
        let mut history = History::default();
        history.open(TURN, "Book it.".into());
        let said = "One moment. It is booked for Monday.";
        history.asked(TURN, said, 0..12, vec![call("a")]);
        history.result(TURN, "a", "done");
        history.close(TURN, said, 24);
        let messages = history.messages();
        assert_eq!(messages[1], assistant("One moment.", &["a"]));
        assert_eq!(messages[3], assistant("It is booked", &[]));
    }

    #[test]
    fn a_resumed_conversation_has_no_open_tool_calls_and_no_system_message() {
        let history = History::resumed(&[
            Message::System { content: "old".into() },
            user("Book it."),
            assistant("", &["a"]),
            user("Hello?"),
            tool("b", "of nobody"),
            assistant("Yes?", &[]),
        ]);
        let messages = history.messages();
        assert_eq!(messages.len(), 5);
        assert_eq!(messages[2], tool("a", NEVER_KNOWN));
        assert_eq!(messages[3], user("Hello?"));
    }

    fn user(content: &str) -> Message {
        Message::User { content: content.into() }
    }

    fn assistant(content: &str, calls: &[&str]) -> Message {
        Message::Assistant { content: content.into(), tool_calls: calls.iter().map(|id| call(id)).collect() }
    }

    fn tool(id: &str, content: &str) -> Message {
        Message::Tool { tool_call_id: id.into(), content: content.into() }
    }

    fn call(id: &str) -> ToolCall {
        ToolCall { id: id.into(), name: "appointments".into(), arguments: "{}".into() }
    }
}

//! One WebSocket of the synthesiser: many contexts, each in its own order.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Config;
use super::context::Context;
use super::request::{self, Options};
use crate::server::{House, Schedule};
use crate::vendors::outbox::Outbox;

/// How many contexts may be open at once.
const MOST_CONTEXTS: usize = 5;

/// The context of messages that name none.
const DEFAULT_CONTEXT: &str = "default";

/// WebSocket close codes.
const NORMAL: u16 = 1000;
const POLICY: u16 = 1008;

/// What a client's message leads to.
enum Then {
    Continue,
    /// All contexts that were flushed are to be finished first.
    Finish,
    Refuse(&'static str, &'static str),
    Gone,
}

pub(super) async fn run(
    mut socket: WebSocket,
    options: Options,
    config: Config,
    schedule: Schedule,
    mut house: House,
) {
    let _open = house.counters.open();
    let broken = schedule.broken();
    tokio::pin!(broken);
    let mut idle_at = Instant::now() + options.inactivity;
    let mut session = Session {
        options,
        config,
        contexts: BTreeMap::new(),
        outbox: Outbox::new(schedule),
        house: house.clone(),
        finishing: false,
    };
    loop {
        if session.finishing && session.contexts.is_empty() {
            return session.leave(&mut socket, NORMAL).await;
        }
        let due = session.contexts.values().map(|context| context.due(&session.options)).min();
        let due = due.unwrap_or(idle_at);
        let then = tokio::select! {
            () = house.stopped() => return,
            () = &mut broken => return,
            () = tokio::time::sleep_until(idle_at) => {
                Then::Refuse("input_timeout_exceeded", "No text came within the inactivity timeout.")
            }
            () = tokio::time::sleep_until(due), if due < idle_at => session.advance(),
            message = session.outbox.next() => match socket.send(message).await {
                Ok(()) => Then::Continue,
                Err(_) => Then::Gone,
            },
            message = socket.recv() => {
                idle_at = Instant::now() + session.options.inactivity;
                session.handle(message)
            }
        };
        match then {
            Then::Continue => {}
            Then::Finish => session.finishing = true,
            Then::Gone => return,
            Then::Refuse(name, message) => {
                let error = json!({ "message": message, "error": name, "code": POLICY });
                let _sent = session.outbox.push_json(Duration::ZERO, &error);
                return session.leave(&mut socket, POLICY).await;
            }
        }
    }
}

struct Session {
    options: Options,
    config: Config,
    contexts: BTreeMap<String, OpenContext>,
    outbox: Outbox,
    house: House,
    finishing: bool,
}

/// A context, and whether its last text was flushed.
struct OpenContext {
    context: Context,
    flushed: bool,
}

impl OpenContext {
    fn due(&self, options: &Options) -> Instant {
        self.context.due(options)
    }

    fn close(&mut self) {
        self.context.close(self.flushed);
    }
}

impl Session {
    /// Lets every context do what is due.
    fn advance(&mut self) -> Then {
        let now = Instant::now();
        let (options, config, house) = (&self.options, &self.config, &self.house);
        let mut messages: Vec<Value> = Vec::new();
        self.contexts.retain(|_, open| {
            if open.due(options) > now {
                return true;
            }
            let (made, over) = open.context.advance(options, config);
            messages.extend(made);
            !over
        });
        for message in messages {
            if message.get("audio").is_some() {
                house.counters.count_work();
            }
            if !self.outbox.push_json(Duration::ZERO, &message) {
                return Then::Gone;
            }
        }
        Then::Continue
    }

    fn handle(&mut self, message: Option<Result<Message, axum::Error>>) -> Then {
        let text = match message {
            None | Some(Err(_) | Ok(Message::Close(_))) => return Then::Gone,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Then::Continue,
            Some(Ok(Message::Binary(_))) => {
                return Then::Refuse("invalid_input_message", "The message is not text.");
            }
            Some(Ok(Message::Text(text))) => text,
        };
        match serde_json::from_str::<request::Message>(&text) {
            Ok(message) => self.request(&message),
            Err(_) => Then::Refuse("invalid_input_message", "The message does not follow the protocol."),
        }
    }

    fn request(&mut self, message: &request::Message) -> Then {
        if message.close_socket {
            self.contexts.values_mut().for_each(OpenContext::close);
            return Then::Finish;
        }
        let id = message.context_id.as_deref().unwrap_or(DEFAULT_CONTEXT);
        if message.close_context {
            if let Some(open) = self.contexts.get_mut(id) {
                open.close();
            }
            return Then::Continue;
        }
        let text = message.text.as_deref().unwrap_or_default();
        if text.is_empty() && !message.flush && !self.contexts.contains_key(id) {
            // A keep-alive of the socket itself.
            return Then::Continue;
        }
        self.speak(id, text, message)
    }

    fn speak(&mut self, id: &str, text: &str, message: &request::Message) -> Then {
        let known = self.contexts.contains_key(id);
        if !known && self.contexts.len() >= MOST_CONTEXTS {
            return Then::Refuse("max_active_conversations", "Too many contexts are open on this socket.");
        }
        match &message.voice_settings {
            Some(settings) if known || !settings.are_possible() => {
                return Then::Refuse("invalid_input_message", "These voice settings cannot be had now.");
            }
            _ => {}
        }
        let open = self
            .contexts
            .entry(id.to_owned())
            .or_insert_with(|| OpenContext { context: Context::new(id), flushed: false });
        if !text.is_empty() || message.flush {
            open.flushed = message.flush;
        }
        open.context.add(text, message.flush, &self.options, &self.config);
        Then::Continue
    }

    async fn leave(mut self, socket: &mut WebSocket, code: u16) {
        for message in self.outbox.drain() {
            if socket.send(message).await.is_err() {
                return;
            }
        }
        // The client may be gone already.
        let _told = socket.send(Message::Close(Some(CloseFrame { code, reason: "".into() }))).await;
    }
}

//! How a call ends: what is still logged of it, and what the carrier is told.

use std::time::Duration;

use events::CallEvent;
use turn::{Input, Output};

use super::Driver;
use crate::carriers::HandOver;

/// How long the carrier may take to close the socket of a call that it has ended.
const CARRIER_CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

impl Driver {
    /// Ends a call whose effects can no longer be carried out; what is to be logged of it is.
    pub(super) fn log_to_the_end(&mut self, last: Input) {
        self.handle(last);
        while let Some(output) = self.call.poll_output() {
            if let Output::Emit(event) = output {
                self.log_event(event);
            }
        }
    }

    /// Closing the socket makes Twilio go on with its TwiML, which asks us again and is told to hang up, and Telnyx not
    /// do anything; so the call is ended by REST. Then the carrier closes the socket: were ours the first to close, it might go
    /// on all the same.
    pub(super) async fn end_at_carrier(&mut self) {
        if self.platform.carriers.end_surely(&self.platform.store, &self.stored).await {
            self.await_close().await;
        }
    }

    /// The carrier dials; our socket is closed by it. A caller who cannot be handed over is
    /// not left in silence: the call ends.
    pub(super) async fn hand_over(&mut self, to: &str) {
        let over = HandOver { to, briefing: self.briefing.clone() };
        if let Err(error) = self.platform.carriers.hand_over(&self.stored, &over).await {
            tracing::error!(%error, "the call could not be handed over");
            let message = format!("the caller could not be handed over: {error}");
            self.log.push(CallEvent::VendorFailed { stage: "carrier".into(), message });
            if let Err(error) = self.log.settle().await {
                tracing::error!(error = format!("{error:#}"), "a failed transfer could not be logged");
            }
            self.end_at_carrier().await;
            return;
        }
        self.await_close().await;
    }

    async fn await_close(&mut self) {
        let closed = async { while self.reader.next().await.is_some() {} };
        if tokio::time::timeout(CARRIER_CLOSE_TIMEOUT, closed).await.is_err() {
            tracing::debug!("the carrier took the call back and left its socket open");
        }
    }
}

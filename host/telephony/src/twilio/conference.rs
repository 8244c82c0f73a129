//! Warm transfer: caller and human meet in a conference, and the human is told first what it is about.
//!
//! [`Rest::consult`] calls the human, who hears a briefing and then waits in the conference. [`Rest::join`] moves the
//! caller there from the agent. A caller who is to go on talking with the agent until the human is there is joined when
//! the human's leg is reported answered; [`Rest::warm_transfer`] joins at once, and the caller hears music until then.
//!
//! Everybody's reports go to one address: those of the conference, those of the human's leg, and the caller's, who asks
//! it for instructions once out of the conference. [`Rest::conference`], [`Rest::participants`] and
//! [`Rest::end_conference`] see and end a conference from outside.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::answer::parsed;
use super::{Instructions, NewCall, Rest, checked};
use crate::Fault;

/// A call to the human who is to take over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consultation {
    /// The human's number.
    pub to: String,
    /// The calling number: one of the account's.
    pub from: String,
    /// The conference's name, unlike that of any other transfer.
    pub conference: String,
    /// What the human hears first.
    pub briefing: twiml::Say,
    /// Where Twilio reports how the leg and the conference fare.
    pub reports: String,
    /// How long it may ring.
    pub ring: Duration,
}

/// A conference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conference {
    /// Its SID: `CF` and 32 hexadecimal digits.
    pub sid: String,
    /// `init`, `in-progress` or `completed`.
    pub status: String,
}

/// A leg in a conference.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Participant {
    /// The leg's `CallSid`.
    pub call_sid: String,
    /// `queued`, `connecting`, `ringing`, `connected`, `complete` or `failed`.
    pub status: String,
}

impl Rest {
    /// Calls the human, and says the `CallSid` of that leg.
    ///
    /// # Errors
    /// As [`Rest::place`].
    pub async fn consult(&self, consultation: &Consultation) -> Result<String, Fault> {
        let room = room(&consultation.conference, &consultation.reports);
        let document = twiml::Response::new()
            .say(consultation.briefing.clone())
            .dial(twiml::Dial::new().conference(room));
        let mut call = NewCall::new(&consultation.from, &consultation.to, Instructions::from(&document));
        call.status_callback = Some(consultation.reports.clone());
        call.ring = Some(consultation.ring);
        self.place(&call).await
    }

    /// Moves a caller into the conference. `reports` is told of it, and asked for instructions once the caller has left
    /// or was left alone.
    ///
    /// # Errors
    /// As [`Rest::redirect`].
    pub async fn join(&self, call_sid: &str, conference: &str, reports: &str) -> Result<(), Fault> {
        let dial = twiml::Dial::new().action(reports).conference(room(conference, reports));
        let document = twiml::Response::new().dial(dial);
        self.redirect(call_sid, &Instructions::from(&document)).await
    }

    /// Calls the human and moves the caller into the conference at once; says the `CallSid` of the human's leg. Where
    /// the caller cannot be moved, the human's leg is ended and the caller stays with the agent.
    ///
    /// # Errors
    /// As [`Fault`] says, of the first of the two that failed. After [`Fault::Unknown`] the human may be called.
    pub async fn warm_transfer(&self, call_sid: &str, consultation: &Consultation) -> Result<String, Fault> {
        let human = self.consult(consultation).await?;
        let join = || self.join(call_sid, &consultation.conference, &consultation.reports);
        let joined = match join().await {
            // Into the same conference again does no harm.
            Err(Fault::Unknown { .. } | Fault::NotDone { .. }) => join().await,
            other => other,
        };
        match joined {
            Ok(()) => Ok(human),
            Err(fault) => {
                // The first fault is what is told; a leg that cannot be ended ends when the human hangs up.
                let _ = self.end(&human).await;
                Err(fault)
            }
        }
    }

    /// The conference of this name that goes on, if there is one.
    ///
    /// # Errors
    /// As [`Fault`] says; asking again does no harm.
    pub async fn conference(&self, name: &str) -> Result<Option<Conference>, Fault> {
        #[derive(Deserialize)]
        struct Wire {
            sid: String,
            status: String,
        }
        #[derive(Deserialize)]
        struct Page {
            conferences: Vec<Wire>,
        }

        let mut url = self.url(&["Conferences.json"]);
        url.query_pairs_mut().append_pair("FriendlyName", name).append_pair("PageSize", "20");
        let body = self.get(url).await?;
        let page: Page = parsed(&body)?;
        let live = page.conferences.into_iter().find(|conference| conference.status != "completed");
        Ok(live.map(|wire| Conference { sid: wire.sid, status: wire.status }))
    }

    /// The legs in a conference, at most a page of fifty.
    ///
    /// # Errors
    /// As [`Fault`] says; asking again does no harm.
    pub async fn participants(&self, conference_sid: &str) -> Result<Vec<Participant>, Fault> {
        #[derive(Deserialize)]
        struct Page {
            participants: Vec<Participant>,
        }

        checked(conference_sid, "CF")?;
        let body = self.get(self.url(&["Conferences", conference_sid, "Participants.json"])).await?;
        let page: Page = parsed(&body)?;
        Ok(page.participants)
    }

    /// Ends a conference: everybody in it goes on with their own instructions. One that is over is a success.
    ///
    /// # Errors
    /// As [`Fault`] says; asking again does no harm.
    pub async fn end_conference(&self, conference_sid: &str) -> Result<(), Fault> {
        checked(conference_sid, "CF")?;
        let path = format!("{conference_sid}.json");
        match self.post(&["Conferences", &path], &[("Status", "completed")]).await {
            Err(fault) if super::has_ended(&fault) => Ok(()),
            other => other.and_then(|body| parsed::<Value>(&body)).map(|_| ()),
        }
    }
}

/// Both enter the same way: a conference of two has no moderator, and no tone is played at its door. Twilio takes the
/// address for reports from whoever enters first.
fn room(name: &str, reports: &str) -> twiml::Conference {
    twiml::Conference::new(name).beep(false).start_on_enter(true).end_on_exit(true).status(
        reports,
        twiml::Method::Post,
        "start end join leave",
    )
}

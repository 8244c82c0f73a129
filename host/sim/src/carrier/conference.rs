//! Conferences: rooms with a name, and who is told what happens in them.
//!
//! <https://www.twilio.com/docs/voice/twiml/conference>

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;

use super::call::{Next, Run};
use super::courier::Parcel;
use super::desk::lock;
use super::leg::{Leg, new_sid};
use super::room::{Manner, Room};
use super::twiml::{Link, Seat};
use super::verbs::fields;
use super::webhook::{Callback, rfc2822};
use super::webhook_faults::Webhook;

/// A conference.
#[derive(Debug)]
pub(super) struct Conference {
    pub(super) sid: String,
    pub(super) name: String,
    pub(super) room: Room,
    pub(super) created_at: Timestamp,
    /// Who is told, and of what: what the first participant that says so says.
    follower: Mutex<Option<(Callback, Vec<String>)>>,
    told: AtomicU32,
}

/// What happens in a conference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    Start,
    /// With the carrier's word for why.
    End(&'static str),
    Join,
    Leave,
    Mute(bool),
    Hold(bool),
}

impl News {
    /// Somebody left with whom it ends.
    const HOST_LEFT: Self = Self::End("participant-with-end-conference-on-exit-left");
    const LAST_LEFT: Self = Self::End("last-participant-left");
    pub(super) const ENDED_BY_REST: Self = Self::End("conference-ended-via-api");

    fn wire(self) -> &'static str {
        match self {
            Self::Start => "conference-start",
            Self::End(_) => "conference-end",
            Self::Join => "participant-join",
            Self::Leave => "participant-leave",
            Self::Mute(true) => "participant-mute",
            Self::Mute(false) => "participant-unmute",
            Self::Hold(true) => "participant-hold",
            Self::Hold(false) => "participant-unhold",
        }
    }

    /// The word that subscribes to it.
    fn subscription(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::End(_) => "end",
            Self::Join => "join",
            Self::Leave => "leave",
            Self::Mute(_) => "mute",
            Self::Hold(_) => "hold",
        }
    }
}

impl Conference {
    fn new(name: &str) -> Self {
        Self {
            sid: new_sid("CF"),
            name: name.into(),
            room: Room::default(),
            created_at: Timestamp::now(),
            follower: Mutex::default(),
            told: AtomicU32::new(0),
        }
    }

    /// The carrier's word for how far it is.
    pub(super) fn status(&self) -> &'static str {
        match (self.room.is_closed(), self.room.is_open()) {
            (true, _) => "completed",
            (false, true) => "in-progress",
            (false, false) => "init",
        }
    }

    pub(super) fn follow(&self, callback: Option<Callback>, events: &[String]) {
        let mut follower = lock(&self.follower);
        if follower.is_none() {
            *follower = callback.map(|callback| (callback, events.to_vec()));
        }
    }

    /// Tells of something that happened to a participant, or because of one.
    pub(super) async fn tell(&self, leg: &Leg, news: News, manner: Manner) {
        let Some((to, events)) = lock(&self.follower).clone() else { return };
        if !events.iter().any(|wanted| wanted == news.subscription()) {
            return;
        }
        let mut form = fields([
            ("AccountSid", leg.account_sid.clone()),
            ("ConferenceSid", self.sid.clone()),
            ("FriendlyName", self.name.clone()),
            ("StatusCallbackEvent", news.wire().to_owned()),
            ("SequenceNumber", (self.told.fetch_add(1, Ordering::Relaxed) + 1).to_string()),
            ("Timestamp", rfc2822(Timestamp::now())),
        ]);
        form.extend(match news {
            News::End(reason) => fields([
                ("ReasonConferenceEnded", reason.to_owned()),
                ("CallSidEndingConference", leg.sid.clone()),
            ]),
            News::Start | News::Join | News::Leave | News::Mute(_) | News::Hold(_) => fields([
                ("CallSid", leg.sid.clone()),
                ("Muted", manner.muted.to_string()),
                ("Hold", manner.held.to_string()),
                ("StartConferenceOnEnter", manner.opens.to_string()),
                ("EndConferenceOnExit", manner.closes.to_string()),
            ]),
        });
        leg.courier.send(Parcel { kind: Webhook::Conference, to, form }).await;
    }
}

/// All conferences of the carrier.
#[derive(Debug, Default)]
pub(super) struct Conferences(Mutex<Vec<Arc<Conference>>>);

impl Conferences {
    /// The one of that name that is going on, or a new one.
    pub(super) fn named(&self, name: &str) -> Arc<Conference> {
        let mut all = lock(&self.0);
        let live = all.iter().find(|each| each.name == name && !each.room.is_closed());
        match live {
            Some(conference) => Arc::clone(conference),
            None => {
                let conference = Arc::new(Conference::new(name));
                all.push(Arc::clone(&conference));
                conference
            }
        }
    }

    pub(super) fn find(&self, sid: &str) -> Option<Arc<Conference>> {
        lock(&self.0).iter().find(|each| each.sid == sid).cloned()
    }

    /// All, the newest first.
    pub(super) fn all(&self) -> Vec<Arc<Conference>> {
        lock(&self.0).iter().rev().cloned().collect()
    }
}

impl Run {
    /// Sits in a conference until it is over, or the line is needed for something else.
    pub(super) async fn confer(
        &mut self,
        seat: Seat,
        action: Option<Link>,
        limit: Option<Duration>,
        star: bool,
    ) -> Next {
        let conference = self.desk.conferences.named(&seat.name);
        conference.follow(self.callback(seat.status.as_ref()), &seat.events);
        let manner = Manner { muted: seat.muted, held: false, opens: seat.starts, closes: seat.ends };
        let outside = match conference.room.enter(&self.leg.sid, manner) {
            // It was over in the same moment.
            None => None,
            Some(opens) => {
                conference.tell(&self.leg, News::Join, manner).await;
                if opens {
                    conference.tell(&self.leg, News::Start, manner).await;
                }
                let outside = self.sit(&conference.room, limit, star).await;
                let manner = conference.room.change(&self.leg.sid, |_| {}).unwrap_or(manner);
                let over = conference.room.leave(&self.leg.sid);
                conference.tell(&self.leg, News::Leave, manner).await;
                if over {
                    let news = if manner.closes { News::HOST_LEFT } else { News::LAST_LEFT };
                    conference.tell(&self.leg, news, manner).await;
                }
                outside
            }
        };
        let more = fields([("DialCallStatus", "answered".into())]);
        match (outside, action) {
            (Some(Next::End(end)), Some(action)) => {
                self.tell_action(self.action(Some(action), more)).await;
                Next::End(end)
            }
            (Some(next), _) => next,
            (None, Some(action)) => Next::Fetch(self.action(Some(action), more)),
            (None, None) => Next::Verb,
        }
    }
}

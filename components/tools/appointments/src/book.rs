//! The diary: slots, claims and appointments.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::json;
use tool_sdk::records::{Records, parse};
use tool_sdk::{Context, Failure};

use crate::hours::Hours;
use crate::model::{Appointment, Claim, Status, appointment_key, minute, reference, slot_key};

/// How many free slots are offered: more than a caller can keep in mind helps nobody.
const OFFERED: usize = 6;
/// How many days ahead are searched when no day is named.
const DAYS_AHEAD: i32 = 14;
/// A claim without an appointment is an attempt that broke off; after this long
/// nobody is going to finish it.
const ABANDONED_MS: u64 = 60_000;

/// One tenant's diary, seen by one caller at one moment.
pub(crate) struct Diary<'a, R> {
    records: &'a R,
    context: &'a Context,
    hours: Hours,
    now_ms: u64,
    now: DateTime,
}

impl<'a, R: Records> Diary<'a, R> {
    pub(crate) fn open(records: &'a R, context: &'a Context, now_ms: u64) -> Result<Self, Failure> {
        let zone = TimeZone::get(&context.time_zone)
            .map_err(|_| Failure::Other(format!("`{}` is no time zone", context.time_zone)))?;
        let now = i64::try_from(now_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let now = now.ok_or_else(|| Failure::Other("the clock is out of range".into()))?;
        let hours =
            records.read::<Hours>("settings/appointments")?.map_or_else(Hours::default, |(hours, _)| hours);
        let now = now.to_zoned(zone).datetime();
        Ok(Self { records, context, hours: hours.validate()?, now_ms, now })
    }

    /// Free slots and the caller's own appointments.
    pub(crate) fn list(&self, date: Option<Date>) -> Result<String, Failure> {
        let slots: Vec<String> = self.free_slots(date)?.into_iter().map(minute).collect();
        let own: Vec<_> = self.own()?.iter().map(|(own, _)| told(own)).collect();
        Ok(json!({ "slots": slots, "appointments": own }).to_string())
    }

    /// Takes a slot. The same call again returns the same appointment.
    pub(crate) fn book(
        &self,
        start: DateTime,
        name: Option<String>,
        notes: Option<String>,
    ) -> Result<String, Failure> {
        let id = reference(&self.context.idempotency_key);
        if let Some((booked, _)) = self.records.read::<Appointment>(&appointment_key(&id))? {
            return self.same_booking(&booked);
        }
        let end = self.check_slot(start)?;
        self.claim(start, &id)?;
        let appointment = Appointment {
            id: id.clone(),
            phone: self.context.caller.clone(),
            name,
            notes,
            start,
            end,
            status: Status::Booked,
            booked_by: self.context.idempotency_key.clone(),
        };
        if self.records.insert_json(&appointment_key(&id), &appointment)? {
            return Ok(told(&appointment).to_string());
        }
        match self.records.read::<Appointment>(&appointment_key(&id))? {
            Some((booked, _)) => self.same_booking(&booked),
            None => {
                Err(Failure::Conflict("the appointment was changed at the same moment; try again".into()))
            }
        }
    }

    /// Changes an appointment to another slot.
    pub(crate) fn reschedule(&self, id: Option<&str>, start: DateTime) -> Result<String, Failure> {
        let (mut appointment, version) = self.find(id)?;
        let before = appointment.start;
        if before == start {
            return Ok(told(&appointment).to_string());
        }
        let end = self.check_slot(start)?;
        self.claim(start, &appointment.id)?;
        appointment.start = start;
        appointment.end = end;
        if !self.records.replace_json(&appointment_key(&appointment.id), &appointment, version)? {
            self.release(start, &appointment.id)?;
            return Err(Failure::Conflict(
                "the appointment was changed at the same moment; list it again".into(),
            ));
        }
        self.release(before, &appointment.id)?;
        Ok(told(&appointment).to_string())
    }

    /// Gives an appointment up.
    pub(crate) fn cancel(&self, id: Option<&str>) -> Result<String, Failure> {
        let (mut appointment, version) = self.find(id)?;
        appointment.status = Status::Cancelled;
        if !self.records.replace_json(&appointment_key(&appointment.id), &appointment, version)? {
            return Err(Failure::Conflict(
                "the appointment was changed at the same moment; list it again".into(),
            ));
        }
        self.release(appointment.start, &appointment.id)?;
        Ok(told(&appointment).to_string())
    }

    fn same_booking(&self, booked: &Appointment) -> Result<String, Failure> {
        if booked.booked_by == self.context.idempotency_key {
            return Ok(told(booked).to_string());
        }
        // Two keys with one reference: one in 190 million.
        Err(Failure::Unavailable("the reference is taken; ask again".into()))
    }

    fn check_slot(&self, start: DateTime) -> Result<DateTime, Failure> {
        if start <= self.now {
            return Err(Failure::Invalid(format!(
                "{} is in the past; it is {}",
                minute(start),
                minute(self.now)
            )));
        }
        if !self.hours.is_slot(start) {
            let near = self.offer(start.date())?;
            return Err(Failure::Invalid(format!("no slot begins at {}; free: {near}", minute(start))));
        }
        self.hours.end(start).ok_or_else(|| Failure::Invalid(format!("{} is out of range", minute(start))))
    }

    /// Makes the slot `id`'s, or says who could have it instead.
    fn claim(&self, start: DateTime, id: &str) -> Result<(), Failure> {
        let key = slot_key(start);
        let claim = Claim { id: id.to_owned(), at: self.now_ms };
        if self.records.insert_json(&key, &claim)? {
            return Ok(());
        }
        let taken = match self.records.read::<Claim>(&key)? {
            Some((held, _)) if held.id == id => false,
            Some((held, version)) if self.abandoned(&held, start)? => {
                !self.records.replace_json(&key, &claim, version)?
            }
            _ => true,
        };
        if taken {
            let near = self.offer(start.date())?;
            return Err(Failure::Conflict(format!("{} is taken; free: {near}", minute(start))));
        }
        Ok(())
    }

    fn abandoned(&self, claim: &Claim, start: DateTime) -> Result<bool, Failure> {
        if self.now_ms.saturating_sub(claim.at) < ABANDONED_MS {
            return Ok(false);
        }
        let holder = self.records.read::<Appointment>(&appointment_key(&claim.id))?;
        Ok(!holder.is_some_and(|(holder, _)| holder.status == Status::Booked && holder.start == start))
    }

    fn release(&self, start: DateTime, id: &str) -> Result<(), Failure> {
        let key = slot_key(start);
        let Some((claim, version)) = self.records.read::<Claim>(&key)? else {
            return Ok(());
        };
        if claim.id == id {
            // Whoever changed it in between has made it theirs, which is as good.
            let _changed = self.records.remove(&key, version);
        }
        Ok(())
    }

    fn offer(&self, date: Date) -> Result<String, Failure> {
        let mut free = self.free_slots(Some(date))?;
        if free.is_empty() {
            free = self.free_slots(None)?;
        }
        let free: Vec<String> = free.into_iter().take(3).map(minute).collect();
        Ok(if free.is_empty() { "none".into() } else { free.join(", ") })
    }

    fn free_slots(&self, date: Option<Date>) -> Result<Vec<DateTime>, Failure> {
        let (first, days) = date.map_or((self.now.date(), DAYS_AHEAD), |date| (date, 1));
        let mut free = Vec::new();
        for ahead in 0..days {
            let Ok(day) = first.checked_add(ahead.days()) else { break };
            let taken = self.taken(day)?;
            let open =
                self.hours.slots(day).into_iter().filter(|slot| *slot > self.now && !taken.contains(slot));
            free.extend(open.take(OFFERED - free.len()));
            if free.len() >= OFFERED {
                break;
            }
        }
        Ok(free)
    }

    fn taken(&self, day: Date) -> Result<Vec<DateTime>, Failure> {
        let prefix = format!("appointment-slots/{day}T");
        let entries = self.records.list(&prefix, None, 200).map_err(tool_sdk::records::failure)?;
        let mut taken = Vec::new();
        for entry in entries {
            let start: Option<DateTime> =
                entry.key.strip_prefix("appointment-slots/").and_then(|at| at.parse().ok());
            if let Some(start) = start
                && !self.abandoned(&parse::<Claim>(&entry)?, start)?
            {
                taken.push(start);
            }
        }
        Ok(taken)
    }

    /// The caller's appointments that are still to come.
    fn own(&self) -> Result<Vec<(Appointment, u64)>, Failure> {
        let mut own = Vec::new();
        let mut after: Option<String> = None;
        if self.context.caller.is_empty() {
            return Ok(own);
        }
        loop {
            let page = self
                .records
                .list("appointments/", after.as_deref(), 200)
                .map_err(tool_sdk::records::failure)?;
            let Some(last) = page.last() else { return Ok(own) };
            after = Some(last.key.clone());
            for entry in &page {
                let appointment: Appointment = parse(entry)?;
                let mine = appointment.phone == self.context.caller && appointment.status == Status::Booked;
                if mine && appointment.end > self.now {
                    own.push((appointment, entry.version));
                }
            }
        }
    }

    /// The caller's appointment with that reference, or the only one.
    fn find(&self, id: Option<&str>) -> Result<(Appointment, u64), Failure> {
        let mut own = self.own()?;
        if let Some(id) = id.filter(|id| !id.trim().is_empty()) {
            let named = own.into_iter().find(|(own, _)| own.id.eq_ignore_ascii_case(id.trim()));
            return named.ok_or_else(|| {
                Failure::NotFound(format!("this caller has no coming appointment {}", id.trim()))
            });
        }
        match (own.pop(), own.len()) {
            (Some(only), 0) => Ok(only),
            (None, _) => Err(Failure::NotFound("this caller has no coming appointment".into())),
            (Some(_), more) => {
                Err(Failure::Invalid(format!("this caller has {} appointments; say which `id`", more + 1)))
            }
        }
    }
}

fn told(appointment: &Appointment) -> serde_json::Value {
    json!({
        "id": appointment.id,
        "start": minute(appointment.start),
        "end": minute(appointment.end),
        "name": appointment.name,
        "status": appointment.status,
    })
}

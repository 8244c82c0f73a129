//! The capability behind this component's import. Each side generates the contract's types for
//! itself, so they are copied over field by field.

use ::call_routing::bindings::exports::voicehive::platform::call_routing as routing;
use routing::Guest as _;

use crate::bindings::voicehive::platform::call_routing as own;

/// Routes a call. What is decided is of no interest here, only whether the table can be used.
pub fn route(call: &own::Call, table: &own::Table) -> Result<own::Answer, own::Error> {
    let call = routing::Call {
        called: call.called.clone(),
        caller: call.caller.clone(),
        direction: direction(call.direction),
        at: call.at,
    };
    let given = routing::Table {
        blocked_callers: table.blocked_callers.clone(),
        hours: table.hours.as_ref().map(hours),
        rules: table.rules.iter().map(rule).collect(),
        fallback: decision(&table.fallback),
    };
    match ::call_routing::Component::route(call, given) {
        Ok(answer) => Ok(own::Answer {
            decision: table.fallback.clone(),
            reason: own::Reason::Fallback,
            open: answer.open,
        }),
        Err(routing::Error::UnknownTimeZone(zone)) => Err(own::Error::UnknownTimeZone(zone)),
        Err(routing::Error::DuplicatePriority(at)) => Err(own::Error::DuplicatePriority(at)),
        Err(routing::Error::DuplicateRule(id)) => Err(own::Error::DuplicateRule(id)),
        Err(routing::Error::Invalid(fault)) => Err(own::Error::Invalid(fault)),
    }
}

fn direction(direction: own::Direction) -> routing::Direction {
    match direction {
        own::Direction::Inbound => routing::Direction::Inbound,
        own::Direction::Outbound => routing::Direction::Outbound,
    }
}

fn hours(hours: &own::OpeningHours) -> routing::OpeningHours {
    let day = |day| match day {
        own::Weekday::Monday => routing::Weekday::Monday,
        own::Weekday::Tuesday => routing::Weekday::Tuesday,
        own::Weekday::Wednesday => routing::Weekday::Wednesday,
        own::Weekday::Thursday => routing::Weekday::Thursday,
        own::Weekday::Friday => routing::Weekday::Friday,
        own::Weekday::Saturday => routing::Weekday::Saturday,
        own::Weekday::Sunday => routing::Weekday::Sunday,
    };
    let opening =
        |one: &own::Opening| routing::Opening { day: day(one.day), opens: one.opens, closes: one.closes };
    let special = |one: &own::SpecialDay| routing::SpecialDay {
        date: one.date.clone(),
        openings: one.openings.clone(),
    };
    routing::OpeningHours {
        time_zone: hours.time_zone.clone(),
        weekly: hours.weekly.iter().map(opening).collect(),
        special_days: hours.special_days.iter().map(special).collect(),
    }
}

fn rule(rule: &own::Rule) -> routing::Rule {
    routing::Rule {
        id: rule.id.clone(),
        priority: rule.priority,
        direction: rule.direction.map(direction),
        called: rule.called.clone(),
        callers: rule.callers.clone(),
        hours: match rule.hours {
            own::HoursCondition::Any => routing::HoursCondition::Any,
            own::HoursCondition::Open => routing::HoursCondition::Open,
            own::HoursCondition::Closed => routing::HoursCondition::Closed,
        },
        decision: decision(&rule.decision),
    }
}

fn decision(decision: &own::Decision) -> routing::Decision {
    match decision.clone() {
        own::Decision::Connect(agent) => routing::Decision::Connect(agent),
        own::Decision::Message(text) => routing::Decision::Message(text),
        own::Decision::Forward(own::Forwarding { to, ring_seconds }) => {
            routing::Decision::Forward(routing::Forwarding { to, ring_seconds })
        }
        own::Decision::Voicemail(own::Voicemail { greeting, max_seconds }) => {
            routing::Decision::Voicemail(routing::Voicemail { greeting, max_seconds })
        }
        own::Decision::Reject(own::Rejection::Busy) => routing::Decision::Reject(routing::Rejection::Busy),
        own::Decision::Reject(own::Rejection::Declined) => {
            routing::Decision::Reject(routing::Rejection::Declined)
        }
    }
}

//! The routing table: checked as a whole, then searched by priority.

use crate::contract::{Answer, Call, Decision, Error, HoursCondition, Reason, Rejection, Rule, Table};
use crate::hours::Hours;
use crate::number::{self, Number, Pattern};
use jiff::Timestamp;
use std::fmt;
use std::ops::RangeInclusive;

/// A table without a fault.
#[derive(Debug)]
pub(crate) struct Checked<'a> {
    blocked: Vec<(&'a str, Pattern)>,
    hours: Option<Hours<'a>>,
    /// By priority, the first to be tried first.
    rules: Vec<CheckedRule<'a>>,
    fallback: &'a Decision,
}

#[derive(Debug)]
struct CheckedRule<'a> {
    rule: &'a Rule,
    called: Vec<Pattern>,
    callers: Vec<Pattern>,
}

impl<'a> Checked<'a> {
    /// Checks the whole of `table`. Which fault is found first does not depend on the order of the
    /// rules.
    pub(crate) fn new(table: &'a Table) -> Result<Self, Error> {
        let hours = table.hours.as_ref().map(Hours::new).transpose()?;
        let blocked = patterns(&table.blocked_callers, format_args!("blocked-callers"))?;
        if let Some(id) = repeated(table.rules.iter().map(|rule| rule.id.as_str())) {
            return Err(Error::DuplicateRule(id.to_owned()));
        }
        if let Some(priority) = repeated(table.rules.iter().map(|rule| rule.priority)) {
            return Err(Error::DuplicatePriority(priority));
        }
        let mut rules: Vec<_> = table.rules.iter().collect();
        rules.sort_unstable_by_key(|rule| rule.priority);
        let rules = rules.into_iter().map(CheckedRule::new).collect::<Result<_, _>>()?;
        check_decision(&table.fallback, format_args!("fallback"))?;
        let blocked = table.blocked_callers.iter().map(String::as_str).zip(blocked).collect();
        Ok(Self { blocked, hours, rules, fallback: &table.fallback })
    }

    /// Decides on `call`.
    pub(crate) fn decide(&self, call: &Call) -> Result<Answer, Error> {
        if call.called.trim().is_empty() {
            return Err(Error::Invalid(
                "call.called is empty, expected the number that was called".to_owned(),
            ));
        }
        let at = i64::try_from(call.at).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
        let at = at.ok_or_else(|| {
            Error::Invalid(format!(
                "call.at is {}, expected milliseconds since 1970 up to the year 9999",
                call.at
            ))
        })?;
        let open = self.hours.as_ref().map(|hours| hours.are_open(at));
        let (decision, reason) = self.choose(call, open);
        Ok(Answer { decision, reason, open })
    }

    fn choose(&self, call: &Call, open: Option<bool>) -> (Decision, Reason) {
        let called = Number::called(&call.called);
        let caller = Number::calling(&call.caller);
        if let Some((text, _)) = self.blocked.iter().find(|(_, pattern)| pattern.matches(&caller)) {
            return (Decision::Reject(Rejection::Declined), Reason::Blocked((*text).to_owned()));
        }
        let applies = |checked: &&CheckedRule<'_>| checked.applies(call, &called, &caller, open);
        match self.rules.iter().find(applies) {
            Some(CheckedRule { rule, .. }) => (rule.decision.clone(), Reason::Rule(rule.id.clone())),
            None => (self.fallback.clone(), Reason::Fallback),
        }
    }
}

impl<'a> CheckedRule<'a> {
    fn new(rule: &'a Rule) -> Result<Self, Error> {
        if rule.id.trim().is_empty() {
            return Err(Error::Invalid(format!("the rule with priority {} has a blank id", rule.priority)));
        }
        let called = patterns(&rule.called, format_args!("rule {:?}, called", rule.id))?;
        if called.contains(&Pattern::Anonymous) {
            return Err(Error::Invalid(format!(
                "rule {:?}, called: a called number is never anonymous",
                rule.id
            )));
        }
        let callers = patterns(&rule.callers, format_args!("rule {:?}, callers", rule.id))?;
        check_decision(&rule.decision, format_args!("rule {:?}", rule.id))?;
        Ok(Self { rule, called, callers })
    }

    fn applies(&self, call: &Call, called: &Number, caller: &Number, open: Option<bool>) -> bool {
        let any = |patterns: &[Pattern], number| {
            patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(number))
        };
        let hours = match self.rule.hours {
            HoursCondition::Any => true,
            HoursCondition::Open => open.unwrap_or(true),
            HoursCondition::Closed => !open.unwrap_or(true),
        };
        hours
            && self.rule.direction.is_none_or(|direction| direction == call.direction)
            && any(&self.called, called)
            && any(&self.callers, caller)
    }
}

fn patterns(texts: &[String], place: fmt::Arguments<'_>) -> Result<Vec<Pattern>, Error> {
    let pattern = |text: &String| {
        let fault = || Error::Invalid(format!("{place}: {text:?} is no pattern, {}", number::EXPECTED));
        Pattern::parse(text).ok_or_else(fault)
    };
    texts.iter().map(pattern).collect()
}

fn check_decision(decision: &Decision, place: fmt::Arguments<'_>) -> Result<(), Error> {
    match decision {
        Decision::Connect(agent) => check_text(agent, place, "connect", "the id of an agent"),
        Decision::Forward(forwarding) => {
            if !number::is_dialable(&forwarding.to) {
                let expected = number::EXPECTED_DIALABLE;
                return Err(Error::Invalid(format!(
                    "{place}, forward: cannot dial {:?}, {expected}",
                    forwarding.to
                )));
            }
            check_range(forwarding.ring_seconds, RING_SECONDS, place, "forward: ring-seconds")
        }
        Decision::Message(text) => check_text(text, place, "message", "a text to say"),
        Decision::Voicemail(voicemail) => {
            check_text(&voicemail.greeting, place, "voicemail: greeting", "a text to say")?;
            check_range(voicemail.max_seconds, VOICEMAIL_SECONDS, place, "voicemail: max-seconds")
        }
        Decision::Reject(Rejection::Busy | Rejection::Declined) => Ok(()),
    }
}

fn check_text(text: &str, place: fmt::Arguments<'_>, field: &str, expected: &str) -> Result<(), Error> {
    if text.trim().is_empty() {
        return Err(Error::Invalid(format!("{place}, {field} is blank, expected {expected}")));
    }
    Ok(())
}

fn check_range(
    value: u16,
    range: RangeInclusive<u16>,
    place: fmt::Arguments<'_>,
    field: &str,
) -> Result<(), Error> {
    if !range.contains(&value) {
        let (start, end) = range.into_inner();
        return Err(Error::Invalid(format!("{place}, {field} is {value}, expected {start} to {end}")));
    }
    Ok(())
}

/// The least value that occurs twice.
fn repeated<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable();
    values.windows(2).find(|pair| pair.first() == pair.last()).and_then(|pair| pair.first().copied())
}

/// The contract's bounds; Twilio rings for at most 600 seconds.
const RING_SECONDS: RangeInclusive<u16> = 5..=600;

/// The contract's bounds; Twilio records for an hour unless told otherwise.
const VOICEMAIL_SECONDS: RangeInclusive<u16> = 1..=3_600;

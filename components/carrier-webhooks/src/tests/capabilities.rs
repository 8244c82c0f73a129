//! The capability crates behind this component's imports. Each side generates the contract's
//! types for itself, so they are copied over field by field.

use ::call_routing::bindings::exports::voicehive::platform::call_routing as routing;
use ::webhook_verification::bindings::exports::voicehive::webhooks::webhook_verification as verification;
use routing::Guest as _;
use verification::Guest as _;

use crate::bindings::voicehive::platform::call_routing as own_routing;
use crate::bindings::webhook_verification as own;

pub fn public_url(
    target: &str,
    headers: &[(String, String)],
    source: &own::UrlSource,
) -> Result<String, String> {
    let source = verification::UrlSource {
        public_base_url: source.public_base_url.clone(),
        trust_forwarded: source.trust_forwarded,
        encrypted: source.encrypted,
    };
    ::webhook_verification::Component::public_url(target.to_owned(), headers.to_vec(), source)
}

pub fn verify(request: &own::Request, scheme: &own::Scheme) -> Result<own::Verified, own::Refusal> {
    let request = verification::Request {
        method: request.method.clone(),
        url: request.url.clone(),
        headers: request.headers.clone(),
        body: request.body.clone(),
    };
    let verified = ::webhook_verification::Component::verify(request, their_scheme(scheme));
    match verified {
        Ok(proof) => {
            let replay = proof
                .replay
                .map(|guard| own::ReplayGuard { key: guard.key, remember_seconds: guard.remember_seconds });
            Ok(own::Verified { key_index: proof.key_index, form: proof.form, body: proof.body, replay })
        }
        Err(refusal) => Err(own_refusal(refusal)),
    }
}

fn their_scheme(scheme: &own::Scheme) -> verification::Scheme {
    match scheme {
        own::Scheme::Twilio(keys) => {
            verification::Scheme::Twilio(verification::TwilioKeys { auth_tokens: keys.auth_tokens.clone() })
        }
        own::Scheme::Telnyx(keys) => verification::Scheme::Telnyx(verification::TelnyxKeys {
            public_keys: keys.public_keys.clone(),
            now: keys.now,
        }),
        own::Scheme::Bearer(keys) => verification::Scheme::Bearer(verification::BearerKeys {
            header: keys.header.clone(),
            prefix: keys.prefix.clone(),
            tokens: keys.tokens.clone(),
        }),
        own::Scheme::Hmac(keys) => verification::Scheme::Hmac(their_hmac(keys)),
        scheme => panic!("this component serves no sender of {scheme:?}"),
    }
}

fn their_hmac(keys: &own::HmacKeys) -> verification::HmacKeys {
    verification::HmacKeys {
        secrets: keys.secrets.clone(),
        secrets_are_base64: keys.secrets_are_base64,
        algorithm: match keys.algorithm {
            own::HmacAlgorithm::Sha1 => verification::HmacAlgorithm::Sha1,
            own::HmacAlgorithm::Sha256 => verification::HmacAlgorithm::Sha256,
            own::HmacAlgorithm::Sha512 => verification::HmacAlgorithm::Sha512,
        },
        header: keys.header.clone(),
        prefix: keys.prefix.clone(),
        encoding: match keys.encoding {
            own::SignatureEncoding::Hex => verification::SignatureEncoding::Hex,
            own::SignatureEncoding::Base64 => verification::SignatureEncoding::Base64,
        },
        payload: keys.payload.clone(),
        timestamp: keys.timestamp.as_ref().map(|timestamp| verification::HmacTimestamp {
            header: timestamp.header.clone(),
            unit: match timestamp.unit {
                own::TimestampUnit::Seconds => verification::TimestampUnit::Seconds,
                own::TimestampUnit::Milliseconds => verification::TimestampUnit::Milliseconds,
                own::TimestampUnit::Either => verification::TimestampUnit::Either,
            },
            tolerance_seconds: timestamp.tolerance_seconds,
            now: timestamp.now,
        }),
        message_id_header: keys.message_id_header.clone(),
    }
}

fn own_refusal(refusal: verification::Refusal) -> own::Refusal {
    match refusal {
        verification::Refusal::NoKey => own::Refusal::NoKey,
        verification::Refusal::MissingSignature => own::Refusal::MissingSignature,
        verification::Refusal::MalformedSignature => own::Refusal::MalformedSignature,
        verification::Refusal::MalformedBody(fault) => own::Refusal::MalformedBody(fault),
        verification::Refusal::UnsupportedContentType(kind) => own::Refusal::UnsupportedContentType(kind),
        verification::Refusal::MissingBodyHash => own::Refusal::MissingBodyHash,
        verification::Refusal::BodyHashMismatch => own::Refusal::BodyHashMismatch,
        verification::Refusal::SignatureMismatch => own::Refusal::SignatureMismatch,
        verification::Refusal::MissingHeader(name) => own::Refusal::MissingHeader(name),
        verification::Refusal::MalformedHeader(name) => own::Refusal::MalformedHeader(name),
        verification::Refusal::StaleTimestamp => own::Refusal::StaleTimestamp,
        verification::Refusal::Misconfigured(fault) => own::Refusal::Misconfigured(fault),
    }
}

pub fn route(
    call: &own_routing::Call,
    table: &own_routing::Table,
) -> Result<own_routing::Answer, own_routing::Error> {
    let call = routing::Call {
        called: call.called.clone(),
        caller: call.caller.clone(),
        direction: direction(call.direction),
        at: call.at,
    };
    let table = routing::Table {
        blocked_callers: table.blocked_callers.clone(),
        hours: table.hours.as_ref().map(hours),
        rules: table.rules.iter().map(rule).collect(),
        fallback: decision(&table.fallback),
    };
    match ::call_routing::Component::route(call, table) {
        Ok(answer) => Ok(own_routing::Answer {
            decision: own_decision(answer.decision),
            reason: match answer.reason {
                routing::Reason::Rule(id) => own_routing::Reason::Rule(id),
                routing::Reason::Blocked(pattern) => own_routing::Reason::Blocked(pattern),
                routing::Reason::Fallback => own_routing::Reason::Fallback,
            },
            open: answer.open,
        }),
        Err(routing::Error::UnknownTimeZone(zone)) => Err(own_routing::Error::UnknownTimeZone(zone)),
        Err(routing::Error::DuplicatePriority(at)) => Err(own_routing::Error::DuplicatePriority(at)),
        Err(routing::Error::DuplicateRule(id)) => Err(own_routing::Error::DuplicateRule(id)),
        Err(routing::Error::Invalid(fault)) => Err(own_routing::Error::Invalid(fault)),
    }
}

fn direction(direction: own_routing::Direction) -> routing::Direction {
    match direction {
        own_routing::Direction::Inbound => routing::Direction::Inbound,
        own_routing::Direction::Outbound => routing::Direction::Outbound,
    }
}

fn hours(hours: &own_routing::OpeningHours) -> routing::OpeningHours {
    let day = |day| match day {
        own_routing::Weekday::Monday => routing::Weekday::Monday,
        own_routing::Weekday::Tuesday => routing::Weekday::Tuesday,
        own_routing::Weekday::Wednesday => routing::Weekday::Wednesday,
        own_routing::Weekday::Thursday => routing::Weekday::Thursday,
        own_routing::Weekday::Friday => routing::Weekday::Friday,
        own_routing::Weekday::Saturday => routing::Weekday::Saturday,
        own_routing::Weekday::Sunday => routing::Weekday::Sunday,
    };
    let opening = |one: &own_routing::Opening| routing::Opening {
        day: day(one.day),
        opens: one.opens,
        closes: one.closes,
    };
    let special = |one: &own_routing::SpecialDay| routing::SpecialDay {
        date: one.date.clone(),
        openings: one.openings.clone(),
    };
    routing::OpeningHours {
        time_zone: hours.time_zone.clone(),
        weekly: hours.weekly.iter().map(opening).collect(),
        special_days: hours.special_days.iter().map(special).collect(),
    }
}

fn rule(rule: &own_routing::Rule) -> routing::Rule {
    routing::Rule {
        id: rule.id.clone(),
        priority: rule.priority,
        direction: rule.direction.map(direction),
        called: rule.called.clone(),
        callers: rule.callers.clone(),
        hours: match rule.hours {
            own_routing::HoursCondition::Any => routing::HoursCondition::Any,
            own_routing::HoursCondition::Open => routing::HoursCondition::Open,
            own_routing::HoursCondition::Closed => routing::HoursCondition::Closed,
        },
        decision: decision(&rule.decision),
    }
}

fn decision(decision: &own_routing::Decision) -> routing::Decision {
    match decision.clone() {
        own_routing::Decision::Connect(agent) => routing::Decision::Connect(agent),
        own_routing::Decision::Message(text) => routing::Decision::Message(text),
        own_routing::Decision::Forward(own_routing::Forwarding { to, ring_seconds }) => {
            routing::Decision::Forward(routing::Forwarding { to, ring_seconds })
        }
        own_routing::Decision::Voicemail(own_routing::Voicemail { greeting, max_seconds }) => {
            routing::Decision::Voicemail(routing::Voicemail { greeting, max_seconds })
        }
        own_routing::Decision::Reject(own_routing::Rejection::Busy) => {
            routing::Decision::Reject(routing::Rejection::Busy)
        }
        own_routing::Decision::Reject(own_routing::Rejection::Declined) => {
            routing::Decision::Reject(routing::Rejection::Declined)
        }
    }
}

fn own_decision(decision: routing::Decision) -> own_routing::Decision {
    match decision {
        routing::Decision::Connect(agent) => own_routing::Decision::Connect(agent),
        routing::Decision::Message(text) => own_routing::Decision::Message(text),
        routing::Decision::Forward(routing::Forwarding { to, ring_seconds }) => {
            own_routing::Decision::Forward(own_routing::Forwarding { to, ring_seconds })
        }
        routing::Decision::Voicemail(routing::Voicemail { greeting, max_seconds }) => {
            own_routing::Decision::Voicemail(own_routing::Voicemail { greeting, max_seconds })
        }
        routing::Decision::Reject(routing::Rejection::Busy) => {
            own_routing::Decision::Reject(own_routing::Rejection::Busy)
        }
        routing::Decision::Reject(routing::Rejection::Declined) => {
            own_routing::Decision::Reject(own_routing::Rejection::Declined)
        }
    }
}

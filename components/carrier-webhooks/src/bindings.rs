//! The capabilities that this component imports, and their types.
//!
//! The types of routing tables are also the form in which tables are stored: JSON with the
//! contract's names, fields in snake_case and cases in kebab-case, unknown fields refused. What was
//! decided on a call is stored in the same form.
#![allow(
    missing_docs,
    unsafe_code,
    unused,
    clippy::all,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "generated code"
)]

wit_bindgen::generate!({
    path: "../../wit/platform",
    world: "carrier-webhooks-imports",
    additional_derives: [PartialEq, serde::Deserialize, serde::Serialize],
    additional_type_attributes: {
        "voicehive:platform/call-routing@0.1.0/direction": [#[serde(rename_all = "kebab-case")]],
        "voicehive:platform/call-routing@0.1.0/weekday": [#[serde(rename_all = "kebab-case")]],
        "voicehive:platform/call-routing@0.1.0/hours-condition": [#[serde(rename_all = "kebab-case")]],
        "voicehive:platform/call-routing@0.1.0/rejection": [#[serde(rename_all = "kebab-case")]],
        "voicehive:platform/call-routing@0.1.0/decision": [#[serde(rename_all = "kebab-case")]],
        "voicehive:platform/call-routing@0.1.0/opening": [#[serde(deny_unknown_fields)]],
        "voicehive:platform/call-routing@0.1.0/special-day": [#[serde(deny_unknown_fields)]],
        "voicehive:platform/call-routing@0.1.0/opening-hours": [#[serde(deny_unknown_fields)]],
        "voicehive:platform/call-routing@0.1.0/forwarding": [#[serde(deny_unknown_fields)]],
        "voicehive:platform/call-routing@0.1.0/voicemail": [#[serde(deny_unknown_fields)]],
        "voicehive:platform/call-routing@0.1.0/rule": [#[serde(deny_unknown_fields)]],
        "voicehive:platform/call-routing@0.1.0/table": [#[serde(deny_unknown_fields)]],
    },
    additional_member_attributes: {
        "voicehive:platform/call-routing@0.1.0/opening-hours.weekly": [#[serde(default)]],
        "voicehive:platform/call-routing@0.1.0/opening-hours.special-days": [#[serde(default)]],
        "voicehive:platform/call-routing@0.1.0/special-day.openings": [#[serde(default)]],
        "voicehive:platform/call-routing@0.1.0/rule.called": [#[serde(default)]],
        "voicehive:platform/call-routing@0.1.0/rule.callers": [#[serde(default)]],
        "voicehive:platform/call-routing@0.1.0/rule.hours": [#[serde(default = "crate::routing_table::any_time")]],
        "voicehive:platform/call-routing@0.1.0/table.blocked-callers": [#[serde(default)]],
        "voicehive:platform/call-routing@0.1.0/table.rules": [#[serde(default)]],
    },
});

mod proof {
    wit_bindgen::generate!({
        path: "../../wit/webhooks",
        world: "carrier-webhooks-imports",
        additional_derives: [PartialEq, serde::Deserialize, serde::Serialize],
    });
}

pub use proof::voicehive::webhooks::webhook_verification;

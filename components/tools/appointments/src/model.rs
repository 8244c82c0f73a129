//! What is stored.
//!
//! | key | value |
//! | --- | --- |
//! | `appointments/{id}` | an [`Appointment`] |
//! | `appointment-slots/{start}` | the [`Claim`] on a slot |
//! | `settings/appointments` | the tenant's [`crate::hours::Hours`] |

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

/// One appointment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Appointment {
    /// The reference that callers are told.
    pub(crate) id: String,
    /// The caller's number.
    pub(crate) phone: String,
    /// The caller's name.
    pub(crate) name: Option<String>,
    /// What it is about.
    pub(crate) notes: Option<String>,
    /// When it begins, local time.
    pub(crate) start: DateTime,
    /// When it ends, local time.
    pub(crate) end: DateTime,
    /// `booked` or `cancelled`.
    pub(crate) status: Status,
    /// The key of the call that booked it.
    pub(crate) booked_by: String,
}

/// Whether an appointment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// It stands.
    Booked,
    /// It was given up.
    Cancelled,
}

/// Who holds a slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Claim {
    /// The appointment that holds it.
    pub(crate) id: String,
    /// When it was claimed, milliseconds since the Unix epoch.
    pub(crate) at: u64,
}

pub(crate) fn appointment_key(id: &str) -> String {
    format!("appointments/{id}")
}

pub(crate) fn slot_key(start: DateTime) -> String {
    format!("appointment-slots/{}", minute(start))
}

/// A local time to the minute, as callers' models write it.
pub(crate) fn minute(time: DateTime) -> String {
    time.strftime("%Y-%m-%dT%H:%M").to_string()
}

/// A reference that is the same for every attempt at one booking: six letters
/// and digits that cannot be mistaken for one another on the telephone.
pub(crate) fn reference(idempotency_key: &str) -> String {
    const ALPHABET: [char; 24] = [
        'A', 'C', 'D', 'E', 'F', 'H', 'J', 'K', 'L', 'M', 'P', 'Q', 'R', 'T', 'V', 'W', 'X', 'Y', '2', '3',
        '4', '6', '7', '9',
    ];
    // FNV-1a, 64 bits: spreads keys, needs no secrecy. Constants from its specification.
    let mut hash = idempotency_key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash ^= hash >> 32;
    let letters = (0..6).filter_map(|_| {
        let letter = ALPHABET.get(usize::try_from(hash % 24).ok()?);
        hash /= 24;
        letter
    });
    std::iter::once('A').chain(std::iter::once('-')).chain(letters.copied()).collect()
}

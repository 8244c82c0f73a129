//! `/v1/limits`: how many calls a tenant may have at once.

use serde_json::{Value, json};
use store::Tenant;

use crate::answer::Answer;
use crate::fields::{Faults, Fields, whole};
use crate::problem::Problem;
use crate::routes::Asked;
use crate::service::{Platform, body};

/// `GET /v1/limits`
pub(crate) fn read(tenant: &Tenant) -> Result<String, Problem> {
    shown(tenant.max_live_calls)
}

/// `PUT /v1/limits` with `{max_live_calls}`: a number, or null for no limit.
pub(crate) async fn replace<P: Platform>(asked: &Asked<'_, P>) -> Result<Answer, Problem> {
    let most = most(asked.request.json()?)?;
    asked.store.set_max_live_calls(&asked.tenant.id, most).await?;
    shown(most).map(Answer::ok)
}

fn most(given: Value) -> Result<Option<u32>, Problem> {
    let mut faults = Faults::default();
    let most = Fields::of(given, "", &mut faults).and_then(|mut fields| {
        // Left out is not null: whoever replaces the limits says which they are.
        let most = match fields.take_null("max_live_calls") {
            true => Some(None),
            false => fields.required("max_live_calls", whole(0..=MOST), &mut faults).map(Some),
        };
        fields.finish(&mut faults);
        most
    });
    faults.or(most)
}

fn shown(most: Option<u32>) -> Result<String, Problem> {
    body(&json!({ "max_live_calls": most }))
}

/// More is no limit.
const MOST: u32 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_or_none_but_never_forgotten() {
        for (given, expected) in [
            (json!({ "max_live_calls": 0 }), Some(0)),
            (json!({ "max_live_calls": 100_000 }), Some(100_000)),
            (json!({ "max_live_calls": null }), None),
        ] {
            assert_eq!(most(given).unwrap(), expected);
        }
        for given in [
            json!({}),
            json!({ "max_live_calls": -1 }),
            json!({ "max_live_calls": 100_001 }),
            json!({ "max_live_calls": "10" }),
            json!({ "max_live_calls": 10, "max_calls": 10 }),
            json!(10),
        ] {
            assert_eq!(most(given.clone()).unwrap_err().code().0, "invalid-request", "{given}");
        }
    }
}

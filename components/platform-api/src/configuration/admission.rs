//! How often the configuration may be changed.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use store::{Admission, Rate};

use crate::answer::Answer;
use crate::problem::Problem;
use crate::routes::Asked;
use crate::service::Platform;

/// Counts a request for the address that it comes from.
///
/// # Errors
/// When there were too many.
pub(crate) async fn admit<P: Platform>(asked: &Asked<'_, P>) -> Result<(), Problem> {
    let settings = asked.platform.settings().map_err(|fault| Problem::Misconfigured(*fault))?;
    let client = asked.request.client(settings.trust_forwarded);
    match asked.store.admit(SCOPE, &client, RATE, asked.now).await? {
        Admission::Admitted => Ok(()),
        Admission::Over { retry_after } => Err(Problem::RateLimited { retry_after }),
    }
}

/// Tells the client of an admitted request how often it may come.
pub(crate) fn tell(answer: Answer) -> Answer {
    let (name, value) = policy();
    answer.header(name, value)
}

/// Tells a client that it may come again in `seconds`.
pub(crate) fn exhausted(seconds: u64) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let left = HeaderValue::from_str(&format!("\"admin\";r=0;t={seconds}")).ok();
    let left = left.map(|value| (HeaderName::from_static("ratelimit"), value));
    left.into_iter().chain([policy()])
}

/// Of these headers see draft-ietf-httpapi-ratelimit-headers-10: quota `q` in a window of `w`
/// seconds; `r` left, `t` seconds until there is more.
fn policy() -> (HeaderName, HeaderValue) {
    (HeaderName::from_static("ratelimit-policy"), HeaderValue::from_static("\"admin\";q=20;w=60"))
}

/// Where these requests are counted.
const SCOPE: &str = "api-admin";

/// How many an address may send.
const RATE: Rate = Rate { count: 20, per: Duration::from_secs(60) };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_the_rate() {
        let expected = format!("\"admin\";q={};w={}", RATE.count, RATE.per.as_secs());
        assert_eq!(policy().1, expected);
    }
}

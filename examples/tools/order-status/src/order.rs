//! What the tool does. Knows nothing of WebAssembly.

use serde::{Deserialize, Serialize};
use tool_sdk::http::{self, Http, Request};
use tool_sdk::secrets::{self, Secrets};
use tool_sdk::{Failure, Reply};

/// The shop's service, the only host that the tool may reach.
pub const HOST: &str = "orders.example.com";

/// The secret that the tenant stores for [`HOST`]: `voicehive tool secret set order-status shop-key`.
pub const SECRET: &str = "shop-key";

/// What the model passes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The order's number.
    pub number: String,
    /// Where it is sent to.
    pub postcode: String,
}

/// An order as the service has it; what is not listed here is not read.
#[derive(Debug, Deserialize)]
struct Order {
    state: State,
    postcode: String,
    /// The day it arrives or arrived, as `2026-11-24`.
    day: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Packing,
    Sent,
    Delivered,
    Cancelled,
}

/// What the model gets.
#[derive(Serialize)]
struct Found<'a> {
    number: &'a str,
    state: State,
    day: Option<&'a str>,
}

/// Finds the order that was asked for.
///
/// # Errors
/// What the model is told instead. An order of somebody else is not found.
pub fn find(http: &impl Http, secrets: &impl Secrets, asked: &Asked) -> Result<Reply, Failure> {
    if !asked.number.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        // The number becomes part of a URL, so this does not rely on the schema.
        return Err(Failure::Invalid("an order's number has letters and digits only: AB123456".into()));
    }
    let key = secrets.handle(SECRET).map_err(secrets::failure)?;
    let request = Request::get(format!("https://{HOST}/v1/orders/{}", asked.number))
        .header("Accept", "application/json")
        .header("Authorization", format!("Bearer {key}"));
    let response = http.send(&request).map_err(http::failure)?;
    if response.status == 404 {
        return Err(unknown());
    }
    let order: Order = response.read()?;
    if plain(&order.postcode) != plain(&asked.postcode) {
        return Err(unknown());
    }
    let found = Found { number: &asked.number, state: order.state, day: order.day.as_deref() };
    Ok(Reply::json(&found)?.speak(sentence(&order)))
}

/// The same for an order that is not there and for one of somebody else: who guesses numbers learns nothing.
fn unknown() -> Failure {
    Failure::NotFound("there is no order of that number and postcode; ask the caller to repeat both".into())
}

/// A postcode without what people write differently.
fn plain(postcode: &str) -> String {
    postcode.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect()
}

fn sentence(order: &Order) -> String {
    let day = order.day.as_deref().and_then(spoken);
    match (order.state, day) {
        (State::Packing, _) => "Your order is being packed.".into(),
        (State::Sent, Some(day)) => format!("Your order is on its way and arrives on {day}."),
        (State::Sent, None) => "Your order is on its way.".into(),
        (State::Delivered, Some(day)) => format!("Your order was delivered on {day}."),
        (State::Delivered, None) => "Your order was delivered.".into(),
        (State::Cancelled, _) => "Your order was cancelled.".into(),
    }
}

/// `2026-11-04` as people say it: `4 November`.
fn spoken(day: &str) -> Option<String> {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let mut parts = day.split('-').skip(1).map(str::parse::<usize>);
    let (Some(Ok(month)), Some(Ok(day)), None) = (parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let month = MONTHS.get(month.checked_sub(1)?)?;
    Some(format!("{day} {month}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tool_sdk::http::{Error, Response, Scripted};
    use tool_sdk::secrets::Stored;

    const ORDER: &str = r#"{"state": "sent", "postcode": "AB1 2CD", "day": "2026-11-04", "customer": "Ana"}"#;

    fn asked(number: &str, postcode: &str) -> Asked {
        Asked { number: number.into(), postcode: postcode.into() }
    }

    fn find_with(answer: Result<Response, Error>, asked: &Asked) -> (Scripted, Result<Reply, Failure>) {
        let http = Scripted::new([answer]);
        let found = find(&http, &Stored::new([SECRET]), asked);
        (http, found)
    }

    #[test]
    fn an_order_is_found_and_its_arrival_said() {
        let (http, found) = find_with(Ok(Response::new(200, ORDER)), &asked("AB123456", "ab12cd"));
        let content = r#"{"number":"AB123456","state":"sent","day":"2026-11-04"}"#;
        let said = "Your order is on its way and arrives on 4 November.";
        assert_eq!(found, Ok(Reply::text(content).speak(said)));
        let [request] = http.requests().try_into().unwrap();
        assert_eq!(request.url, "https://orders.example.com/v1/orders/AB123456");
        let key = ("Authorization".to_owned(), format!("Bearer {}", Stored::handle_of(SECRET)));
        assert!(request.headers.contains(&key), "the key goes to the service by its handle");
    }

    #[test]
    fn an_order_of_somebody_else_looks_like_none() {
        let (_, other) = find_with(Ok(Response::new(200, ORDER)), &asked("AB123456", "ZZ9 9ZZ"));
        let (_, none) = find_with(Ok(Response::new(404, "")), &asked("AB123456", "AB1 2CD"));
        assert!(matches!(other, Err(Failure::NotFound(_))));
        assert_eq!(other, none);
    }

    #[test]
    fn a_number_leads_nowhere_else() {
        let (http, found) = find_with(Ok(Response::new(200, ORDER)), &asked("../admin?x=", "AB1 2CD"));
        assert!(matches!(found, Err(Failure::Invalid(_))));
        assert!(http.requests().is_empty());
    }

    #[test]
    fn without_the_secret_nothing_is_sent() {
        let http = Scripted::new([]);
        let found = find(&http, &Stored::default(), &asked("AB123456", "AB1 2CD"));
        assert!(matches!(found, Err(Failure::Other(_))) && http.requests().is_empty());
    }

    #[test]
    fn what_goes_wrong_is_told_apart() {
        for (answer, later) in [
            (Err(Error::Timeout), true),
            (Ok(Response::new(503, "")), true),
            (Ok(Response::new(401, "")), false),
            (Ok(Response::new(200, "{}")), false),
        ] {
            let (_, found) = find_with(answer.clone(), &asked("AB123456", "AB1 2CD"));
            assert_eq!(matches!(found, Err(Failure::Unavailable(_))), later, "{answer:?}");
            assert!(found.is_err());
        }
    }

    #[test]
    fn days_are_said_as_people_say_them() {
        assert_eq!(spoken("2026-12-31").unwrap(), "31 December");
        for wrong in ["", "2026-13-01", "2026-00-01", "2026-11-04T10:00", "soon"] {
            assert_eq!(spoken(wrong), None, "{wrong}");
        }
    }
}

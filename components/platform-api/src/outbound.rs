//! Calls that the platform places: ordered with `POST /v1/calls`, called off with
//! `POST /v1/calls/{id}/cancel`.
//!
//! An order is only written down here. The host places it, and is told that there is one; so an
//! answer does not wait for a carrier, and an order outlives every process.

mod hours;
mod request;
mod schedule;

use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use store::{Call, CallId, Cancelled, Db, NewOrder, Order, OrderState, Ordered, Store, TenantId, Timestamp};

use crate::answer::Answer;
use crate::fields::Faults;
use crate::problem::Problem;
use crate::routes::Asked;
use crate::service::{self, Platform, body};
use request::Request;
use schedule::Window;

/// `POST /v1/calls`: 202 with a new call, 200 with that of an earlier request with the same key.
pub(crate) async fn order<P: Platform>(asked: &Asked<'_, P>) -> Result<Answer, Problem> {
    let key = idempotency_key(asked.request.header(IDEMPOTENCY_KEY))?;
    let request = Request::read(asked.request.json()?)?;
    let new = match window(asked, &request) {
        Ok(window) => new_order(asked, key, request, window)?,
        // Time has passed since the first request of this key, which may have been in time.
        Err(problem) => return earlier(asked, key, &request, problem).await,
    };
    match asked.store.order_call(&asked.tenant.id, new, asked.now).await? {
        Ordered::New(call) => {
            service::wake_host(asked.platform, asked.request).await;
            answer(asked, call, StatusCode::ACCEPTED).await
        }
        Ordered::Existing(call) => answer(asked, call, StatusCode::OK).await,
        Ordered::KeyReused => Err(Problem::IdempotencyKeyReused),
        Ordered::TooMany => Err(Problem::TooManyCalls),
        Ordered::NoSuchAgent => Err(Problem::invalid("/agent", "is no agent of this account")),
        Ordered::NumberNotOwned => Err(Problem::invalid("/from", "is no number of this account")),
    }
}

/// `POST /v1/calls/{id}/cancel`: 200 with the call, also when it was called off before.
pub(crate) async fn cancel<P: Platform>(asked: &Asked<'_, P>, id: &str) -> Result<Answer, Problem> {
    let id: CallId = id.parse().map_err(|_| Problem::NotFound)?;
    asked.request.no_body()?;
    let (store, tenant) = (asked.store, &asked.tenant.id);
    let cancelled = store.cancel_order(tenant, &id, asked.now).await?;
    let call = store.call(tenant, &id).await?.ok_or(Problem::NotFound)?;
    match cancelled {
        Cancelled::Now => answer(asked, call, StatusCode::OK).await,
        // A call that came in was never to be placed.
        Cancelled::TooLate | Cancelled::NoSuchCall => Err(Problem::TooLate),
    }
}

/// What a client sees of an order.
#[derive(Serialize)]
pub(crate) struct Shown {
    state: &'static str,
    /// How often the carrier was asked to place the call.
    attempts: u32,
    attempted_at: Option<Timestamp>,
    last_error: Option<String>,
    /// When it is tried next, while it waits.
    next_at: Option<Timestamp>,
    not_before: Timestamp,
    not_after: Timestamp,
    hours: Option<Value>,
    detect_machine: bool,
    record: bool,
    ring_seconds: u64,
}

/// The order of a call, where it has one.
pub(crate) async fn of<D: Db>(
    store: &Store<D>,
    tenant: &TenantId,
    call: &CallId,
) -> Result<Option<Shown>, Problem> {
    Ok(store.order(tenant, call).await?.map(Shown::from))
}

impl From<Order> for Shown {
    fn from(order: Order) -> Self {
        let waits = matches!(order.state, OrderState::Queued | OrderState::Placing | OrderState::Uncertain);
        Self {
            state: match order.state {
                OrderState::Queued => "queued",
                OrderState::Placing => "placing",
                OrderState::Uncertain => "uncertain",
                OrderState::Placed => "placed",
                OrderState::Failed => "failed",
                OrderState::Cancelled => "cancelled",
            },
            attempts: order.attempts,
            attempted_at: order.attempted_at,
            last_error: order.error,
            next_at: waits.then_some(order.next_at),
            not_before: order.not_before,
            not_after: order.not_after,
            hours: order.hours,
            detect_machine: order.detect_machine,
            record: order.record,
            ring_seconds: order.ring.as_secs(),
        }
    }
}

/// 1 to 255 visible ASCII characters. It is compared byte by byte.
fn idempotency_key(given: Option<&str>) -> Result<&str, Problem> {
    let usable =
        |key: &&str| (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    given.filter(usable).ok_or(Problem::InvalidHeader(
        "send one `Idempotency-Key` header of 1 to 255 visible ASCII characters, a new one for each call",
    ))
}

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// When the call may be placed.
fn window<P: Platform>(asked: &Asked<'_, P>, request: &Request) -> Result<Window, Problem> {
    let mut faults = Faults::default();
    let window = request.schedule.window(&asked.tenant.time_zone, asked.now, &mut faults);
    let window = faults.or(Some(window))?;
    match window.is_open_at_all() {
        Some(true) => Ok(window),
        Some(false) => Err(Problem::invalid("/schedule", "leaves no time within the calling hours")),
        None => Err(store::StoreError::Unreadable("the tenant's time zone".to_owned()).into()),
    }
}

fn new_order<P: Platform>(
    asked: &Asked<'_, P>,
    key: &str,
    request: Request,
    window: Window,
) -> Result<NewOrder, Problem> {
    Ok(NewOrder {
        call: CallId::generate(asked.now),
        key: key.to_owned(),
        fingerprint: request.fingerprint()?,
        carrier: request.carrier.as_str().to_owned(),
        agent: request.agent,
        from: request.from,
        to: request.to,
        variables: request
            .variables
            .into_iter()
            .map(|(name, text)| (name, text.into()))
            .collect::<Map<_, _>>(),
        not_before: window.not_before,
        not_after: window.not_after,
        hours: Some(window.hours.to_json()),
        detect_machine: request.detect_machine,
        record: request.record,
        ring: request.ring,
        max_live: asked.tenant.max_live_calls,
    })
}

/// The call that an earlier request with this key ordered; without one, the `problem` of this one.
async fn earlier<P: Platform>(
    asked: &Asked<'_, P>,
    key: &str,
    request: &Request,
    problem: Problem,
) -> Result<Answer, Problem> {
    let (store, tenant) = (asked.store, &asked.tenant.id);
    let Some(order) = store.order_by_key(tenant, key).await? else { return Err(problem) };
    if order.fingerprint != request.fingerprint()? {
        return Err(Problem::IdempotencyKeyReused);
    }
    let call = store.call(tenant, &order.call).await?.ok_or(store::StoreError::NoSuchCall)?;
    answer(asked, call, StatusCode::OK).await
}

async fn answer<P: Platform>(
    asked: &Asked<'_, P>,
    call: Call,
    status: StatusCode,
) -> Result<Answer, Problem> {
    #[derive(Serialize)]
    struct Told {
        call: Call,
        order: Option<Shown>,
    }

    let location = format!("/v1/calls/{}", call.id);
    let order = of(asked.store, &asked.tenant.id, &call.id).await?;
    Ok(Answer::with_status(body(&Told { call, order })?, status).at(&location))
}

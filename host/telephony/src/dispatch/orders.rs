//! The lane of orders: what [`crate::order`] decides, done.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use call_state::{EndReason, Ids};
use store::{Admission, Attempt, CallAccount, Named, Order, OrderState, StoreError, Timestamp};

use super::Shared;
use super::lane::Lane;
use super::line::{Chosen, Line};
use crate::hours::{CallingHours, InvalidHours};
use crate::order::{Outcome, Rules, Step, next};
use crate::{Cause, Fault, Refusal};

pub(super) struct Orders {
    shared: Arc<Shared>,
}

impl Orders {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Goes on with an order until there is something to write down, and writes it down.
    async fn go_on(&self, mut order: Order) -> Result<(), StoreError> {
        let shared = &self.shared;
        let line = match self.line(&order).await? {
            Chosen::Line(line) => line,
            Chosen::Nobody => {
                return self.fail(&order, EndReason::PlatformError, "there is no such carrier").await;
            }
            Chosen::Unusable(why) => return self.put_off(&order, &why).await,
        };
        let line = &*line;
        let rules = line.carrier.rules();
        let mut outcome = Outcome::Due { open_from: self.open_from(&order).await? };
        loop {
            match next(&order, outcome, &rules, shared.now(), shared.share()) {
                Step::Leave => return Ok(()),
                Step::Place => {
                    // Whoever waits for another must not take what the line has for those who can go.
                    if let Some(at) = self.behind_twin(&order).await? {
                        return self.postpone(&order, at).await;
                    }
                    if let Some(at) = self.gate(line).await? {
                        return self.postpone(&order, at).await;
                    }
                    let Some(told) = self.attempt(&mut order, line).await? else {
                        // Another between the same numbers may have been faster. What is not queued is left alone.
                        return self.postpone(&order, shared.now().plus(TWIN_WAIT)).await;
                    };
                    outcome = told;
                }
                Step::PlaceAgain => {
                    let attempt = order.attempt_id.clone().unwrap_or_default();
                    outcome = told(line.carrier.place(&order, &attempt).await, false);
                }
                Step::LookUp { refused } => outcome = self.look_up(&order, line, refused).await,
                Step::Placed(ids) => return self.placed(&order, &ids).await,
                Step::Postpone { at } => return self.postpone(&order, at).await,
                Step::Again { at, why } => {
                    tracing::info!(call = %order.call, attempts = order.attempts, why, "not placed, to be tried again");
                    shared.store.order_again(&order.tenant, &order, at, &why).await?;
                    return Ok(());
                }
                Step::Uncertain { at, why } => {
                    tracing::warn!(call = %order.call, why, "it is unknown whether the call was placed");
                    shared.store.order_uncertain(&order.tenant, &order, at, &why).await?;
                    return Ok(());
                }
                Step::Fail { reason, why } => return self.fail(&order, reason, &why).await,
            }
        }
    }

    /// By which account the order goes: what may have been placed by one is not to be looked for by another, let alone
    /// asked for again.
    async fn line(&self, order: &Order) -> Result<Chosen, StoreError> {
        let held = match order.state {
            OrderState::Queued => None,
            _ => {
                let call = self.shared.store.call(&order.tenant, &order.call).await?;
                // An attempt that says nothing of its account was made when there was only one.
                Some(call.and_then(|call| call.carrier_account).unwrap_or(CallAccount::Platform))
            }
        };
        self.shared.choose(&order.tenant, &order.carrier, held.as_ref()).await
    }

    /// The account cannot be used now, and the carrier was not asked.
    async fn put_off(&self, order: &Order, why: &str) -> Result<(), StoreError> {
        let (store, now) = (&self.shared.store, self.shared.now());
        if order.state == OrderState::Queued {
            let at = now.plus(ACCOUNT_WAIT);
            if order.not_after < at {
                return self.fail(order, EndReason::CarrierUnavailable, why).await;
            }
            tracing::warn!(call = %order.call, why, "an order waits for its account");
            return store.order_again(&order.tenant, order, at, why).await.map(|_| ());
        }
        // Who cannot look gives up in the end, and for how long that takes carriers do not differ.
        match next(order, Outcome::NotLooked, &Rules::twilio(), now, self.shared.share()) {
            Step::Uncertain { at, .. } => {
                tracing::warn!(call = %order.call, why, "a call that may have been placed cannot be looked for");
                store.order_uncertain(&order.tenant, order, at, why).await.map(|_| ())
            }
            Step::Fail { reason, why } => self.fail(order, reason, &why).await,
            _ => Ok(()),
        }
    }

    async fn open_from(&self, order: &Order) -> Result<Result<Option<Timestamp>, InvalidHours>, StoreError> {
        let tenant = self.shared.store.tenant(&order.tenant).await?;
        let zone = tenant.map_or_else(String::new, |tenant| tenant.time_zone);
        let hours = match &order.hours {
            Some(hours) => CallingHours::read(hours, &zone),
            None => CallingHours::usual(&zone),
        };
        let from = self.shared.now().max(order.not_before);
        Ok(hours.map(|hours| hours.open_from(from)))
    }

    /// When to ask again whether another order between the same numbers was placed, where that is not known.
    async fn behind_twin(&self, order: &Order) -> Result<Option<Timestamp>, StoreError> {
        let now = self.shared.now();
        let attempted_at = self.shared.store.order_waits_for(order, now).await?;
        Ok(attempted_at.map(|attempted_at| now.plus(twin_wait(attempted_at, now))))
    }

    /// When to try again, where the carrier is to be left alone now. Otherwise the call counts as placed, and whoever
    /// places it must tell the breaker how that ended.
    async fn gate(&self, line: &Line) -> Result<Option<Timestamp>, StoreError> {
        let shared = &self.shared;
        let closed = |line: &Line| {
            let age = shared.age();
            let from = line.breaker().permits_from(age);
            (age < from).then(|| shared.now().plus(from - age))
        };
        if let Some(at) = closed(line) {
            return Ok(Some(at));
        }
        if let Admission::Over { retry_after } =
            shared.store.admit(RATE_SCOPE, &line.counted_as, line.rate, shared.now()).await?
        {
            return Ok(Some(place_in_line(line, shared.now(), retry_after)));
        }
        if line.breaker().permits(shared.age()) {
            return Ok(None);
        }
        Ok(closed(line).or_else(|| Some(shared.now().plus(shared.settings.poll))))
    }

    /// Asks the carrier for the first time of an attempt that is written down. `None`: the order is somebody else's by
    /// now, or has to wait for another like it.
    async fn attempt(&self, order: &mut Order, line: &Line) -> Result<Option<Outcome>, StoreError> {
        let shared = &self.shared;
        let attempt = (shared.environment.id)().to_string();
        let at = shared.now();
        let noted = Attempt { id: &attempt, account: Some(&line.account) };
        let written = shared.store.order_attempt(&order.tenant, &order.call, noted, at).await;
        if !matches!(written, Ok(true)) {
            line.breaker().abandoned(shared.age());
            return written.map(|_| None);
        }
        order.state = OrderState::Placing;
        order.attempts = order.attempts.saturating_add(1);
        order.attempt_id = Some(attempt.clone());
        order.attempted_at = Some(at);
        // Who slept for long may have been taken for dead, and the call for one that was never asked for.
        if at.plus(MAX_DELAY) < shared.now() {
            line.breaker().abandoned(shared.age());
            let fault = Fault::NotDone { cause: Cause::TimedOut, retry_after: None };
            return Ok(Some(Outcome::Faulty { fault, is_first: true }));
        }
        let answer = line.carrier.place(order, &attempt).await;
        let age = shared.age();
        match &answer {
            Err(fault) if fault.is_illness() => line.breaker().failed(age),
            Err(Fault::NotDone { .. }) => line.breaker().abandoned(age),
            Ok(_) | Err(_) => line.breaker().succeeded(age),
        }
        Ok(Some(told(answer, true)))
    }

    /// Looks for a call that may have been placed. Those that are known to be other calls of ours are not it.
    async fn look_up(&self, order: &Order, line: &Line, refused: Option<Refusal>) -> Outcome {
        let Some(since) = order.attempted_at else { return Outcome::NotLooked };
        let found = match line.carrier.find(order, since).await {
            Ok(found) => found,
            Err(fault) => {
                tracing::warn!(call = %order.call, %fault, "cannot look for a call that may have been placed");
                return Outcome::NotLooked;
            }
        };
        for ids in found {
            let leg = Ids { leg: ids.leg.clone(), ..Ids::default() };
            match self.shared.store.locate_call(&order.carrier, &leg).await {
                Ok(None) => return Outcome::Found(ids),
                Ok(Some(known)) if known.id == order.call && known.tenant == order.tenant => {
                    return Outcome::Found(ids);
                }
                Ok(Some(_)) => {}
                Err(error) => {
                    tracing::warn!(call = %order.call, %error, "cannot tell whose call was found");
                    return Outcome::NotLooked;
                }
            }
        }
        Outcome::Absent { refused }
    }

    async fn placed(&self, order: &Order, ids: &Ids) -> Result<(), StoreError> {
        let shared = &self.shared;
        let named = shared.store.order_placed(&order.tenant, &order.call, ids, shared.now()).await?;
        match named {
            Named::Now | Named::Already => tracing::info!(call = %order.call, "placed"),
            Named::Other(known) => {
                tracing::error!(call = %order.call, known, found = ?ids.leg, "the carrier has two names for one call");
            }
            Named::NoSuchCall => tracing::error!(call = %order.call, "placed, but its record is gone"),
        }
        Ok(())
    }

    async fn postpone(&self, order: &Order, at: Timestamp) -> Result<(), StoreError> {
        self.shared.store.order_postponed(&order.tenant, &order.call, at).await.map(|_| ())
    }

    async fn fail(&self, order: &Order, reason: EndReason, why: &str) -> Result<(), StoreError> {
        tracing::warn!(call = %order.call, %reason, why, "not placed");
        let now = self.shared.now();
        self.shared.store.order_failed(&order.tenant, order, reason, why, now).await.map(|_| ())
    }
}

impl Lane for Orders {
    type Item = Order;

    const NAME: &'static str = "orders";

    fn slots(&self) -> usize {
        self.shared.settings.orders
    }

    fn poll(&self) -> Duration {
        self.shared.settings.poll
    }

    async fn lease(&self, limit: u32) -> Vec<Order> {
        let shared = &self.shared;
        let leased = shared.store.lease_orders(&shared.settings.owner, shared.now(), LEASE, limit).await;
        leased.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot see which calls are to be placed");
            Vec::new()
        })
    }

    async fn run(&self, order: Order) {
        let call = order.call.clone();
        if let Err(error) = self.go_on(order).await {
            // What was not written down is due again when the lease runs out, as after a crash.
            tracing::warn!(%call, %error, "an order was left as it stood");
        }
    }
}

fn told(answer: Result<Ids, Fault>, is_first: bool) -> Outcome {
    match answer {
        Ok(ids) => Outcome::Placed(ids),
        Err(fault) => Outcome::Faulty { fault, is_first },
    }
}

/// When to come back: each at a time of its own, as only one of those who come together would pass.
fn place_in_line(line: &Line, now: Timestamp, retry_after: Duration) -> Timestamp {
    let mut free_from = line.free_from.lock().unwrap_or_else(PoisonError::into_inner);
    let soonest = now.plus(retry_after);
    let latest = now.plus(MAX_WAIT).max(soonest);
    let at = (*free_from).clamp(soonest, latest);
    *free_from = at.plus(line.rate.per / line.rate.count.max(1));
    at
}

/// How long to leave an order alone of whose twin nothing is known since it was attempted: as long again, so that each
/// wait is twice the one before.
fn twin_wait(attempted_at: Timestamp, now: Timestamp) -> Duration {
    let unknown = now.0.saturating_sub(attempted_at.0);
    Duration::from_millis(u64::try_from(unknown).unwrap_or_default()).clamp(TWIN_WAIT, TWIN_WAIT_MAX)
}

/// The longest wait for one's place: those before may have been called off, and who comes back early only asks again.
const MAX_WAIT: Duration = Duration::from_secs(30);

const RATE_SCOPE: &str = "carrier-calls";

/// Far above what one order takes: two requests of at most 10 s and a few of the database's.
const LEASE: Duration = Duration::from_secs(60);

/// How long an order waits before its account is looked at again.
const ACCOUNT_WAIT: Duration = Duration::from_secs(15);

/// How long an order waits, at first and at most, before it is asked again whether another between the same numbers is
/// known to be placed.
const TWIN_WAIT: Duration = Duration::from_secs(5);
const TWIN_WAIT_MAX: Duration = Duration::from_secs(60);

/// The longest time between writing an attempt down and asking the carrier. Well below [`LEASE`], so that nobody else can
/// be at the order, and below the time after which a call is looked for.
const MAX_DELAY: Duration = Duration::from_secs(4);

//! A carrier by one account, with what is remembered of it, and which of them something goes by.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::{CallAccount, CarrierAccount, Rate, StoreError, TenantId, Timestamp};
use turn::Breaker;

use super::{Carrier, Shared, USUAL_RATE};
use crate::accounts::{Unopened, Unusable};

/// A carrier by one account. How it fares and how often it is asked is that account's own.
pub(super) struct Line {
    pub(super) carrier: Box<dyn Carrier>,
    /// Whose account it is.
    pub(super) account: CallAccount,
    /// By what its calls are counted.
    pub(super) counted_as: String,
    pub(super) rate: Rate,
    breaker: Mutex<Breaker>,
    /// From when on nobody has been told to come back.
    pub(super) free_from: Mutex<Timestamp>,
}

impl Line {
    /// A breaker is never left half changed, so one whose holder panicked is as good as any.
    pub(super) fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By what something goes.
pub(super) enum Chosen {
    /// By this account.
    Line(Arc<Line>),
    /// By none: there is no such carrier.
    Nobody,
    /// By an account of the tenant's own that cannot be used now, for this reason.
    Unusable(String),
}

impl Shared {
    /// A line that was never used.
    pub(super) fn new_line(
        &self,
        carrier: Box<dyn Carrier>,
        account: CallAccount,
        counted_as: String,
        rate: Rate,
    ) -> Line {
        let seed = (self.environment.id)().as_u64_pair().0;
        let breaker = Mutex::new(Breaker::new(self.settings.breaker.clone(), seed));
        Line { carrier, account, counted_as, rate, breaker, free_from: Mutex::new(Timestamp(0)) }
    }

    /// By which account a tenant's call goes: `held` is that of the call, `None` of one that is still to begin.
    pub(super) async fn choose(
        &self,
        tenant: &TenantId,
        carrier: &str,
        held: Option<&CallAccount>,
    ) -> Result<Chosen, StoreError> {
        let made = |account: &CarrierAccount| self.own_line(account);
        Ok(match self.own.of(&self.store, (tenant, carrier), held, made).await {
            Ok(Some(line)) => Chosen::Line(line),
            Ok(None) => self.lines.get(carrier).map_or(Chosen::Nobody, |line| Chosen::Line(line.clone())),
            Err(Unusable::Database(error)) => return Err(error),
            Err(unusable) => Chosen::Unusable(unusable.to_string()),
        })
    }

    fn own_line(&self, account: &CarrierAccount) -> Result<Arc<Line>, Unopened> {
        let open = self.open.as_ref().ok_or_else(|| Unopened::because("nobody here opens accounts"))?;
        let carrier = open(account)?;
        let rate = self.lines.get(&account.carrier).map_or(USUAL_RATE, |line| line.rate);
        // By the tenant too: whoever names another's account is not counted for the other.
        let counted_as = format!("{} {}", account.carrier, account.tenant);
        let held = CallAccount::Own(account.account.clone());
        Ok(Arc::new(self.new_line(carrier, held, counted_as, rate)))
    }
}

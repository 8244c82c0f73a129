//! The accounts that tenants have with carriers themselves: by which account a call goes, and what asks the carrier then.
//!
//! A tenant's own account is looked up each time, so that one that was changed or taken away is used no more; what was
//! made of it is kept for as long as the row is the same. An account that cannot be opened is an error: the platform's never
//! stands in for it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use store::{CallAccount, CarrierAccount, NativeDb, Store, StoreError, TenantId};

use crate::{telnyx, twilio};

/// What asks a carrier, with one account's credentials. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Client {
    /// Twilio.
    Twilio(twilio::Rest),
    /// Telnyx.
    Telnyx(telnyx::Rest),
}

/// Why an account cannot be opened. It never holds a part of what opens it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unopened(String);

impl Unopened {
    /// For this reason.
    #[must_use]
    pub fn because(reason: impl ToString) -> Self {
        Self(reason.to_string())
    }
}

/// Why a tenant's own account cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// Nobody knows whether there is one.
    #[error("the database does not answer")]
    Database(#[from] StoreError),
    /// There is one, and it cannot be opened.
    #[error("the tenant's own account with {carrier} cannot be opened: {why}")]
    Unopened {
        /// The carrier.
        carrier: String,
        /// Why.
        why: Unopened,
    },
    /// The call is one of an account that the tenant has no more.
    #[error("the call is one of an account with {carrier} that is not set any more")]
    Gone {
        /// The carrier.
        carrier: String,
    },
    /// The call came by the tenant's own paths, and the tenant had no account of its own set then: nobody knows by whose
    /// account it goes.
    #[error(
        "the call came by the tenant's own webhooks, and the tenant had no account of its own with {carrier} set \
         (`PUT /v1/carrier-accounts/{carrier}`)"
    )]
    Unset {
        /// The carrier.
        carrier: String,
    },
}

/// What was made of tenants' own accounts, as many as are in use; what was not used for longest is forgotten first.
#[derive(Debug)]
pub struct OwnAccounts<V> {
    kept: Mutex<Kept<V>>,
}

/// By tenant and carrier.
type Key = (TenantId, String);

#[derive(Debug)]
struct Kept<V> {
    made: BTreeMap<Key, Made<V>>,
    /// Grows with each use.
    uses: u64,
}

#[derive(Debug)]
struct Made<V> {
    /// The row that it was made of. Its time alone does not tell it from another: a clock may be set back.
    of: CarrierAccount,
    used: u64,
    value: V,
}

impl<V> Default for OwnAccounts<V> {
    fn default() -> Self {
        Self { kept: Mutex::new(Kept { made: BTreeMap::new(), uses: 0 }) }
    }
}

impl<V: Clone> OwnAccounts<V> {
    /// What was made of the tenant's own account with a carrier; `None` where the platform's account is to be used: the
    /// tenant has none, or the call that this is about goes by the platform's. `held` is [`store::Call::carrier_account`] of that
    /// call, `None` of one that is still to begin. `make` is asked where the account was changed since, or is not known.
    ///
    /// # Errors
    /// As [`Unusable`] says; then the carrier is not to be asked by another account.
    pub async fn of(
        &self,
        store: &Store<NativeDb>,
        (tenant, carrier): (&TenantId, &str),
        held: Option<&CallAccount>,
        make: impl FnOnce(&CarrierAccount) -> Result<V, Unopened> + Send,
    ) -> Result<Option<V>, Unusable> {
        let held = match held {
            Some(CallAccount::Platform) => return Ok(None),
            Some(CallAccount::Nobody) => return Err(Unusable::Unset { carrier: carrier.to_owned() }),
            Some(CallAccount::Own(account)) => Some(account),
            None => None,
        };
        let account = match (held, store.carrier_account(tenant, carrier).await?) {
            (Some(held), set) => {
                let same = set.filter(|account| account.account == *held);
                same.ok_or_else(|| Unusable::Gone { carrier: carrier.to_owned() })?
            }
            (None, Some(account)) => account,
            (None, None) => return Ok(None),
        };
        if let Some(value) = self.kept().get(&account) {
            return Ok(Some(value));
        }
        let made = make(&account);
        let made = made.map_err(|why| Unusable::Unopened { carrier: carrier.to_owned(), why })?;
        Ok(Some(self.kept().keep(account, made)))
    }

    /// It is never left half changed, so one whose holder panicked is as good as any.
    fn kept(&self) -> MutexGuard<'_, Kept<V>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V: Clone> Kept<V> {
    fn get(&mut self, account: &CarrierAccount) -> Option<V> {
        self.uses += 1;
        let made = self.made.get_mut(&(account.tenant.clone(), account.carrier.clone()))?;
        if made.of != *account {
            return None;
        }
        made.used = self.uses;
        Some(made.value.clone())
    }

    /// Keeps what was made; where somebody else was faster, what they made.
    fn keep(&mut self, account: CarrierAccount, value: V) -> V {
        if let Some(other) = self.get(&account) {
            return other;
        }
        let key = (account.tenant.clone(), account.carrier.clone());
        if self.made.len() >= KEPT_MAX && !self.made.contains_key(&key) {
            let oldest = self.made.iter().min_by_key(|(_, made)| made.used).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.made.remove(&oldest);
            }
        }
        self.made.insert(key, Made { of: account, used: self.uses, value: value.clone() });
        value
    }
}

/// Where a carrier's webhooks go, without a final slash: to the platform's own paths, or to those on which a tenant's own
/// keys are the proof. `public_url` is where the edge is reached from outside.
#[must_use]
pub fn webhooks(public_url: &str, carrier: &str, tenant: Option<&TenantId>) -> String {
    let base = public_url.trim_end_matches('/');
    match tenant {
        Some(tenant) => format!("{base}/webhooks/tenants/{tenant}/{carrier}"),
        None => format!("{base}/webhooks/{carrier}"),
    }
}

/// Opened accounts that are kept: each is a few small texts, and a breaker at most.
const KEPT_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use store::{NewCarrierAccount, Seed, Timestamp};

    use super::*;

    const NOON: Timestamp = Timestamp(1_795_176_000_000);

    async fn store() -> (Store<NativeDb>, TenantId) {
        let store = Store::new(NativeDb::in_memory(NOON).unwrap());
        let (tenant, _) = store.seed(&Seed::default(), NOON).await.unwrap();
        (store, tenant)
    }

    async fn set(store: &Store<NativeDb>, tenant: &TenantId, account: &str, sealed: &str) {
        let new = NewCarrierAccount { carrier: "twilio", account, sealed };
        store.set_carrier_account(tenant, &new, "ana", NOON).await.unwrap();
    }

    /// What asks for the account of a call, with what is made of it: the sealed text itself.
    async fn ask(
        accounts: &OwnAccounts<String>,
        store: &Store<NativeDb>,
        tenant: &TenantId,
        held: Option<&CallAccount>,
    ) -> Result<Option<String>, String> {
        let make = |account: &CarrierAccount| match account.sealed.expose() {
            "broken" => Err(Unopened::because("it is broken")),
            sealed => Ok(sealed.to_owned()),
        };
        let found = accounts.of(store, (tenant, "twilio"), held, make).await;
        found.map_err(|unusable| unusable.to_string())
    }

    #[tokio::test]
    async fn a_call_goes_by_the_account_that_it_began_with() {
        let (store, tenant) = store().await;
        let accounts = OwnAccounts::default();
        let (platform, own) = (CallAccount::Platform, CallAccount::Own("AC1".into()));
        let asked = async |held| ask(&accounts, &store, &tenant, held).await;
        assert_eq!(asked(None).await, Ok(None));
        assert!(asked(Some(&own)).await.unwrap_err().contains("not set any more"));
        set(&store, &tenant, "AC1", "one").await;
        assert_eq!(asked(None).await, Ok(Some("one".into())));
        assert_eq!(asked(Some(&own)).await, Ok(Some("one".into())));
        assert_eq!(asked(Some(&platform)).await, Ok(None));
        set(&store, &tenant, "AC2", "two").await;
        assert_eq!(asked(None).await, Ok(Some("two".into())));
        assert!(asked(Some(&own)).await.unwrap_err().contains("not set any more"));
    }

    #[tokio::test]
    async fn an_account_is_opened_again_once_it_was_changed_only() {
        let (store, tenant) = store().await;
        let accounts = OwnAccounts::default();
        let opened = Mutex::new(Vec::new());
        let ask = async || {
            let make = |account: &CarrierAccount| {
                opened.lock().unwrap().push(account.sealed.expose().to_owned());
                Ok(account.set_at)
            };
            accounts.of(&store, (&tenant, "twilio"), None, make).await.unwrap()
        };
        set(&store, &tenant, "AC1", "one").await;
        assert_eq!((ask().await, ask().await), (Some(NOON), Some(NOON)));
        set(&store, &tenant, "AC1", "two").await;
        assert!(ask().await > Some(NOON));
        assert_eq!(*opened.lock().unwrap(), ["one", "two"]);
        store.remove_carrier_account(&tenant, "twilio").await.unwrap();
        assert_eq!(ask().await, None);
    }

    #[tokio::test]
    async fn an_account_that_is_set_anew_is_another_at_whatever_time() {
        let (store, tenant) = store().await;
        let accounts = OwnAccounts::default();
        for (account, sealed) in [("AC1", "one"), ("AC1", "two"), ("AC2", "two")] {
            set(&store, &tenant, account, sealed).await;
            let make = |of: &CarrierAccount| Ok((of.account.clone(), of.sealed.expose().to_owned()));
            let made = accounts.of(&store, (&tenant, "twilio"), None, make).await.unwrap();
            assert_eq!(made, Some((account.to_owned(), sealed.to_owned())));
            // The next one is set at the same time: the clock stands.
            store.remove_carrier_account(&tenant, "twilio").await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_call_of_nobodys_goes_by_no_account_whichever_is_set() {
        let (store, tenant) = store().await;
        let accounts = OwnAccounts::default();
        let why = ask(&accounts, &store, &tenant, Some(&CallAccount::Nobody)).await.unwrap_err();
        assert!(why.contains("PUT /v1/carrier-accounts/twilio"), "{why}");
        set(&store, &tenant, "AC1", "one").await;
        assert!(ask(&accounts, &store, &tenant, Some(&CallAccount::Nobody)).await.is_err());
    }

    #[tokio::test]
    async fn an_account_that_cannot_be_opened_is_an_error_and_no_other_accounts_call() {
        let (store, tenant) = store().await;
        let accounts = OwnAccounts::default();
        set(&store, &tenant, "AC1", "broken").await;
        let why = ask(&accounts, &store, &tenant, None).await.unwrap_err();
        assert_eq!(why, "the tenant's own account with twilio cannot be opened: it is broken");
        set(&store, &tenant, "AC1", "whole").await;
        assert_eq!(ask(&accounts, &store, &tenant, None).await, Ok(Some("whole".into())));
    }

    #[tokio::test]
    async fn what_was_not_used_for_longest_is_forgotten_first() {
        let (store, tenant) = store().await;
        set(&store, &tenant, "AC1", "one").await;
        let one = store.carrier_account(&tenant, "twilio").await.unwrap().unwrap();
        let account = |number: usize| {
            let tenant = format!("t{number}").parse().unwrap();
            CarrierAccount { tenant, ..one.clone() }
        };
        let mut kept = Kept { made: BTreeMap::new(), uses: 0 };
        for number in 0..KEPT_MAX {
            kept.keep(account(number), number);
        }
        assert_eq!(kept.get(&account(0)), Some(0));
        kept.keep(account(KEPT_MAX), KEPT_MAX);
        assert_eq!(
            (kept.made.len(), kept.get(&account(0)), kept.get(&account(1))),
            (KEPT_MAX, Some(0), None)
        );
    }

    #[test]
    fn webhooks_of_a_tenants_own_account_go_to_its_own_paths() {
        let tenant = "acme".parse().unwrap();
        let at = |tenant| webhooks("https://voice.example.com/", "twilio", tenant);
        assert_eq!(at(None), "https://voice.example.com/webhooks/twilio");
        assert_eq!(at(Some(&tenant)), "https://voice.example.com/webhooks/tenants/acme/twilio");
    }
}

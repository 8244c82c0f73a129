//! The accounts that tenants have with carriers themselves, and by which account a call goes.
//!
//! What opens an account is here in sealed form only; the key is the host's.

use std::fmt;
use std::str::FromStr;

use crate::db::{Batch, Row, Rows};
use crate::{Db, SECRET_BYTES_MAX, SecretValue, Statement, Store, StoreError, TenantId, Timestamp, Value};

/// By which account with its carrier a call goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallAccount {
    /// The platform's.
    Platform,
    /// The tenant's own that is called so: [`CarrierAccount::account`].
    Own(String),
    /// None that is known here: the tenant's own keys proved that it was offered, and the tenant had set no account. The
    /// carrier cannot be told anything about it.
    Nobody,
}

/// Whose account a call came by that a carrier offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferedBy {
    /// The platform's.
    Platform,
    /// The tenant's own: the one that is set when the call is stored, or [`CallAccount::Nobody`] where none is.
    Tenant,
}

/// A tenant's own account with a carrier, as it is set.
#[derive(Clone, Copy, Debug)]
pub struct NewCarrierAccount<'a> {
    /// The carrier, for example `twilio`.
    pub carrier: &'a str,
    /// What the carrier calls the account: Twilio's account SID, Telnyx's connection id.
    pub account: &'a str,
    /// What opens it, sealed.
    pub sealed: &'a str,
}

/// A tenant's own account with a carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierAccount {
    /// The tenant.
    pub tenant: TenantId,
    /// As [`NewCarrierAccount::carrier`].
    pub carrier: String,
    /// As [`NewCarrierAccount::account`].
    pub account: String,
    /// As [`NewCarrierAccount::sealed`].
    pub sealed: SecretValue,
    /// Who set it last.
    pub set_by: String,
    /// When. Of two settings of one account the later one has the later time.
    pub set_at: Timestamp,
}

/// That a tenant has an account of its own with a carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownCarrierAccount {
    /// As [`NewCarrierAccount::carrier`].
    pub carrier: String,
    /// As [`NewCarrierAccount::account`].
    pub account: String,
    /// Who set it last.
    pub set_by: String,
    /// When.
    pub set_at: Timestamp,
}

impl<D: Db> Store<D> {
    /// Sets the tenant's own account with a carrier, in place of the one it had.
    ///
    /// # Errors
    /// When a name or what is sealed has not the form, the tenant does not exist or the database fails.
    pub async fn set_carrier_account(
        &self,
        tenant: &TenantId,
        new: &NewCarrierAccount<'_>,
        by: &str,
        now: Timestamp,
    ) -> Result<KnownCarrierAccount, StoreError> {
        new.check()?;
        // A clock that was set back, or two settings within a millisecond, must not leave the time as it was: by it whoever
        // has the account opened knows that it is another one.
        let sql = "INSERT INTO carrier_accounts (tenant, carrier, account, sealed, set_by, set_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (tenant, carrier) DO UPDATE SET \
                   account = excluded.account, sealed = excluded.sealed, set_by = excluded.set_by, \
                   set_at = CASE WHEN excluded.set_at > carrier_accounts.set_at THEN excluded.set_at \
                   ELSE carrier_accounts.set_at + 1 END RETURNING carrier, account, set_by, set_at";
        let params: [Value; 6] =
            [tenant.into(), new.carrier.into(), new.account.into(), new.sealed.into(), by.into(), now.into()];
        let unset = || StoreError::Unreadable("the account that was set".to_owned());
        let Batch::Done(results) = self.db.batch(vec![Statement::new(sql, params)]).await? else {
            return Err(unset());
        };
        known(&results.last().and_then(Rows::first).ok_or_else(unset)?)
    }

    /// The tenant's own account with a carrier, if it has one.
    ///
    /// # Errors
    /// When the database fails; then the carrier is not to be asked by another account.
    pub async fn carrier_account(
        &self,
        tenant: &TenantId,
        carrier: &str,
    ) -> Result<Option<CarrierAccount>, StoreError> {
        let sql = "SELECT * FROM carrier_accounts WHERE tenant = ?1 AND carrier = ?2";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), carrier.into()])).await?;
        rows.first().map(|row| account(&row)).transpose()
    }

    /// Which accounts of its own the tenant has, by carrier, without what opens them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn carrier_accounts(&self, tenant: &TenantId) -> Result<Vec<KnownCarrierAccount>, StoreError> {
        let sql = "SELECT carrier, account, set_by, set_at FROM carrier_accounts WHERE tenant = ?1 ORDER BY carrier";
        let rows = self.db.query(Statement::new(sql, [tenant.into()])).await?;
        rows.iter().map(|row| known(&row)).collect()
    }

    /// Takes the tenant's own account with a carrier away. Returns whether it had one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_carrier_account(&self, tenant: &TenantId, carrier: &str) -> Result<bool, StoreError> {
        let sql = "DELETE FROM carrier_accounts WHERE tenant = ?1 AND carrier = ?2";
        Ok(self.db.execute(Statement::new(sql, [tenant.into(), carrier.into()])).await? == 1)
    }
}

impl NewCarrierAccount<'_> {
    fn check(&self) -> Result<(), StoreError> {
        let is_name = |text: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)
        };
        if !is_name(self.carrier) || !is_name(self.account) {
            return Err(StoreError::Refused("a carrier and its account have names of letters and digits"));
        }
        if self.sealed.is_empty() || self.sealed.len() > SECRET_BYTES_MAX {
            return Err(StoreError::Refused("what opens an account is 1 to 8192 bytes, sealed"));
        }
        Ok(())
    }
}

/// Carriers' own names of accounts have 34 at most.
const NAME_BYTES_MAX: usize = 64;

fn account(row: &Row<'_>) -> Result<CarrierAccount, StoreError> {
    Ok(CarrierAccount {
        tenant: row.parse("tenant")?,
        carrier: row.parse("carrier")?,
        account: row.parse("account")?,
        sealed: SecretValue::new(row.parse("sealed")?),
        set_by: row.parse("set_by")?,
        set_at: Timestamp(row.integer("set_at")?),
    })
}

fn known(row: &Row<'_>) -> Result<KnownCarrierAccount, StoreError> {
    Ok(KnownCarrierAccount {
        carrier: row.parse("carrier")?,
        account: row.parse("account")?,
        set_by: row.parse("set_by")?,
        set_at: Timestamp(row.integer("set_at")?),
    })
}

const PLATFORM: &str = "platform";
const OWN: &str = "own:";
const NOBODY: &str = "nobody";

impl fmt::Display for CallAccount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => formatter.write_str(PLATFORM),
            Self::Own(account) => write!(formatter, "{OWN}{account}"),
            Self::Nobody => formatter.write_str(NOBODY),
        }
    }
}

impl FromStr for CallAccount {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        match text.strip_prefix(OWN) {
            Some(account) => Ok(Self::Own(account.to_owned())),
            None if text == PLATFORM => Ok(Self::Platform),
            None if text == NOBODY => Ok(Self::Nobody),
            None => Err(StoreError::Unreadable("a call's account".to_owned())),
        }
    }
}

impl From<&CallAccount> for Value {
    fn from(account: &CallAccount) -> Self {
        Self::Text(account.to_string())
    }
}

/// As the statement that stores a call reads it.
impl From<OfferedBy> for Value {
    fn from(by: OfferedBy) -> Self {
        match by {
            OfferedBy::Platform => PLATFORM.into(),
            OfferedBy::Tenant => "tenant".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_survives_its_text() {
        for account in [
            CallAccount::Platform,
            CallAccount::Nobody,
            CallAccount::Own("AC1".into()),
            CallAccount::Own("platform".into()),
            CallAccount::Own("nobody".into()),
        ] {
            assert_eq!(account.to_string().parse::<CallAccount>().unwrap(), account);
        }
        for bad in ["", "own", "AC1"] {
            assert!(bad.parse::<CallAccount>().is_err(), "{bad}");
        }
    }
}

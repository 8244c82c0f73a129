//! Tenants' own accounts with carriers: sealed for the database, opened for requests.
//!
//! What opens an account is sealed as the secrets of tools are, by the same keys. Tenant, carrier and account are authenticated
//! with it: a row that is copied to another tenant, or made to name another account, cannot be opened.

use std::sync::Arc;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use store::{CarrierAccount, TenantId};
use telephony::{Client, Timeouts, Unopened, telnyx, twilio};

use crate::config::{Config, Secret};
use crate::tool_secrets::{SealError, SealedText, SecretKeys};

/// How an account is sealed; another way gets another number.
const FORM: u32 = 1;

/// Longer than any carrier's keys.
const SECRET_BYTES_MAX: usize = 256;

/// Longer than any carrier's ids of what calls are placed from.
const CONNECTION_BYTES_MAX: usize = 64;

/// What opens an account, as its tenant gives it.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Twilio's.
    Twilio {
        /// The account: `AC` and 32 hexadecimal digits.
        account_sid: String,
        /// Its auth token.
        auth_token: Secret,
    },
    /// Telnyx's.
    Telnyx {
        /// The Call Control application that calls are placed from.
        connection_id: String,
        /// The key of its API.
        api_key: Secret,
    },
}

impl Credentials {
    /// The carrier, as the store calls it.
    pub fn carrier(&self) -> &'static str {
        match self {
            Self::Twilio { .. } => "twilio",
            Self::Telnyx { .. } => "telnyx",
        }
    }

    /// What the carrier calls the account.
    pub fn account(&self) -> &str {
        match self {
            Self::Twilio { account_sid, .. } => account_sid,
            Self::Telnyx { connection_id, .. } => connection_id,
        }
    }

    fn secret(&self) -> &Secret {
        match self {
            Self::Twilio { auth_token, .. } => auth_token,
            Self::Telnyx { api_key, .. } => api_key,
        }
    }

    /// Checks the form of each part.
    ///
    /// # Errors
    /// What is wrong, without any part of a secret.
    pub fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Twilio { account_sid, auth_token } => {
                if !is_account_sid(account_sid) {
                    return Err("`account_sid` must be `AC` and 32 hexadecimal digits");
                }
                is_key(auth_token)
                    .then_some(())
                    .ok_or("`auth_token` must be 1 to 256 visible ASCII characters")
            }
            Self::Telnyx { connection_id, api_key } => {
                if !is_connection_id(connection_id) {
                    return Err("`connection_id` must be 1 to 64 letters, digits and `-`");
                }
                is_key(api_key).then_some(()).ok_or("`api_key` must be 1 to 256 visible ASCII characters")
            }
        }
    }

    /// Seals what opens the account, for the tenant.
    ///
    /// # Errors
    /// Where there is no key or no randomness.
    pub fn seal(&self, keys: &SecretKeys, tenant: &TenantId) -> Result<String, SealError> {
        let place = authenticated(tenant, self.carrier(), self.account());
        let SealedText { key, sealed } = keys.seal_text(&place, self.secret().expose())?;
        serde_json::to_string(&Sealed { form: FORM, key, sealed }).map_err(|_| SealError::Damaged)
    }
}

fn is_account_sid(text: &str) -> bool {
    let digits = text.strip_prefix("AC").unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_connection_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=CONNECTION_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

fn is_key(secret: &Secret) -> bool {
    let text = secret.expose();
    (1..=SECRET_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What opens an account, as the database has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    form: u32,
    key: String,
    sealed: String,
}

/// All that it must not be moved away from. None of the parts can hold a line break.
fn authenticated(tenant: &TenantId, carrier: &str, account: &str) -> Vec<u8> {
    format!("voicehive carrier account {FORM}\n{tenant}\n{carrier}\n{account}").into_bytes()
}

fn unsealed(keys: &SecretKeys, account: &CarrierAccount) -> Result<Secret, SealError> {
    let sealed: Sealed = serde_json::from_str(account.sealed.expose()).map_err(|_| SealError::Damaged)?;
    let Sealed { form: FORM, key, sealed } = sealed else { return Err(SealError::Damaged) };
    let place = authenticated(&account.tenant, &account.carrier, &account.account);
    keys.open_text(&place, &SealedText { key, sealed })
}

/// Opens tenants' own accounts. Where the carriers are and how long they may take is the platform's to say.
pub struct Opener {
    keys: Arc<SecretKeys>,
    twilio: twilio::Api,
    telnyx: telnyx::Api,
}

impl Opener {
    /// Opens with these keys.
    ///
    /// # Errors
    /// Where a carrier's configured address cannot be used.
    pub fn new(config: &Config, keys: Arc<SecretKeys>) -> anyhow::Result<Self> {
        let timeouts = Timeouts::default();
        let twilio = twilio::Api::new(config.twilio_api.clone(), timeouts);
        let telnyx = telnyx::Api::new(config.telnyx.url.clone(), timeouts);
        Ok(Self {
            keys,
            twilio: twilio.context("Twilio's address (hint: TWILIO_API_URL)")?,
            telnyx: telnyx.context("Telnyx's address (hint: TELNYX_API_URL)")?,
        })
    }

    /// What asks the carrier by a tenant's own account.
    ///
    /// # Errors
    /// Where it cannot be opened. Then the carrier is not to be asked by another account.
    pub fn open(&self, account: &CarrierAccount) -> Result<Client, Unopened> {
        let secret = unsealed(&self.keys, account).map_err(Unopened::because)?;
        let secret = telephony::Secret::new(secret.expose());
        match account.carrier.as_str() {
            "twilio" => {
                let account = twilio::Account { sid: account.account.clone(), api_key: None, secret };
                self.twilio.with(account).map(Client::Twilio).map_err(Unopened::because)
            }
            "telnyx" => {
                let rest = self.telnyx.with(secret, &account.account);
                rest.map(Client::Telnyx).map_err(Unopened::because)
            }
            _ => Err(Unopened::because("there is no such carrier")),
        }
    }
}

#[cfg(test)]
mod tests {
    use store::{NativeDb, NewCarrierAccount, Seed, Store, Timestamp};

    use super::*;

    const SID: &str = "AC0123456789abcdef0123456789abcdef";

    fn keys(fill: &str) -> Arc<SecretKeys> {
        Arc::new(SecretKeys::new(&[Secret::new(fill.repeat(32))]).unwrap())
    }

    fn opener(keys: Arc<SecretKeys>) -> Opener {
        let timeouts = Timeouts::default();
        let twilio = twilio::Api::new(None, timeouts).unwrap();
        Opener { keys, twilio, telnyx: telnyx::Api::new(None, timeouts).unwrap() }
    }

    fn of_twilio() -> Credentials {
        Credentials::Twilio { account_sid: SID.into(), auth_token: Secret::new("sesame") }
    }

    fn of_telnyx() -> Credentials {
        Credentials::Telnyx { connection_id: "149-a".into(), api_key: Secret::new("KEYsesame") }
    }

    /// The row of a tenant's account.
    async fn row(keys: &SecretKeys, given: &Credentials) -> CarrierAccount {
        let store = Store::new(NativeDb::in_memory(Timestamp(0)).unwrap());
        let (tenant, _) = store.seed(&Seed::default(), Timestamp(0)).await.unwrap();
        let sealed = given.seal(keys, &tenant).unwrap();
        assert!(!sealed.contains("sesame"), "{sealed}");
        let new = NewCarrierAccount { carrier: given.carrier(), account: given.account(), sealed: &sealed };
        store.set_carrier_account(&tenant, &new, "ana", Timestamp(1)).await.unwrap();
        store.carrier_account(&tenant, given.carrier()).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn an_account_is_opened_as_it_was_set() {
        let keys = keys("07");
        let twilio = row(&keys, &of_twilio()).await;
        assert_eq!(unsealed(&keys, &twilio).unwrap().expose(), "sesame");
        assert!(matches!(opener(keys.clone()).open(&twilio), Ok(Client::Twilio(_))));
        let telnyx = row(&keys, &of_telnyx()).await;
        assert_eq!(unsealed(&keys, &telnyx).unwrap().expose(), "KEYsesame");
        assert!(matches!(opener(keys).open(&telnyx), Ok(Client::Telnyx(_))));
    }

    #[tokio::test]
    async fn an_account_opens_for_its_tenant_and_by_its_name_only() {
        let keys = keys("07");
        let whole = row(&keys, &of_twilio()).await;
        for moved in [
            CarrierAccount { tenant: "stranger".parse().unwrap(), ..whole.clone() },
            CarrierAccount { carrier: "telnyx".into(), ..whole.clone() },
            CarrierAccount { account: SID.replace('0', "1"), ..whole.clone() },
        ] {
            assert_eq!(unsealed(&keys, &moved), Err(SealError::Damaged), "{moved:?}");
        }
        assert_eq!(unsealed(&self::keys("08"), &whole), Err(SealError::OtherKey));
        assert_eq!(unsealed(&SecretKeys::default(), &whole), Err(SealError::NoKey));
        let why = opener(self::keys("08")).open(&whole).unwrap_err().to_string();
        assert!(why.contains("TOOL_SECRETS_KEY"), "{why}");
    }

    #[test]
    fn nothing_is_sealed_without_a_key() {
        let tenant = "acme".parse().unwrap();
        assert_eq!(of_twilio().seal(&SecretKeys::default(), &tenant), Err(SealError::NoKey));
    }

    #[test]
    fn each_part_has_the_carriers_form() {
        let twilio = |sid: &str, token: &str| {
            Credentials::Twilio { account_sid: sid.into(), auth_token: Secret::new(token) }.check()
        };
        let telnyx = |connection: &str, key: &str| {
            Credentials::Telnyx { connection_id: connection.into(), api_key: Secret::new(key) }.check()
        };
        assert_eq!((twilio(SID, "sesame"), telnyx("149", "KEY")), (Ok(()), Ok(())));
        for odd in ["", "AC1", &SID.replace('A', "B"), &format!("{SID}0"), &SID.replace('f', "g")] {
            assert!(twilio(odd, "sesame").unwrap_err().contains("account_sid"), "{odd}");
        }
        for odd in ["", "a b", "a\n", "ä", &"x".repeat(257)] {
            assert!(twilio(SID, odd).unwrap_err().contains("auth_token"), "{odd}");
            assert!(telnyx("149", odd).unwrap_err().contains("api_key"), "{odd}");
        }
        for odd in ["", "14 9", "../149", &"1".repeat(65)] {
            assert!(telnyx(odd, "KEY").unwrap_err().contains("connection_id"), "{odd}");
        }
    }
}

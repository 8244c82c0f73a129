//! Secrets of tenants' tools, which the database has only sealed; other secrets of tenants' are sealed by the same keys.
//!
//! A value is sealed with ChaCha20-Poly1305 (RFC 8439) under a key that the operator keeps, with a random nonce of its own;
//! tenant, tool, name and host are authenticated with it, so that a row that is copied elsewhere cannot be opened there.
//! Without the key nothing is kept and nothing is opened.

use std::fmt;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use store::{NativeDb, Store, TenantId, Timestamp, ToolName};

use crate::config::Secret;

/// The bytes of a key (RFC 8439, section 2.8).
pub const KEY_BYTES: usize = 32;

/// How a value is sealed; another way gets another number.
const FORM: u32 = 1;

/// Seals and opens the secrets of tools.
#[derive(Default)]
pub struct SecretKeys {
    /// The first seals; all open, so that a key can be replaced.
    keys: Vec<Key>,
}

struct Key {
    /// What it is known by in a sealed value: a part of its hash.
    id: String,
    key: LessSafeKey,
}

/// Whose secret it is, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// Its tool.
    pub tool: &'a ToolName,
    /// What the tool calls the secret.
    pub name: &'a str,
}

/// Why a secret was not sealed or opened. Never holds a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// There is no key.
    #[error("no secrets can be kept: TOOL_SECRETS_KEY is not set")]
    NoKey,
    /// The system has no randomness.
    #[error("the system gives no random numbers")]
    NoRandomness,
    /// It was sealed with a key that is not among ours.
    #[error("a secret was sealed with another key than TOOL_SECRETS_KEY")]
    OtherKey,
    /// It is not what was sealed, or not for this place.
    #[error("a sealed secret is damaged, or was sealed for another place")]
    Damaged,
}

/// That there is a secret, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownSecret {
    /// What the tool calls it.
    pub name: String,
    /// The only host that it is sent to.
    pub host: String,
    /// Who set it last.
    pub set_by: String,
    /// When.
    pub set_at: Timestamp,
}

/// A text that is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedText {
    /// What the key is known by that sealed it.
    pub key: String,
    /// The nonce, then the text with its tag, in base64.
    pub sealed: String,
}

/// A value as the database has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    form: u32,
    key: String,
    host: String,
    /// The nonce, then the text with its tag, in base64.
    sealed: String,
}

impl SecretKeys {
    /// Keys of [`KEY_BYTES`] each, in base64 or hex; the first seals.
    ///
    /// # Errors
    /// Where one is neither. The error does not hold it.
    pub fn new(texts: &[Secret]) -> Result<Self, InvalidKey> {
        let keys = texts.iter().map(|text| Key::read(text.expose())).collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }

    /// Seals a value for `host`.
    ///
    /// # Errors
    /// Where there is no key or no randomness.
    pub fn seal(&self, place: Place<'_>, host: &str, value: &str) -> Result<String, SealError> {
        let SealedText { key, sealed } = self.seal_text(&place.authenticated(host), value)?;
        let sealed = Sealed { form: FORM, key, host: host.to_owned(), sealed };
        serde_json::to_string(&sealed).map_err(|_| SealError::Damaged)
    }

    /// Seals a text, so that it opens only together with the same `authenticated` bytes, which say what it is for.
    ///
    /// # Errors
    /// Where there is no key or no randomness.
    pub fn seal_text(&self, authenticated: &[u8], text: &str) -> Result<SealedText, SealError> {
        let Key { id, key } = self.keys.first().ok_or(SealError::NoKey)?;
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let mut text = text.as_bytes().to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(authenticated),
            &mut text,
        )
        .map_err(|_| SealError::Damaged)?;
        let sealed = STANDARD.encode([nonce.as_slice(), &text].concat());
        Ok(SealedText { key: id.clone(), sealed })
    }

    /// Opens a text that was sealed for this purpose.
    ///
    /// # Errors
    /// Where its key is not ours, or it is not what was sealed together with these bytes.
    pub fn open_text(&self, authenticated: &[u8], text: &SealedText) -> Result<Secret, SealError> {
        if self.keys.is_empty() {
            return Err(SealError::NoKey);
        }
        let key = self.keys.iter().find(|known| known.id == text.key).ok_or(SealError::OtherKey)?;
        let bytes = STANDARD.decode(&text.sealed).map_err(|_| SealError::Damaged)?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Damaged)?;
        let mut text = text.to_vec();
        let value = key
            .key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(authenticated), &mut text)
            .map_err(|_| SealError::Damaged)?;
        let value = std::str::from_utf8(value).map_err(|_| SealError::Damaged)?;
        Ok(Secret::new(value))
    }

    /// Opens a sealed value: the host it is for, and the value.
    ///
    /// # Errors
    /// Where its key is not ours, or it is not what was sealed for this place.
    pub fn open(&self, place: Place<'_>, sealed: &str) -> Result<(String, Secret), SealError> {
        if self.keys.is_empty() {
            return Err(SealError::NoKey);
        }
        let Sealed { key, host, sealed, .. } = read(sealed)?;
        let value = self.open_text(&place.authenticated(&host), &SealedText { key, sealed })?;
        Ok((host, value))
    }
}

/// The secrets of a tool, opened for the requests that need them.
///
/// # Errors
/// When the database fails, or one of them cannot be opened: then the tool is not to run without it.
pub async fn secrets_of(
    store: &Store<NativeDb>,
    keys: &SecretKeys,
    tenant: &TenantId,
    tool: &ToolName,
) -> anyhow::Result<Vec<egress::Secret>> {
    let kept = store.tool_secrets(tenant, tool).await?;
    let opened = kept.iter().map(|(handle, sealed)| {
        let place = Place { tenant, tool, name: &handle.handle };
        let (host, value) = keys.open(place, sealed.expose())?;
        let host = egress::Host::parse(&host).context("the host of a secret")?;
        Ok(egress::Secret::new(&handle.handle, host, value.expose())?)
    });
    opened.collect()
}

/// Which secrets a tool has, without their values.
///
/// # Errors
/// When the database fails or holds what was never sealed.
pub async fn known_secrets(
    store: &Store<NativeDb>,
    tenant: &TenantId,
    tool: &ToolName,
) -> anyhow::Result<Vec<KnownSecret>> {
    let kept = store.tool_secrets(tenant, tool).await?;
    let known = kept.into_iter().map(|(handle, sealed)| {
        let host = read(sealed.expose())?.host;
        Ok(KnownSecret { name: handle.handle, host, set_by: handle.set_by, set_at: handle.set_at })
    });
    known.collect()
}

fn read(sealed: &str) -> Result<Sealed, SealError> {
    let sealed: Sealed = serde_json::from_str(sealed).map_err(|_| SealError::Damaged)?;
    if sealed.form == FORM { Ok(sealed) } else { Err(SealError::Damaged) }
}

impl Place<'_> {
    /// All that a value must not be moved away from. None of the parts can hold a line break.
    fn authenticated(&self, host: &str) -> Vec<u8> {
        let Self { tenant, tool, name } = self;
        format!("voicehive tool secret {FORM}\n{tenant}\n{tool}\n{name}\n{host}").into_bytes()
    }
}

/// A text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 32 random bytes in base64 or hex (hint: `openssl rand -base64 32`)")]
pub struct InvalidKey;

impl Key {
    fn read(text: &str) -> Result<Self, InvalidKey> {
        let bytes = hex(text).or_else(|| STANDARD.decode(text).ok()).ok_or(InvalidKey)?;
        let key = UnboundKey::new(&CHACHA20_POLY1305, &bytes).map_err(|_| InvalidKey)?;
        let id = Sha256::digest([b"voicehive tool secrets key\n", bytes.as_slice()].concat());
        let id = id.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { id, key: LessSafeKey::new(key) })
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    // `from_str_radix` would take a sign, too.
    if digits.len() != 2 * KEY_BYTES || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(pair).collect()
}

impl fmt::Debug for SecretKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "api.example.com";

    fn keys(fills: &[u8]) -> SecretKeys {
        let texts: Vec<Secret> = fills.iter().map(|fill| Secret::new(STANDARD.encode([*fill; 32]))).collect();
        SecretKeys::new(&texts).unwrap()
    }

    fn names() -> (TenantId, ToolName) {
        ("acme".parse().unwrap(), "order_status".parse().unwrap())
    }

    #[test]
    fn what_is_sealed_opens_at_its_place_only() {
        let (tenant, tool) = names();
        let place = Place { tenant: &tenant, tool: &tool, name: "token" };
        let keys = keys(&[7]);
        let sealed = keys.seal(place, HOST, "sesame open").unwrap();
        assert!(!sealed.contains("sesame"), "{sealed}");
        let (host, value) = keys.open(place, &sealed).unwrap();
        assert_eq!((host.as_str(), value.expose()), (HOST, "sesame open"));
        assert_ne!(keys.seal(place, HOST, "sesame open").unwrap(), sealed, "each has a nonce of its own");

        let (stranger, other) = ("stranger".parse().unwrap(), "other".parse().unwrap());
        for elsewhere in [
            Place { tenant: &stranger, ..place },
            Place { tool: &other, ..place },
            Place { name: "key", ..place },
        ] {
            assert_eq!(keys.open(elsewhere, &sealed), Err(SealError::Damaged), "{elsewhere:?}");
        }
        let redirected = sealed.replace(HOST, "evil.example.com");
        assert_eq!(keys.open(place, &redirected), Err(SealError::Damaged));
    }

    #[test]
    fn no_bit_of_a_sealed_value_can_be_changed() {
        let (tenant, tool) = names();
        let place = Place { tenant: &tenant, tool: &tool, name: "token" };
        let keys = keys(&[7]);
        let sealed: Sealed = serde_json::from_str(&keys.seal(place, HOST, "hush").unwrap()).unwrap();
        let bytes = STANDARD.decode(&sealed.sealed).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = Sealed {
                sealed: STANDARD.encode(changed),
                key: sealed.key.clone(),
                host: sealed.host.clone(),
                ..sealed
            };
            let changed = serde_json::to_string(&changed).unwrap();
            assert_eq!(keys.open(place, &changed), Err(SealError::Damaged), "{bit}");
        }
        for odd in ["", "{}", "hush", r#"{"form":1,"key":"","host":"","sealed":""}"#] {
            assert!(keys.open(place, odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_key_can_be_replaced_and_nothing_goes_without_one() {
        let (tenant, tool) = names();
        let place = Place { tenant: &tenant, tool: &tool, name: "token" };
        let sealed = keys(&[1]).seal(place, HOST, "hush").unwrap();
        assert_eq!(keys(&[2, 1]).open(place, &sealed).unwrap().1.expose(), "hush");
        assert_eq!(keys(&[2]).open(place, &sealed), Err(SealError::OtherKey));
        assert_eq!(keys(&[]).open(place, &sealed), Err(SealError::NoKey));
        assert_eq!(keys(&[]).seal(place, HOST, "hush"), Err(SealError::NoKey));
        assert_eq!(
            keys(&[2]).open(place, &keys(&[2, 1]).seal(place, HOST, "new").unwrap()).unwrap().1.expose(),
            "new"
        );
    }

    #[test]
    fn a_key_is_32_bytes_in_base64_or_hex() {
        let key = |text: &str| SecretKeys::new(&[Secret::new(text)]);
        let (tenant, tool) = names();
        let place = Place { tenant: &tenant, tool: &tool, name: "token" };
        let sealed = key(&"0a".repeat(32)).unwrap().seal(place, HOST, "hush").unwrap();
        assert!(keys(&[10]).open(place, &sealed).is_ok(), "both are the same key");
        for odd in
            ["", "hush", &"0a".repeat(31), &"0a".repeat(33), &STANDARD.encode([1; 16]), &"+a".repeat(32)]
        {
            assert!(key(odd).is_err(), "{odd}");
        }
        assert!(!format!("{:?}", keys(&[10])).contains("0a0a"));
    }

    #[tokio::test]
    async fn a_tools_secrets_are_opened_for_its_requests() {
        let store = Store::new(NativeDb::in_memory(Timestamp(0)).unwrap());
        let (tenant, tool) = names();
        let act = store::Act { by: "ana", why: "", at: Timestamp(1) };
        store.put_tenant(&tenant, "Acme", "Europe/Madrid", Timestamp(0)).await.unwrap();
        let check = store::GateCheck {
            gate: "1".into(),
            engine: "e".into(),
            refusal: None,
            report: serde_json::json!({}),
        };
        let version =
            store::NewVersion { digest: store::ToolDigest::of(b"1"), bytes: 1, compiled_bytes: 0, check };
        let quota = store::ToolQuota::default();
        store.put_tool_version(&tenant, &tool, &version, &quota, &act).await.unwrap();
        let keys = keys(&[3]);
        let sealed =
            keys.seal(Place { tenant: &tenant, tool: &tool, name: "token" }, HOST, "sesame open").unwrap();
        store.set_tool_secret(&tenant, &tool, ("token", HOST, &sealed), &quota, &act).await.unwrap();

        let opened = secrets_of(&store, &keys, &tenant, &tool).await.unwrap();
        assert_eq!((opened[0].name(), opened[0].host().to_string(), opened.len()), ("token", HOST.into(), 1));
        let known = known_secrets(&store, &tenant, &tool).await.unwrap();
        assert_eq!((known[0].name.as_str(), known[0].host.as_str()), ("token", HOST));
        assert!(secrets_of(&store, &SecretKeys::default(), &tenant, &tool).await.is_err());
        // What somebody wrote into the database by hand is no secret of ours.
        store.set_tool_secret(&tenant, &tool, ("token", HOST, "plain text"), &quota, &act).await.unwrap();
        assert!(secrets_of(&store, &keys, &tenant, &tool).await.is_err());
    }
}

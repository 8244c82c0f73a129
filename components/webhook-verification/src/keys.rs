//! Lists of keys, of which several are valid while one is being rotated.

use crate::contract::Refusal;

/// Every one of `texts`, read by `read`.
///
/// # Errors
///
/// [`Refusal::NoKey`] if there is none, or one is blank or unreadable: anyone can sign with an
/// empty key, so one bad key spoils the whole list.
pub(crate) fn usable<K>(texts: &[String], read: impl Fn(&str) -> Option<K>) -> Result<Vec<K>, Refusal> {
    if texts.is_empty() {
        return Err(Refusal::NoKey);
    }
    let read = |text: &String| if text.trim().is_empty() { None } else { read(text) };
    texts.iter().map(|text| read(text).ok_or(Refusal::NoKey)).collect()
}

/// The index of the first of `keys` for which `matches` holds.
///
/// # Errors
///
/// [`Refusal::SignatureMismatch`] if there is none.
pub(crate) fn matching<K>(keys: &[K], matches: impl Fn(&K) -> bool) -> Result<u32, Refusal> {
    let mut indexed = (0..).zip(keys);
    indexed.find_map(|(index, key)| matches(key).then_some(index)).ok_or(Refusal::SignatureMismatch)
}

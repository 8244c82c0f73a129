//! A secret token in a header, as Vapi sends it: `Authorization: Bearer ..`, or `X-Vapi-Secret`.

use crate::contract::{BearerKeys, Refusal, Request};
use crate::proof::Proof;
use crate::{headers, keys};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Checks the token of `request` against each of `settings`' in turn.
pub(crate) fn verify(request: &Request, settings: &BearerKeys) -> Result<Proof, Refusal> {
    let tokens = keys::usable(&settings.tokens, |token| Some(Sha256::digest(token)))?;
    if settings.header.trim().is_empty() {
        return Err(Refusal::Misconfigured("the token's header has no name".to_owned()));
    }
    let sent = headers::signature(&request.headers, &settings.header)?;
    let sent = sent.strip_prefix(&settings.prefix).ok_or(Refusal::MalformedSignature)?;
    // Digests are compared, so that the time it takes does not tell the token's length either.
    let sent = Sha256::digest(sent);
    keys::matching(&tokens, |token| token.ct_eq(&sent).into()).map(Proof::by)
}

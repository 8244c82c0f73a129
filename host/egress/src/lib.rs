//! HTTP of tenants' tools, whose code is hostile.
//!
//! [`Egress::send`] carries one request to a host that the tool declared, and back. What it promises:
//!
//! - Only `https`, only to a declared [`Host`], written in the URL as it was declared. There is one spelling of a host:
//!   whatever else a URL parser could read as an address is refused before anything is resolved.
//! - The name is resolved once for each request, here. If any of its addresses is not public ([`is_public`]), the request is
//!   denied; otherwise the connection goes to those very addresses, so a name that resolves differently the next moment
//!   changes nothing.
//! - No redirect is followed, no proxy asked, no cookie kept or passed on, no connection or TLS session shared.
//! - Sizes, counts and times are bounded by [`Limits`], while the bytes arrive; what a tenant may have at once and per second
//!   likewise. [`Budget`] counts requests, and bytes on the wire.
//! - A [`Secret`] is named by the tool and filled in here, in header fields towards its own host only.
//!
//! Nothing is logged. An error's text names the step that failed, and never an address that a name led to.

mod address;
mod budget;
mod connect;
mod exchange;
mod host;
mod limits;
mod policy;
mod prepare;
mod resolve;
mod response;
mod secret;
mod send;
mod turns;

pub use address::is_public;
pub use budget::{Budget, Usage};
pub use host::{Host, InvalidHost};
pub use limits::Limits;
pub use policy::{InvalidPolicy, Policy};
pub use prepare::Request;
pub use resolve::{Answer, Resolver, SystemResolver};
pub use response::Response;
pub use secret::{InvalidSecret, Secret};
pub use send::{Egress, Error, public_roots};
pub use turns::Tenant;

#[cfg(test)]
mod tests;

//! Names to public addresses: what somebody else wrote may not lead into our own network.

use std::io;
use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Asks the operating system, and knows of public addresses only. A client asks it for every connection that it makes to
/// a name, so what was judged is what is connected to. Of addresses that are written out it is not asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PublicNames;

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public = only_public(found)?;
            let addresses: Addrs = Box::new(public.into_iter());
            Ok(addresses)
        })
    }
}

fn only_public(found: impl Iterator<Item = SocketAddr>) -> io::Result<Vec<SocketAddr>> {
    let public: Vec<_> = found.filter(|address| egress::is_public(address.ip())).collect();
    if public.is_empty() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the name has no public address"));
    }
    Ok(public)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn a_name_leads_to_public_addresses_only() {
        let mixed = addresses(&["10.0.0.1", "8.8.8.8", "::1", "169.254.169.254", "2606:4700::1111"]);
        assert_eq!(only_public(mixed.into_iter()).unwrap(), addresses(&["8.8.8.8", "2606:4700::1111"]));
    }

    #[test]
    fn a_name_without_a_public_address_is_not_found() {
        for within in [&["127.0.0.1", "::1"][..], &["::ffff:10.0.0.1"], &["64:ff9b::a00:1"], &[]] {
            assert!(only_public(addresses(within).into_iter()).is_err(), "{within:?}");
        }
    }

    #[tokio::test]
    async fn the_systems_answer_is_judged() {
        assert!(PublicNames.resolve("localhost".parse().unwrap()).await.is_err());
    }
}

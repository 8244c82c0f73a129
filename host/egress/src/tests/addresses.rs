//! Which addresses a name may lead to, and that the connection goes to those that were checked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::server::{Answers, LOOPBACK, Server, get, say, send};
use crate::{Error, Limits, is_public};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// One address at least of each range that is not public, and the ends of those that end within an octet.
const NOT_PUBLIC: &[&str] = &[
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.0.1",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::808:808",
    "::ffff:127.0.0.1",
    "::ffff:10.1.2.3",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "::ffff:0:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:a00:1::",
    "2002:808:808::",
    "2606:4700::5efe:a00:1",
    "2606:4700::200:5efe:a00:1",
    "3fff::1",
    "3fff:fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
];

const PUBLIC: &[&str] = &[
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.1",
    "168.63.129.17",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "3fff:1000::1",
];

#[test]
fn every_special_range_is_not_public() {
    for text in NOT_PUBLIC {
        assert!(!is_public(text.parse().unwrap()), "{text}");
    }
}

#[test]
fn the_addresses_beside_the_special_ranges_are_public() {
    for text in PUBLIC {
        assert!(is_public(text.parse().unwrap()), "{text}");
    }
}

#[tokio::test]
async fn a_name_that_leads_to_an_address_that_is_not_public_is_denied_without_saying_which() {
    let server = Server::start(say(OK)).await;
    for text in NOT_PUBLIC.iter().filter(|text| **text != "127.0.0.1") {
        let answers = Answers::new(&[&[text.parse().unwrap()]]);
        let egress = server.egress(Limits::default(), answers);
        let Err(Error::Denied(why)) = send(&egress, &server.policy(Vec::new()), get(&server.url())).await
        else {
            panic!("{text} is not denied");
        };
        assert!(!why.contains(text), "{why}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn one_bad_address_spoils_a_name_wherever_it_stands() {
    let server = Server::start(say(OK)).await;
    let bad: IpAddr = "10.0.0.1".parse().unwrap();
    for list in [[bad, LOOPBACK, LOOPBACK], [LOOPBACK, bad, LOOPBACK], [LOOPBACK, LOOPBACK, bad]] {
        let egress = server.egress(Limits::default(), Answers::new(&[&list]));
        let sent = send(&egress, &server.policy(Vec::new()), get(&server.url())).await;
        assert!(matches!(sent, Err(Error::Denied(_))), "{sent:?}");
    }
    assert_eq!(server.connections(), 0);
}

/// The second answer would be denied if it were asked for, so success shows that the first is what was connected to.
#[tokio::test]
async fn a_name_that_changes_between_check_and_connect_is_asked_once() {
    let server = Server::start(say(OK)).await;
    let metadata: IpAddr = "169.254.169.254".parse().unwrap();
    let answers = Answers::new(&[&[LOOPBACK], &[metadata]]);
    let egress = server.egress(Limits::default(), answers.clone());

    let first = send(&egress, &server.policy(Vec::new()), get(&server.url())).await;
    assert_eq!(first.unwrap().body, b"ok");
    assert_eq!(answers.asked(), [super::server::NAME]);

    let second = send(&egress, &server.policy(Vec::new()), get(&server.url())).await;
    assert!(matches!(second, Err(Error::Denied(_))), "what was right once is checked again: {second:?}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn without_the_hook_of_tests_this_machine_cannot_be_reached() {
    let server = Server::start(say(OK)).await;
    let egress = server.egress(Limits::default(), Answers::new(&[&[LOOPBACK]])).permitting(is_public);
    let sent = send(&egress, &server.policy(Vec::new()), get(&server.url())).await;
    assert!(matches!(sent, Err(Error::Denied(_))), "{sent:?}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_with_no_address_or_with_very_many_is_refused() {
    let server = Server::start(say(OK)).await;
    let limits = Limits::default();
    for list in [Vec::new(), vec![LOOPBACK; limits.addresses + 1]] {
        let egress = server.egress(limits.clone(), Answers::new(&[&list]));
        let sent = send(&egress, &server.policy(Vec::new()), get(&server.url())).await;
        assert!(matches!(sent, Err(Error::Failed(_))), "{sent:?}");
    }
    assert_eq!(server.connections(), 0);
}

proptest! {
    /// The library's own judgement, where it has one, is never stricter than ours.
    #[test]
    fn what_the_library_calls_special_is_not_public(bits: u32) {
        let address = Ipv4Addr::from_bits(bits);
        let special = address.is_private() || address.is_loopback() || address.is_link_local()
            || address.is_broadcast() || address.is_documentation() || address.is_multicast()
            || address.is_unspecified();
        prop_assert!(!special || !is_public(address.into()));
    }

    #[test]
    fn no_form_that_carries_an_ipv4_address_is_public(bits: u32, tail: u64) {
        let v4 = u128::from(bits);
        for carrier in [
            v4,
            0xffff << 32 | v4,
            0xffff << 48 | v4,
            0x64_ff9b << 96 | v4,
            0x64_ff9b_0001 << 80 | v4,
            0x2002 << 112 | v4 << 80 | u128::from(tail),
            0x2001 << 112 | v4 << 64 | u128::from(tail),
            0x2a00_1450 << 96 | 0x5efe << 32 | v4,
        ] {
            prop_assert!(!is_public(Ipv6Addr::from_bits(carrier).into()), "{}", Ipv6Addr::from_bits(carrier));
        }
    }
}

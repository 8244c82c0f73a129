//! No spelling of an address is a host.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use crate::limits::Limits;
use crate::prepare::prepare;
use crate::tests::server::get;
use crate::{Error, Host, InvalidHost, Policy};

fn policy() -> Policy {
    Policy::new(vec![Host::parse("api.shop-example.com").unwrap()], Vec::new()).unwrap()
}

fn refused(url: &str) -> bool {
    matches!(prepare(get(url), &policy(), &Limits::default()), Err(Error::Denied(_) | Error::Invalid(_)))
}

#[test]
fn hosts_are_names_and_ports() {
    for (text, name, port) in [
        ("api.example.com", "api.example.com", 443),
        ("API.Example.COM", "api.example.com", 443),
        ("api.example.com:443", "api.example.com", 443),
        ("api.example.com:8443", "api.example.com", 8443),
        ("xn--mnchen-3ya.de", "xn--mnchen-3ya.de", 443),
        ("1.example.com", "1.example.com", 443),
        ("0x7f.example.com", "0x7f.example.com", 443),
    ] {
        let host = Host::parse(text).unwrap();
        assert_eq!((host.name(), host.port()), (name, port));
        assert_eq!(Host::parse(&host.to_string()), Ok(host));
    }
}

#[test]
fn what_is_no_public_name_cannot_be_declared() {
    use InvalidHost::{Address, Local, Name, Port};
    for (text, why) in [
        ("", Name),
        ("localhost", Local),
        ("com", Name),
        ("metadata.google.internal", Local),
        ("printer.local", Local),
        ("a.localhost", Local),
        ("1.0.0.127.in-addr.arpa", Local),
        ("example.com.", Name),
        (".example.com", Name),
        ("a..example.com", Name),
        ("*.example.com", Name),
        ("-a.example.com", Name),
        ("a_b.example.com", Name),
        ("münchen.de", Name),
        ("exa mple.com", Name),
        ("example.com/path", Name),
        ("user@example.com", Name),
        ("https://example.com", Port),
        ("example.com:", Port),
        ("example.com:0", Port),
        ("example.com:0443", Port),
        ("example.com:+443", Port),
        ("example.com:65536", Port),
        ("127.0.0.1", Address),
        ("127.1", Address),
        ("2130706433", Address),
        ("0x7f000001", Address),
        ("0x7f.1", Address),
        ("0177.0.0.1", Address),
        ("8.8.8.8", Address),
        ("a.0x", Address),
        ("::1", Address),
        ("[::1]", Address),
        ("[::1]:443", Address),
        ("[fe80::1%25eth0]", Address),
    ] {
        assert_eq!(Host::parse(text), Err(why), "{text}");
    }
}

#[test]
fn urls_that_some_parser_reads_otherwise_are_refused() {
    for url in [
        "http://api.shop-example.com/",
        "HTTPS://api.shop-example.com/",
        "//api.shop-example.com/",
        "https:/api.shop-example.com/",
        "https:api.shop-example.com/",
        "https:///api.shop-example.com/",
        "https:\\\\api.shop-example.com/",
        "https://api.shop-example.com\\@127.0.0.1/",
        "https://api.shop-example.com@127.0.0.1/",
        "https://127.0.0.1@api.shop-example.com/",
        "https://user:password@api.shop-example.com/",
        "https://@api.shop-example.com/",
        "https://api.shop-example.com%40127.0.0.1/",
        "https://api.shop-example.com:443@127.0.0.1/",
        "https://127.0.0.1#@api.shop-example.com/",
        "https://127.0.0.1?@api.shop-example.com/",
        "https://127.0.0.1/@api.shop-example.com/",
        "https://127.0.0.1;api.shop-example.com/",
        "https://127.0.0.1,api.shop-example.com/",
        "https://api.shop-example.com.evil-example.com/",
        "https://evil-api.shop-example.com/",
        "https://shop-example.com/",
        "https://api.shop-example.com./",
        "https://api.shop-example.com:80/",
        "https://api.shop-example.com:8443/",
        "https://api.shop-example.com:/",
        "https://api.shop-example.com:00443/",
        "https://api.shop-example.com:65979/",
        "https://api%2eshop-example.com/",
        "https://api。shop-example.com/",
        "https://api.shop-example.com\u{200b}/",
        "https://api.shop-example.com\t/",
        "https://api.shop-example.com /",
        " https://api.shop-example.com/",
        "https://api.shop-example.com/\r\nHost: 127.0.0.1",
        "https://api.shop-example.com/a b",
        "https://api.shop-example.com/a\\b",
        "https://api.shop-example.com/\0",
        "https://[api.shop-example.com]/",
        "https://",
        "file:///etc/passwd",
        "gopher://api.shop-example.com/",
        "",
    ] {
        assert!(refused(url), "{url:?}");
    }
    assert!(refused(&format!("https://api.shop-example.com/{}", "a".repeat(8 << 10))));
}

#[test]
fn the_declared_host_is_reached_by_its_urls() {
    for (url, path) in [
        ("https://api.shop-example.com", "/"),
        ("https://API.shop-example.com/", "/"),
        ("https://api.shop-example.com:443/a?b=c", "/a?b=c"),
        ("https://api.shop-example.com?b=c", "/?b=c"),
        ("https://api.shop-example.com#part", "/"),
        ("https://api.shop-example.com/a@127.0.0.1#x", "/a@127.0.0.1"),
        ("https://api.shop-example.com//127.0.0.1/", "//127.0.0.1/"),
    ] {
        let prepared = prepare(get(url), &policy(), &Limits::default()).unwrap();
        assert_eq!(prepared.request.uri(), path, "{url}");
        assert_eq!(prepared.request.headers()["host"], "api.shop-example.com");
        assert_eq!((prepared.host.name(), prepared.host.port()), ("api.shop-example.com", 443));
    }
}

/// Private addresses of every range of RFC 1918, loopback, link-local and shared.
fn private() -> impl Strategy<Value = Ipv4Addr> {
    let within = |base: u32, bits: u32| {
        (0..1u32 << (32 - bits)).prop_map(move |offset| Ipv4Addr::from_bits(base | offset))
    };
    prop_oneof![
        within(0x0a00_0000, 8),
        within(0x7f00_0000, 8),
        within(0xa9fe_0000, 16),
        within(0xac10_0000, 12),
        within(0xc0a8_0000, 16),
        within(0x6440_0000, 10),
        within(0, 8),
    ]
}

fn number(value: u32, base: u8) -> String {
    match base {
        0 => format!("{value}"),
        1 => format!("0{value:o}"),
        2 => format!("0x{value:x}"),
        3 => format!("0X{value:X}"),
        _ => format!("0x00000{value:x}"),
    }
}

/// The spellings of inet_aton, of URL parsers and of IPv6.
fn spellings(address: Ipv4Addr, bases: [u8; 4]) -> Vec<String> {
    let [a, b, c, d] = address.octets().map(u32::from);
    let [w, x, y, z] = bases;
    let plain = address.to_string();
    let full_width: String = plain
        .chars()
        .map(|digit| match digit.to_digit(10) {
            Some(digit) => char::from_u32(0xff10 + digit).unwrap(),
            None => digit,
        })
        .collect();
    let encoded: String = plain.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let (mapped, bits) = (address.to_ipv6_mapped(), address.to_bits());
    let nat64 = Ipv6Addr::from_bits(0x64_ff9b << 96 | u128::from(bits));
    let six_to_four = Ipv6Addr::from_bits(0x2002 << 112 | u128::from(bits) << 80);
    vec![
        plain.clone(),
        format!("{plain}."),
        number(bits, w),
        format!("{}.{}.{}.{}", number(a, w), number(b, x), number(c, y), number(d, z)),
        format!("{}.{}.{}", number(a, w), number(b, x), number(c << 8 | d, y)),
        format!("{}.{}", number(a, w), number(b << 16 | c << 8 | d, x)),
        full_width,
        encoded,
        plain.replace('.', "。"),
        plain.replace('.', "%2e"),
        format!("[::{plain}]"),
        format!("[::ffff:{plain}]"),
        format!("[{mapped}]"),
        format!("[{:?}]", mapped.segments()),
        format!("[0:0:0:0:0:ffff:{:x}:{:x}]", bits >> 16, bits & 0xffff),
        format!("[{nat64}]"),
        format!("[{six_to_four}]"),
        format!("[{mapped}%25eth0]"),
        format!("{mapped}"),
        format!("[v1.{plain}]"),
    ]
}

proptest! {
    #[test]
    fn no_spelling_of_a_private_address_gets_through(address in private(), bases in [0u8..5, 0..5, 0..5, 0..5]) {
        for host in spellings(address, bases) {
            prop_assert!(Host::parse(&host).is_err(), "{}", host);
            prop_assert!(Host::parse(&format!("{host}:8443")).is_err(), "{}", host);
            for url in [
                format!("https://{host}/"),
                format!("https://{host}:443/"),
                format!("https://api.shop-example.com@{host}/"),
                format!("https://{host}#@api.shop-example.com/"),
            ] {
                prop_assert!(refused(&url), "{}", url);
            }
        }
    }

    /// A URL parser of its own agrees that what we take for a name is one, and the same one.
    #[test]
    fn what_is_taken_for_a_host_is_a_name_to_others_too(text in "[0-9a-fxX.:-]{1,16}|[0-9a-z.-]{1,24}|.{1,12}") {
        if let Ok(host) = Host::parse(&text) {
            let read = url::Host::parse(host.name());
            prop_assert!(matches!(read, Err(_) | Ok(url::Host::Domain(_))), "{} is {:?}", text, read);
            prop_assert!(host.name().parse::<std::net::IpAddr>().is_err());
        }
    }

    /// Whatever is accepted, another parser finds the declared host in it.
    #[test]
    fn what_is_taken_for_a_url_leads_others_to_the_same_host(
        before in "[a-z0-9.@:/\\\\#?%-]{0,6}",
        after in "[a-z0-9.@:/\\\\#?% -]{0,12}",
    ) {
        let text = format!("https://{before}api.shop-example.com{after}");
        if prepare(get(&text), &policy(), &Limits::default()).is_ok() {
            let read = url::Url::parse(&text).unwrap();
            prop_assert_eq!(read.host_str(), Some("api.shop-example.com"), "{}", text);
            prop_assert_eq!(read.port_or_known_default(), Some(443), "{}", text);
            prop_assert_eq!((read.username(), read.password()), ("", None), "{}", text);
        }
    }
}

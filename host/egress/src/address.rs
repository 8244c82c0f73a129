//! Which addresses lie on the public internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a tool may be connected to `address`: a globally routable unicast address, and not a form that carries an IPv4
/// address. Those forms (mapped, compatible, translated, 6to4, Teredo, NAT64, ISATAP) are refused whatever they carry: where
/// they lead is decided by a gateway that cannot be asked.
///
/// Sources: the IANA special-purpose address registries, and the RFCs beside each range.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0, ..]                                        // this network (RFC 791)
            | [10, ..]                                 // private (RFC 1918)
            | [100, 64..=127, ..]                      // shared address space, CGNAT (RFC 6598)
            | [127, ..]                                // loopback (RFC 1122)
            | [168, 63, 129, 16]                       // Azure's platform service, reachable from every machine there
            | [169, 254, ..]                           // link-local (RFC 3927); the clouds' metadata services
            | [172, 16..=31, ..]                       // private (RFC 1918)
            | [192, 0, 0, _]                           // IETF protocol assignments (RFC 6890)
            | [192, 0, 2, _]                           // documentation (RFC 5737)
            | [192, 88, 99, _]                         // 6to4 relays, deprecated (RFC 7526)
            | [192, 168, ..]                           // private (RFC 1918)
            | [198, 18..=19, ..]                       // benchmarking (RFC 2544)
            | [198, 51, 100, _]                        // documentation (RFC 5737)
            | [203, 0, 113, _]                         // documentation (RFC 5737)
            | [224..=255, ..] // multicast, reserved and broadcast (RFC 1112, RFC 919)
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, _, _, fifth, sixth, _, _] = address.segments();
    // Only 2000::/3 is allotted for global unicast (RFC 4291). The rest covers ::, ::1, ::a.b.c.d, ::ffff:a.b.c.d, NAT64
    // (64:ff9b::/96 and 64:ff9b:1::/48), 100::/64, fc00::/7, fe80::/10, fec0::/10 and ff00::/8.
    (0x2000..=0x3fff).contains(&first)
        && !(first == 0x2001 && second < 0x200)        // protocol assignments: Teredo, benchmarking, ORCHID (RFC 2928)
        && !(first == 0x2001 && second == 0xdb8)       // documentation (RFC 3849)
        && first != 0x2002                             // 6to4 (RFC 3056)
        && !(first == 0x3fff && second < 0x1000)       // documentation (RFC 9637)
        && !(fifth & 0xfdff == 0 && sixth == 0x5efe) // ISATAP (RFC 5214)
}

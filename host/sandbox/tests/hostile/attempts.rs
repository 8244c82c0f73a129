//! What is answered and gets nothing.

use crate::run::{ends, ends_where_names_lead_to};

crate::each_ends! {
    http_body_too_large => "done",
    http_header_that_splits => "done",
    http_method_that_splits => "done",
    http_to_an_address_in_ipv6 => "done",
    http_to_an_address => "done",
    http_to_an_undeclared_host => "done",
    http_to_another_port => "done",
    http_to_this_machine => "done",
    http_with_two_readings => "done",
    http_without_tls => "done",
    key_of_another_tenant => "done",
    key_outside_the_alphabet => "done",
    listing_of_everything => "done",
    listing_too_large => "done",
    listing_with_wildcards => "done",
    listing_without_end => "done",
    memory_bomb_at_once => "done",
    memory_bomb => "done",
    records_by_the_thousand => "done",
    secret_of_another_tool => "done",
    secret_with_a_forged_handle => "done",
    state_in_globals_and_tables => "done",
    state_in_memory => "done",
    state_while_starting => "done",
    table_bomb => "done",
    timing_by_the_clock => "done",
    value_too_large => "done",
}

#[test]
fn a_name_that_leads_inside_is_no_way_in() {
    for address in [
        "127.0.0.1",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "255.255.255.255",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fd00::1",
        "fe80::1",
    ] {
        ends_where_names_lead_to("name-that-leads-inside", "done", &[address.parse().unwrap()]);
    }
}

#[test]
fn a_private_address_among_public_ones_is_no_way_in() {
    let addresses = ["198.41.0.4", "10.0.0.1"].map(|address| address.parse().unwrap());
    ends_where_names_lead_to("name-that-leads-inside", "done", &addresses);
}

#[test]
fn of_a_hundred_requests_eight_are_sent() {
    let tenant = ends("http-bomb", "done");
    assert_eq!(*tenant.requests.lock().unwrap(), 8);
}

#[test]
fn of_a_mebibyte_of_lines_sixteen_kibibytes_are_kept() {
    let tenant = ends("log-bomb", "done");
    assert_eq!(tenant.lines.lock().unwrap().iter().map(String::len).sum::<usize>(), 16 << 10);
}

#[test]
fn a_line_stays_one_and_gives_no_orders() {
    let tenant = ends("log-with-orders", "done");
    let lines = tenant.lines.lock().unwrap();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("one  2026-11-21 tool two [2J ]0;three "), "{lines:?}");
    assert!(!lines[0].contains(char::is_control), "{lines:?}");
}

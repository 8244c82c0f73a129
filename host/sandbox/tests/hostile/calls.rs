//! What ends in its call.

use crate::run::ends;

crate::each_ends! {
    data_that_is_no_json => "bad-reply",
    data_that_nests_deeply => "bad-reply",
    data_too_long => "result-too-large",
    exit => "trap",
    failure_too_large => "result-too-large",
    follow_up_that_is_no_name => "bad-reply",
    handle_bomb => "trap",
    http_header_bomb => "host-call-too-large",
    key_larger_than_memory => "trap",
    level_of_no_case => "trap",
    log_line_larger_than_a_host_call => "host-call-too-large",
    loop_in_call => "cpu-exhausted",
    loop_in_post_return => "cpu-exhausted",
    loop_in_realloc => "cpu-exhausted",
    option_of_no_case => "trap",
    ping_pong_with_the_clock => "cpu-exhausted",
    ping_pong_with_the_records => "cpu-exhausted",
    pointer_past_memory => "trap",
    pointer_that_wraps => "trap",
    post_return_that_calls_the_host => "trap",
    question_too_long => "result-too-large",
    question_without_words => "bad-reply",
    randomness_bomb => "trap",
    realloc_past_memory => "trap",
    realloc_that_calls_the_host => "trap",
    reply_of_no_case => "trap",
    result_larger_than_a_host_call => "host-call-too-large",
    result_of_no_case => "trap",
    result_past_memory => "trap",
    result_too_large => "result-too-large",
    result_unaligned => "trap",
    speech_too_long => "result-too-large",
    stack_bomb_with_large_frames => "stack-exhausted",
    stack_bomb => "stack-exhausted",
    trap => "trap",
    utf_8_broken_in_the_log => "trap",
    utf_8_broken_in_the_result => "trap",
}

#[test]
fn ping_pong_with_the_log_fills_it_and_ends() {
    let tenant = ends("ping-pong-with-the-log", "cpu-exhausted");
    assert_eq!(tenant.lines.lock().unwrap().iter().map(String::len).sum::<usize>(), 16 << 10);
}

//! What `wit/tool/README.md` promises of limits is what holds.

#![cfg(test)]

use sandbox::Tier;

#[test]
fn the_limits_are_those_that_are_promised() {
    let (tool, gate) = (Tier::Standard.tool(), Tier::Standard.gate());
    let rows = [
        ("bytes of the component", format!("{} MiB", gate.component_bytes >> 20)),
        ("bytes of the schema", format!("{} KiB", gate.schema_bytes >> 10)),
        ("memory, over all memories", format!("{} MiB", tool.memory_bytes >> 20)),
        ("table elements, over all tables", tool.table_elements.to_string()),
        ("handles of resources", tool.handles.to_string()),
        ("time, with all waiting", format!("{} s", tool.timeout.as_secs())),
        ("processor time", format!("{} s", tool.cpu.as_secs())),
        ("bytes of the arguments", format!("{} KiB", tool.argument_bytes >> 10)),
        ("bytes of `content`, or of a failure", format!("{} KiB", tool.result_bytes >> 10)),
        ("bytes handed to the host in one call", format!("{} MiB", tool.host_call_bytes >> 20)),
        ("bytes of log lines that are kept", format!("{} KiB", tool.log_bytes >> 10)),
        ("questions to the records, and for secrets", tool.record_calls.to_string()),
        ("bytes of records, read and written", format!("{} MiB", tool.record_bytes >> 20)),
        ("bytes of one listing", format!("{} MiB", tool.listing_bytes >> 20)),
        ("HTTP requests", tool.http_requests.to_string()),
        ("bytes of HTTP on the wire", format!("{} MiB", tool.egress_bytes >> 20)),
    ];
    let rows: String = rows.iter().map(|(what, most)| format!("| {what} | {most} |\n")).collect();
    let table = format!("| what | at most |\n| --- | --- |\n{rows}\n");
    let readme = include_str!("../../../wit/tool/README.md");
    assert!(readme.contains(&table), "wit/tool/README.md should hold this table:\n{table}");
}

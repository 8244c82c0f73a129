//! What the gate refuses by the bytes alone.

use std::time::Duration;

use sandbox::{Admission, CompileLimits, Tier};

use crate::common::{ADMISSION, compiler};
use crate::run::ends;
use crate::source::Source;

crate::each_ends! {
    async_export => "feature-off",
    async_stream => "feature-off",
    component_bomb => "too-many-components",
    core_module => "core-module",
    exceptions => "feature-off",
    export_of_a_resource => "resource-not-in-world",
    export_of_an_unreleased_version => "unknown-version",
    export_of_more => "export-not-allowed",
    export_renamed => "export-missing",
    export_with_other_types => "export-mismatch",
    function_bomb => "too-many-functions",
    function_too_large => "function-too-large",
    garbage_collection => "feature-off",
    import_by_url => "import-not-allowed",
    import_in_two_versions => "import-twice",
    import_of_an_unreleased_version => "unknown-version",
    import_of_http_by_another_way => "import-not-allowed",
    import_of_sockets => "import-not-allowed",
    import_of_the_platform => "import-not-allowed",
    import_that_asks_for_more => "import-mismatch",
    import_that_does_not_exist => "import-not-allowed",
    import_with_another_type => "import-mismatch",
    instance_bomb => "too-many-instances",
    instance_explosion => "too-many-instances",
    locals_bomb => "too-many-locals",
    memory_in_two_instances => "too-many-memories",
    memory_of_64_bits => "feature-off",
    memory_too_large_from_the_start => "memory-too-large",
    name_bomb => "name-too-long",
    nested_component_bomb => "nested-too-deeply",
    module_of_many_instances => "too-many-modules",
    module_that_is_given => "import-not-allowed",
    module_that_is_taken => "export-not-allowed",
    nothing => "export-missing",
    shared_memory => "feature-off",
    table_count_bomb => "too-many-tables",
    table_too_large_from_the_start => "tables-too-large",
    tail_calls => "feature-off",
    two_memories => "too-many-memories",
    type_bomb => "types-nested-too-deeply",
}

#[test]
fn compile_bomb_costs_no_more_than_its_compiler_may_use() {
    // Less than the tier's, only so that it is over sooner.
    let limits = CompileLimits { cpu: Duration::from_secs(2), ..Tier::Standard.compile() };
    let admission = Admission::new(ADMISSION.engine(), compiler().with_limits(limits));
    let source = Source::read("compile-bomb");
    let refusal = admission.admit(&source.bytes(), Tier::Standard).err().expect("a refusal");
    assert_eq!(refusal.code.as_str(), source.ends, "{refusal}");
}

#[test]
fn a_refused_import_is_named() {
    for (name, import) in [
        ("import-of-sockets", "wasi:sockets/tcp@0.2.6"),
        ("import-in-two-versions", "voicehive:tool/clock@0.1.1"),
        ("import-that-asks-for-more", "voicehive:tool/clock@0.1.0"),
    ] {
        let refusal = ADMISSION.admit(&Source::read(name).bytes(), Tier::Standard).err().expect("a refusal");
        assert!(refusal.item.contains(import), "{refusal}");
    }
}

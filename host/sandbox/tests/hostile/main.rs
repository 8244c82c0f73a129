//! Tools that mean harm. Each must end with its documented code, within its limits.
//!
//! The tools are `*.wat` in this folder; what each tries and how it ends is at its top, and in `README.md` as a table.

#![cfg(test)]

mod attempts;
mod bytes;
mod calls;
#[path = "../common/mod.rs"]
mod common;
mod definitions;
mod edges;
mod large;
mod run;
mod source;
mod table;
mod tenant;

/// A test for each name: the tool whose file is called so, with hyphens, ends with that code.
#[macro_export]
macro_rules! each_ends {
    ($($test:ident => $code:literal,)*) => {
        $(
            #[test]
            fn $test() {
                ends(&stringify!($test).replace('_', "-"), $code);
            }
        )*
    };
}

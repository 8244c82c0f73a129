//! Counts what this thread allocates, and so what a call holds.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use turn::Call;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: forwards to the system's allocator and counts. Reallocation is left as it comes:
// by allocating, copying and freeing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|n| n.set(n.get() + 1));
        HELD.with(|n| n.set(n.get().wrapping_add_unsigned(layout.size())));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.with(|n| n.set(n.get().wrapping_sub_unsigned(layout.size())));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations `work` makes.
#[allow(dead_code, reason = "not all benchmarks ask")]
pub fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

/// The bytes of a call: itself and what a copy of it allocates. Audio is shared by copies
/// and not counted; what vectors hold in reserve is not either.
#[allow(dead_code, reason = "not all benchmarks ask")]
pub fn state_bytes(call: &Call) -> usize {
    let before = HELD.with(Cell::get);
    let copy = call.clone();
    let held = HELD.with(Cell::get) - before;
    drop(copy);
    size_of::<Call>() + held.unsigned_abs()
}

/// What a call has allocated and holds, reserves and unshared audio included.
#[allow(dead_code, reason = "not all benchmarks ask")]
pub fn held_bytes(call: Call) -> usize {
    let before = HELD.with(Cell::get);
    drop(call);
    (before - HELD.with(Cell::get)).unsigned_abs()
}

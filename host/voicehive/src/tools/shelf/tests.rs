//! What is weighed, what goes, and who is refused.

use super::*;

const MIB: usize = 1 << 20;

/// Something of so many bytes, and for whom it is held.
#[derive(Clone)]
struct Block {
    bytes: Arc<usize>,
    holder: Arc<()>,
}

impl Loaded for Block {
    fn for_holder(&self) -> Self {
        Self { bytes: self.bytes.clone(), holder: Arc::default() }
    }

    fn is_held_elsewhere(&self) -> bool {
        Arc::strong_count(&self.holder) > 1
    }

    fn weight(&self) -> usize {
        *self.bytes
    }
}

/// A shelf, and the reckoning of what is on it.
struct Setting(Arc<Mutex<Shelf<Block>>>);

impl Setting {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Shelf::new())))
    }

    fn reserve(&self, whose: &str, number: u16, weight: usize) -> Result<Place<Block>, Full> {
        Place::reserve(&self.0, &tenant(whose), which(number), weight)
    }

    /// Loads a version that weighs what it was thought to.
    fn load(&self, whose: &str, number: u16, weight: usize) -> Result<Block, Full> {
        self.reserve(whose, number, weight)?.fill(&block(weight))
    }

    fn get(&self, whose: &str, number: u16) -> Result<Option<Block>, Full> {
        lock(&self.0).get(&tenant(whose), &which(number))
    }

    /// Which of these numbers are loaded.
    fn there(&self, numbers: std::ops::Range<u16>) -> Vec<u16> {
        numbers.filter(|number| lock(&self.0).versions.contains_key(&which(*number))).collect()
    }

    /// What everything weighs.
    fn all(&self) -> usize {
        lock(&self.0).versions.values().map(|version| version.weight).sum()
    }

    /// What the share of one tenant weighs.
    fn of(&self, whose: &str) -> usize {
        let (shelf, whose) = (lock(&self.0), tenant(whose));
        let own = shelf.versions.values().filter(|version| version.shares.contains_key(&whose));
        own.map(|version| version.weight).sum()
    }
}

#[test]
fn what_calls_hold_counts_until_the_last_of_them_lets_go() {
    let shelf = Setting::new();
    let first = shelf.load("greedy", 0, OF_A_TENANT).unwrap();
    let second = shelf.get("greedy", 0).unwrap().unwrap();
    assert_eq!(shelf.all(), OF_A_TENANT, "two calls have the same");
    let small = || shelf.load("greedy", 1, MIB).map(drop);
    assert_eq!(small(), Err(Full::Tenant));
    drop(first);
    assert_eq!(small(), Err(Full::Tenant));
    assert_eq!(shelf.there(0..2), [0], "what is refused takes nothing away");
    drop(second);
    assert_eq!(small(), Ok(()));
    assert_eq!((shelf.there(0..2), shelf.all()), (vec![1], MIB));
}

#[test]
fn what_nobody_uses_stays_while_there_is_room() {
    let shelf = Setting::new();
    shelf.load("mine", 0, OF_A_TENANT).unwrap();
    assert!(shelf.get("mine", 0).unwrap().is_some());
    assert!(shelf.get("mine", 1).unwrap().is_none());
    let other_tier = (which(0).0, Tier::Large);
    assert!(lock(&shelf.0).get(&tenant("mine"), &other_tier).unwrap().is_none());
}

#[test]
fn a_tenant_with_many_large_tools_evicts_only_its_own() {
    let (shelf, third) = (Setting::new(), OF_A_TENANT / 3);
    shelf.load("modest", 0, third).unwrap();
    for number in 1..33 {
        shelf.load("greedy", number, third).unwrap();
        if number > 2 {
            assert!(shelf.get("greedy", 2).unwrap().is_some(), "it is used again and again");
        }
    }
    assert_eq!(shelf.there(0..33), [0, 2, 31, 32]);
    assert_eq!(shelf.of("modest"), third);
}

#[test]
fn what_is_being_loaded_counts_and_is_given_back_where_nothing_comes_of_it() {
    let shelf = Setting::new();
    let place = shelf.reserve("mine", 0, OF_A_TENANT).unwrap();
    assert_eq!(shelf.all(), OF_A_TENANT);
    assert!(shelf.get("mine", 0).unwrap().is_none());
    assert_eq!(shelf.load("mine", 1, MIB).map(drop), Err(Full::Tenant));
    drop(place);
    assert_eq!((shelf.all(), shelf.there(0..2)), (0, vec![]));
    assert!(shelf.load("mine", 1, MIB).is_ok());
}

#[test]
fn two_who_load_one_version_at_once_count_once() {
    let (shelf, half) = (Setting::new(), OF_A_TENANT / 2);
    let first = shelf.reserve("mine", 0, half).unwrap();
    let second = shelf.reserve("mine", 0, half).unwrap();
    let anothers = shelf.reserve("another", 0, half).unwrap();
    assert_eq!((shelf.all(), shelf.of("mine"), shelf.of("another")), (half, half, half));
    let loaded = first.fill(&block(half)).unwrap();
    let again = second.fill(&block(half)).unwrap();
    assert!(Arc::ptr_eq(&loaded.bytes, &again.bytes), "the second one's own copy is for nothing");
    assert_eq!(shelf.all(), half);
    drop(anothers);
    assert_eq!((shelf.all(), shelf.of("another")), (half, 0));
}

#[test]
fn what_two_tenants_have_takes_its_memory_once_and_is_in_both_shares() {
    let shelf = Setting::new();
    let mine = shelf.load("mine", 0, OF_A_TENANT).unwrap();
    let anothers = shelf.get("another", 0).unwrap().unwrap();
    assert!(Arc::ptr_eq(&mine.bytes, &anothers.bytes));
    assert_eq!((shelf.all(), shelf.of("mine"), shelf.of("another")), (OF_A_TENANT, OF_A_TENANT, OF_A_TENANT));
    drop(mine);
    // That the other one still has it is not this tenant's concern.
    assert!(shelf.load("mine", 1, MIB).is_ok());
    assert_eq!((shelf.of("mine"), shelf.all()), (MIB, OF_A_TENANT + MIB));
    assert_eq!(shelf.get("mine", 0).map(drop), Ok(()), "the small one goes for it");
    assert_eq!(shelf.there(0..2), [0]);
    drop(anothers);
    let _small = shelf.load("another", 1, MIB).unwrap();
    assert_eq!(shelf.get("another", 0).map(drop), Err(Full::Tenant));
}

#[test]
fn what_turns_out_heavier_than_was_thought_is_weighed_again() {
    let shelf = Setting::new();
    let _held = shelf.load("mine", 0, OF_A_TENANT / 2).unwrap();
    let place = shelf.reserve("mine", 1, MIB).unwrap();
    assert_eq!(place.fill(&block(OF_A_TENANT)).map(drop), Err(Full::Tenant));
    assert_eq!((shelf.there(0..2), shelf.all()), (vec![0], OF_A_TENANT / 2));
    let place = shelf.reserve("mine", 1, OF_A_TENANT / 2).unwrap();
    let _lighter = place.fill(&block(2 * MIB)).unwrap();
    assert_eq!(shelf.all(), OF_A_TENANT / 2 + 2 * MIB);
    assert_eq!(shelf.reserve("mine", 2, usize::MAX).map(drop), Err(Full::Tenant));
}

#[test]
fn there_are_only_so_many_however_small_they_are() {
    let shelf = Setting::new();
    let most = u16::try_from(OF_A_TENANT / LEAST).unwrap();
    let held: Vec<_> = (0..most).map(|number| shelf.load("mine", number, 1).unwrap()).collect();
    assert_eq!(shelf.load("mine", most, 1).map(drop), Err(Full::Tenant));
    drop(held);
    assert!(shelf.load("mine", most, 1).is_ok());
}

#[test]
fn a_tenant_who_has_much_is_refused_while_another_loads() {
    let shelf = Setting::new();
    let mut held = Vec::new();
    // Each takes all that it gets, in large pieces first.
    for number in 0..8 {
        let whose = format!("greedy-{number}");
        for (piece, weight) in [128 * MIB, 64 * MIB, 32 * MIB, 16 * MIB, 8 * MIB, 4 * MIB].iter().enumerate()
        {
            for time in 0..2 {
                let version = number * 100 + u16::try_from(piece * 2 + time).unwrap();
                held.extend(shelf.load(&whose, version, *weight));
            }
        }
        assert!(shelf.load(&whose, number * 100 + 99, 4 * MIB).is_err(), "{whose}");
    }
    assert!(shelf.all() <= ALL);
    assert_eq!(shelf.load("greedy-3", 900, 2 * MIB).map(drop), Err(Full::Host));
    let _small = shelf.load("new", 901, 2 * MIB).unwrap();
    drop(held);
    assert!(shelf.load("greedy-3", 900, OF_A_TENANT).is_ok());
}

#[test]
fn where_memory_is_short_what_nobody_used_for_longest_goes() {
    let (shelf, large) = (Setting::new(), OF_A_TENANT / 16 * 13);
    let mut held = Vec::new();
    for number in 0..4 {
        shelf.load("idle", number, OF_A_TENANT / 4).unwrap();
    }
    assert!(shelf.get("idle", 0).unwrap().is_some());
    for (number, whose) in (10..).zip(["a", "b", "c"]) {
        held.extend(shelf.load(whose, number, large));
    }
    assert_eq!(held.len(), 3);
    // As much as the last one has is free beside what is kept.
    assert_eq!(shelf.there(0..4), [0, 2, 3]);
    assert_eq!(shelf.all() + large, ALL);
}

fn block(bytes: usize) -> Block {
    Block { bytes: Arc::new(bytes), holder: Arc::default() }
}

fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

fn which(number: u16) -> Which {
    (ToolDigest::of(&number.to_le_bytes()), Tier::Standard)
}

//! What is kept in memory for as long as there is room: bounded in number and in weight.

use std::collections::BTreeMap;

/// Values by key. Where there is no room, what was not used for longest goes.
#[derive(Debug)]
pub struct Lru<K, V> {
    most: Room,
    entries: BTreeMap<K, Entry<V>>,
    /// Which key was used when; its numbers only grow.
    by_use: BTreeMap<u64, K>,
    next_use: u64,
    weight: usize,
}

/// How much is kept at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// How many values.
    pub entries: usize,
    /// What they weigh together, in whatever unit their owner weighs them.
    pub weight: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    weight: usize,
    used: u64,
}

impl<K: Ord + Clone, V> Lru<K, V> {
    /// Nothing yet, and room for `most`.
    pub fn new(most: Room) -> Self {
        Self { most, entries: BTreeMap::new(), by_use: BTreeMap::new(), next_use: 0, weight: 0 }
    }

    /// The value of a key, which counts as used.
    pub fn get(&mut self, key: &K) -> Option<&mut V> {
        let entry = self.entries.get_mut(key)?;
        self.by_use.remove(&entry.used);
        entry.used = self.next_use;
        self.by_use.insert(self.next_use, key.clone());
        self.next_use += 1;
        Some(&mut entry.value)
    }

    /// Keeps a value, instead of an earlier one of its key. One that is heavier than all the room is not kept.
    pub fn put(&mut self, key: K, value: V, weight: usize) {
        self.remove(&key);
        if weight > self.most.weight || self.most.entries == 0 {
            return;
        }
        while self.entries.len() >= self.most.entries || self.weight > self.most.weight - weight {
            if !self.forget_oldest() {
                break;
            }
        }
        self.by_use.insert(self.next_use, key.clone());
        self.entries.insert(key, Entry { value, weight, used: self.next_use });
        self.next_use += 1;
        self.weight += weight;
    }

    /// Forgets the value of a key.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let entry = self.entries.remove(key)?;
        self.by_use.remove(&entry.used);
        self.weight -= entry.weight;
        Some(entry.value)
    }

    fn forget_oldest(&mut self) -> bool {
        let Some(oldest) = self.by_use.first_key_value().map(|(_, key)| key.clone()) else { return false };
        self.remove(&oldest).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let mut kept = Lru::new(Room { entries: 2, weight: 100 });
        kept.put("a", 1, 1);
        kept.put("b", 2, 1);
        assert_eq!(kept.get(&"a"), Some(&mut 1));
        kept.put("c", 3, 1);
        assert_eq!(kept.get(&"b"), None);
        assert_eq!((kept.get(&"a").copied(), kept.get(&"c").copied()), (Some(1), Some(3)));
    }

    #[test]
    fn as_many_go_as_a_heavy_one_needs() {
        let mut kept = Lru::new(Room { entries: 10, weight: 100 });
        for key in 0..5 {
            kept.put(key, (), 20);
        }
        kept.put(9, (), 50);
        let left: Vec<i32> = (0..10).filter(|key| kept.get(key).is_some()).collect();
        assert_eq!(left, [3, 4, 9]);
        kept.put(8, (), 101);
        assert!(kept.get(&8).is_none() && kept.get(&9).is_some(), "too heavy to be kept at all");
    }

    #[test]
    fn a_key_has_one_value_and_weighs_once() {
        let mut kept = Lru::new(Room { entries: 10, weight: 10 });
        for weight in [3, 10, 1] {
            kept.put("a", weight, weight);
            assert_eq!((kept.weight, kept.entries.len(), kept.by_use.len()), (weight, 1, 1));
        }
        assert_eq!(kept.remove(&"a"), Some(1));
        assert_eq!((kept.weight, kept.by_use.len()), (0, 0));
        assert_eq!(kept.remove(&"a"), None);
    }

    #[test]
    fn without_room_nothing_is_kept() {
        let mut kept = Lru::new(Room { entries: 0, weight: 10 });
        kept.put("a", 1, 0);
        assert_eq!(kept.get(&"a"), None);
    }
}

//! Work that must not run twice at once, by name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Lets one at a time do the work of a name; others wait.
#[derive(Debug, Default)]
pub struct OneAtATime {
    names: Mutex<BTreeMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

impl OneAtATime {
    /// Does `work` when no other work of that name runs.
    pub async fn alone<T>(&self, name: &str, work: impl Future<Output = T>) -> T {
        let turn = self.of(name);
        let _mine = turn.lock().await;
        work.await
    }

    fn of(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = names.get(name).and_then(Weak::upgrade) {
            return turn;
        }
        names.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        names.insert(name.to_owned(), Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn work_of_one_name_waits_and_of_another_does_not() {
        let names = OneAtATime::default();
        let running = Cell::new(0);
        let most = Cell::new(0);
        let work = || async {
            running.set(running.get() + 1);
            most.set(most.get().max(running.get()));
            tokio::task::yield_now().await;
            running.set(running.get() - 1);
        };
        tokio::join!(names.alone("a", work()), names.alone("a", work()), names.alone("a", work()));
        assert_eq!(most.replace(0), 1);
        tokio::join!(names.alone("a", work()), names.alone("b", work()));
        assert_eq!(most.get(), 2);
    }

    #[tokio::test]
    async fn names_that_nobody_uses_are_forgotten() {
        let names = OneAtATime::default();
        for name in 0..100 {
            names.alone(&name.to_string(), async {}).await;
        }
        assert_eq!(names.names.lock().unwrap().len(), 1);
    }
}

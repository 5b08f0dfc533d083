//! What was made of a text, remembered: every pass over a request reads the same patterns and expressions.
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What was made of texts; once there are `most` of them, all are forgotten.
#[derive(Debug)]
pub struct Memo<V> {
    most: usize,
    known: Mutex<BTreeMap<String, V>>,
}
impl<V: Clone> Memo<V> {
    /// An empty one.
    pub const fn new(most: usize) -> Self {
        Self { most, known: Mutex::new(BTreeMap::new()) }
    }
    /// What was made of this text, or is made of it.
    pub fn get(&self, text: &str, make: impl FnOnce() -> V) -> V {
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(text) {
            return known.clone();
        }
        // Not under the lock: others need not wait for it.
        let made = make();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= self.most {
            known.clear();
        }
        known.insert(text.to_owned(), made.clone());
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_not_made_again_and_never_more_is_kept_than_it_may() {
        let (memo, made) = (Memo::new(3), std::cell::Cell::new(0));
        let get = |text: &str| {
            memo.get(text, || {
                made.set(made.get() + 1);
                text.len()
            })
        };
        assert_eq!([get("a"), get("bb"), get("a"), get("ccc")], [1, 2, 1, 3]);
        assert_eq!(made.get(), 3);
        assert_eq!((get("dddd"), memo.known.lock().unwrap().len()), (4, 1), "one too many");
        assert_eq!((get("a"), made.get()), (1, 5));
    }
}

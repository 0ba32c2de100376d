//! Improves an assignment one and two items at a time, for the search to start from.
//!
//! An item moves to a cheaper choice where there is room for it, or where moving one other item to
//! its next best choice makes room at a lower price. What comes out fits at every instant; whether
//! it can be laid out is for the caller to find.

use super::room::Room;
use super::{Question, price};

/// Rounds over all items at most; each ends sooner where nothing is gained.
const ROUNDS: u32 = 6;

/// Pairs are tried where there are at most so many items, since there are as many as the square.
const MOST_PAIRED: usize = 250;

/// A cheaper assignment than `known`, if there is one nearby; `None` where `known` does not fit.
pub(super) fn improve(question: &Question, known: &[usize]) -> Option<Vec<usize>> {
    let mut at = Walk { question, room: Room::new(question), chosen: known.to_vec() };
    if known.len() != question.items.len() {
        return None;
    }
    for (item, &choice) in question.items.iter().zip(known) {
        if !at.room.take(item.choices.get(choice)?) {
            return None;
        }
    }
    // What costs most where it is has most to gain.
    let mut order: Vec<usize> = (0..known.len()).collect();
    order.sort_by_key(|&item| (std::cmp::Reverse(at.cost(item)), item));
    for _ in 0..ROUNDS {
        let mut gained = false;
        for &item in &order {
            gained |= at.move_alone(item);
        }
        if !gained && known.len() <= MOST_PAIRED {
            for &item in &order {
                gained |= at.move_with_another(item, &order);
            }
        }
        if !gained {
            break;
        }
    }
    Some(at.chosen)
}

struct Walk<'a> {
    question: &'a Question,
    room: Room,
    chosen: Vec<usize>,
}

impl Walk<'_> {
    /// What an item costs where it is.
    fn cost(&self, item: usize) -> u128 {
        price(&self.question.items[item].choices[self.chosen[item]])
    }

    /// The choices of an item that cost less than `limit`, the cheapest first.
    fn below(&self, item: usize, limit: u128) -> Vec<usize> {
        let choices = &self.question.items[item].choices;
        let mut below: Vec<usize> =
            (0..choices.len()).filter(|&at| price(&choices[at]) < limit).collect();
        below.sort_by_key(|&at| (price(&choices[at]), at));
        below
    }

    fn lift(&mut self, item: usize) {
        self.room.give_back(&self.question.items[item].choices[self.chosen[item]]);
    }

    /// Puts a lifted item to the first of `choices` that fits.
    fn put(&mut self, item: usize, choices: &[usize]) -> bool {
        for &at in choices {
            if self.room.take(&self.question.items[item].choices[at]) {
                self.chosen[item] = at;
                return true;
            }
        }
        false
    }

    fn move_alone(&mut self, item: usize) -> bool {
        let cheaper = self.below(item, self.cost(item));
        if cheaper.is_empty() {
            return false;
        }
        let before = self.chosen[item];
        self.lift(item);
        if self.put(item, &cheaper) {
            return true;
        }
        self.put(item, &[before]);
        false
    }

    fn move_with_another(&mut self, item: usize, others: &[usize]) -> bool {
        for choice in self.below(item, self.cost(item)) {
            let gain = self.cost(item) - price(&self.question.items[item].choices[choice]);
            for &other in others.iter().filter(|&&other| other != item) {
                if self.question.items[other].choices.len() < 2 {
                    continue;
                }
                let before = (self.chosen[item], self.chosen[other]);
                let limit = self.cost(other).saturating_add(gain);
                self.lift(item);
                self.lift(other);
                if self.put(item, &[choice]) {
                    let cheaper = self.below(other, limit);
                    if self.put(other, &cheaper) {
                        return true;
                    }
                    self.lift(item);
                }
                self.put(item, &[before.0]);
                self.put(other, &[before.1]);
            }
        }
        false
    }
}

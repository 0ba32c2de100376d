//! Improves an assignment one and two items at a time, for the search to start from.
//!
//! An item moves to a cheaper choice where there is room for it, or where moving one other item to
//! its next best choice makes room at a lower price. What comes out fits at every instant; whether
//! it can be laid out is for the caller to find.

use super::Question;
use super::room::Room;
use super::ways::{Item, Way, Ways};

/// Rounds over all items at most; each ends sooner where nothing is gained.
const ROUNDS: u32 = 6;

/// Pairs are tried where there are at most so many items, since there are as many as the square.
const MOST_PAIRED: usize = 250;

/// A cheaper assignment than `known`, if there is one nearby; `None` where `known` does not fit.
pub(super) fn improve(question: &Question, ways: &Ways, known: &[usize]) -> Option<Vec<usize>> {
    let items = &ways.items;
    let mut at = Walk { items, room: Room::new(question, ways), chosen: known.to_vec() };
    if known.len() != items.len() {
        return None;
    }
    for (item, &choice) in items.iter().zip(known) {
        if !at.room.take(item.ways.get(choice)?.as_ref()?) {
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
    items: &'a [Item],
    room: Room,
    chosen: Vec<usize>,
}

impl<'a> Walk<'a> {
    /// Where an item is.
    fn way(&self, item: usize) -> Option<&'a Way> {
        self.items[item].ways.get(self.chosen[item])?.as_ref()
    }

    /// What an item costs where it is.
    fn cost(&self, item: usize) -> u128 {
        self.way(item).map_or(0, |way| way.price)
    }

    fn lift(&mut self, item: usize) {
        if let Some(way) = self.way(item) {
            self.room.give_back(way);
        }
    }

    /// Puts a lifted item to the cheapest of its choices below a price that fits.
    fn put_below(&mut self, item: usize, limit: u128) -> bool {
        let cheaper = self.items[item].cheapest_first().take_while(|(_, way)| way.price < limit);
        for (at, way) in cheaper {
            if self.room.take(way) {
                self.chosen[item] = at;
                return true;
            }
        }
        false
    }

    /// Puts a lifted item to a choice, if it fits there.
    fn put(&mut self, item: usize, at: usize) -> bool {
        let way = self.items[item].ways.get(at).and_then(Option::as_ref);
        let fits = way.is_some_and(|way| self.room.take(way));
        if fits {
            self.chosen[item] = at;
        }
        fits
    }

    fn move_alone(&mut self, item: usize) -> bool {
        let (before, limit) = (self.chosen[item], self.cost(item));
        if self.items[item].cheapest_first().next().is_none_or(|(_, way)| way.price >= limit) {
            return false;
        }
        self.lift(item);
        if self.put_below(item, limit) {
            return true;
        }
        self.put(item, before);
        false
    }

    fn move_with_another(&mut self, item: usize, others: &[usize]) -> bool {
        let (items, cost) = (self.items, self.cost(item));
        for (choice, way) in items[item].cheapest_first().take_while(|(_, way)| way.price < cost) {
            let gain = cost - way.price;
            for &other in others.iter().filter(|&&other| other != item) {
                if items[other].ways.len() < 2 {
                    continue;
                }
                let before = (self.chosen[item], self.chosen[other]);
                let limit = self.cost(other).saturating_add(gain);
                self.lift(item);
                self.lift(other);
                if self.put(item, choice) {
                    if self.put_below(other, limit) {
                        return true;
                    }
                    self.lift(item);
                }
                self.put(item, before.0);
                self.put(other, before.1);
            }
        }
        false
    }
}

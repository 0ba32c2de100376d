//! The choices of a question in the form in which the search reads them over and over: instants as
//! positions, bytes rounded, choices by price.

use std::ops::Range;

use smallvec::SmallVec;

use super::{Extent, Question, Region, price};

/// Bytes of one memory for some instants.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The memory, as a position in [`Question::regions`].
    pub region: usize,
    /// The positions of the instants at which the bytes are taken.
    pub span: Range<usize>,
    /// How many, with what is lost before the next aligned address.
    pub bytes: u64,
}

/// A choice.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// What it costs.
    pub price: u128,
    /// What it takes.
    pub parts: SmallVec<[Part; 1]>,
    /// The position of the first instant at which it takes anything; `None` where it takes nothing.
    pub begin: Option<usize>,
}

/// The choices of an item.
#[derive(Clone, Debug, Default)]
pub(super) struct Item {
    /// By position in [`super::Item::choices`]; `None` where a part is more than its memory or the
    /// largest block of it.
    pub ways: Vec<Option<Way>>,
    /// The positions of those that are there, the cheapest first.
    pub by_price: SmallVec<[usize; 4]>,
}

impl Item {
    /// The ways that are there with their positions, the cheapest first.
    pub fn cheapest_first(&self) -> impl Iterator<Item = (usize, &Way)> {
        self.by_price.iter().filter_map(|&at| Some((at, self.ways.get(at)?.as_ref()?)))
    }
}

/// All choices.
///
/// Only instants at which some extent begins are kept: nothing is live at once that is not live
/// together when the last of it begins. Sizes count rounded up to the region's alignment, since
/// what lies above begins there.
pub(super) struct Ways {
    /// What is to be placed.
    pub items: Vec<Item>,
    /// Instants that matter.
    pub instants: usize,
}

impl Ways {
    pub fn of(question: &Question) -> Self {
        let instants = instants(question);
        let part = |extent: &Extent| {
            let region = question.regions.get(extent.region)?;
            let is_possible = extent.bytes <= region.block && extent.bytes <= region.capacity;
            let begin = instants.partition_point(|&instant| instant < extent.begin);
            let end = instants.partition_point(|&instant| instant <= extent.end);
            is_possible.then(|| Part {
                region: extent.region,
                span: begin..end.max(begin),
                bytes: rounded(extent, region),
            })
        };
        let items = question.items.iter().map(|item| {
            let ways = item.choices.iter().map(|choice| {
                let parts: SmallVec<[Part; 1]> =
                    choice.extents.iter().map(part).collect::<Option<_>>()?;
                let begin = parts.iter().map(|part| part.span.start).min();
                Some(Way { price: price(choice), parts, begin })
            });
            let ways: Vec<Option<Way>> = ways.collect();
            let prices = ways.iter().enumerate();
            let mut prices: SmallVec<[(u128, usize); 4]> =
                prices.filter_map(|(at, way)| Some((way.as_ref()?.price, at))).collect();
            prices.sort_unstable();
            Item { ways, by_price: prices.into_iter().map(|(_, at)| at).collect() }
        });
        Self { items: items.collect(), instants: instants.len() }
    }
}

/// The bytes of an extent with what is lost before the next aligned address.
fn rounded(extent: &Extent, region: &Region) -> u64 {
    extent.bytes.checked_next_multiple_of(region.alignment.max(1)).unwrap_or(u64::MAX)
}

/// Every instant at which something begins, ascending.
fn instants(question: &Question) -> Vec<u64> {
    let mut instants: Vec<u64> = question
        .items
        .iter()
        .flat_map(|item| &item.choices)
        .flat_map(|choice| &choice.extents)
        .map(|extent| extent.begin)
        .collect();
    instants.sort_unstable();
    instants.dedup();
    instants
}

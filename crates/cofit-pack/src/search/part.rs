//! A part of the problem made ready for the exact search: its sections and who is in them.

use std::ops::Range;

use crate::first_fit::Conflicts;
use crate::instance::Instance;

/// The parts that are searched exactly have at most so many items; bounds memory and depth.
const MOST_ITEMS: usize = 2048;
/// Likewise the sum over the sections of their items, which gaps can drive up.
const MOST_MEMBERS: usize = 4_000_000;

/// Rows of numbers of different length in one list.
#[derive(Debug, Default)]
pub(super) struct Rows {
    starts: Vec<u32>,
    list: Vec<u32>,
}

impl Rows {
    fn push(&mut self, row: impl IntoIterator<Item = u32>) {
        if self.starts.is_empty() {
            self.starts.push(0);
        }
        self.list.extend(row);
        self.starts.push(self.list.len() as u32);
    }

    pub fn row(&self, i: usize) -> &[u32] {
        &self.list[self.range(i)]
    }

    /// Where a row is in the list of all.
    pub fn range(&self, i: usize) -> Range<usize> {
        self.starts[i] as usize..self.starts[i + 1] as usize
    }

    /// All rows, one after the other.
    pub fn all(&self) -> &[u32] {
        &self.list
    }
}

/// The borders between the first and the last of an item's sections.
pub(super) fn borders(sections: &[u32]) -> Range<usize> {
    match sections {
        [first, .., last] => *first as usize..*last as usize,
        [] | [_] => 0..0,
    }
}

/// A part made ready for searching.
#[derive(Debug)]
pub(crate) struct Part {
    pub(super) size: Vec<u64>,
    pub(super) align: Vec<u64>,
    pub(super) fixed: Vec<Option<u64>>,
    pub(super) conflicts: Rows,
    /// Items of each section.
    pub(super) members: Rows,
    /// Sections of each item, ascending.
    pub(super) sections: Rows,
    /// For an item, a later one with the same life, size and alignment: it lies above.
    pub(super) twin: Vec<Option<u32>>,
    /// Items by the section in which they first live: those of section `s` are from
    /// `first_item[s]` to `first_item[s + 1]`.
    pub(super) first_item: Vec<u32>,
    pub(super) section_count: usize,
}

impl Part {
    /// Prepares a part, unless it is too large to search.
    pub fn new(instance: &Instance, part: &Range<usize>, stored: &Conflicts<'_>) -> Option<Self> {
        let items = stored.items();
        if items.len() > MOST_ITEMS {
            return None;
        }
        let mut conflicts = Rows::default();
        for i in 0..items.len() {
            conflicts.push(stored.stored(i)?.iter().copied());
        }
        let mut members = Rows::default();
        let mut of_item = vec![Vec::new(); items.len()];
        let mut section_count = 0;
        let mut too_large = false;
        instance.sweep(part, |_, live| {
            if members.list.len() + live.len() > MOST_MEMBERS {
                too_large = true;
                return;
            }
            let mut live = live.to_vec();
            live.sort_unstable();
            for &i in &live {
                of_item[i as usize].push(section_count as u32);
            }
            members.push(live);
            section_count += 1;
        });
        if too_large {
            return None;
        }
        let mut sections = Rows::default();
        for row in of_item {
            sections.push(row);
        }
        // Items are sorted by their start, so those that start in one section are neighbours.
        let mut first_item = vec![0; section_count + 1];
        for i in 0..items.len() {
            if let Some(&first) = sections.row(i).first() {
                first_item[first as usize + 1] = i as u32 + 1;
            }
        }
        for s in 0..section_count {
            first_item[s + 1] = first_item[s + 1].max(first_item[s]);
        }
        let twin = (0..items.len())
            .map(|i| {
                let a = &items[i];
                let same = |&j: &u32| {
                    let b = &items[j as usize];
                    j as usize > i
                        && (a.size, a.align, a.pad) == (b.size, b.align, b.pad)
                        && a.fixed.is_none()
                        && b.fixed.is_none()
                        && sections.row(i) == sections.row(j as usize)
                };
                conflicts.row(i).iter().copied().filter(same).min()
            })
            .collect();
        Some(Self {
            size: items.iter().map(|item| item.size).collect(),
            align: items.iter().map(|item| item.align).collect(),
            fixed: items.iter().map(|item| item.fixed).collect(),
            conflicts,
            members,
            sections,
            twin,
            first_item,
            section_count,
        })
    }
}

//! Every point of a small space, in order.

use super::space::{Point, Space};

/// `count` points from number `first` on, counted from 0; the last axis varies fastest.
pub(super) fn points(space: &Space, first: usize, count: usize) -> Vec<Point> {
    let size = space.size();
    let numbers = (first as u128..size).take(count);
    numbers
        .map(|number| {
            let mut left = number;
            let mut values: Vec<u32> = space
                .axes
                .iter()
                .rev()
                .map(|axis| {
                    let length = axis.values.len().max(1) as u128;
                    let value = (left % length) as u32;
                    left /= length;
                    value
                })
                .collect();
            values.reverse();
            Point(values)
        })
        .collect()
}

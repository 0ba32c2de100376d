//! A histogram that grows with its data and does not depend on their order.

/// Most bins that a histogram has.
pub const BINS: usize = 2048;

/// The finest bins are `2^FINEST` wide: below the resolution of any activation that matters.
const FINEST: i32 = -60;

/// Counts of values in bins of equal width.
///
/// Bin `i` holds the values in `[i * width, (i + 1) * width)`, where the width is the smallest power
/// of two, `2^-60` or more, for which [`BINS`] bins reach from the least to the greatest value.
/// Widening merges neighbours whole, so that the result depends on the set of values only, and the
/// histogram of two sets is the merger of both histograms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// The width is `2^exponent`.
    exponent: i32,
    /// Index of the first bin.
    first: i64,
    /// Counts from the first occupied bin to the last.
    counts: Vec<u64>,
}

impl Histogram {
    /// Adds finite values; others are passed over.
    pub fn add(&mut self, values: &[f32]) {
        let finite = values.iter().copied().filter(|value| value.is_finite());
        let (low, high) =
            finite.clone().fold((f64::INFINITY, f64::NEG_INFINITY), |range, value| {
                (range.0.min(f64::from(value)), range.1.max(f64::from(value)))
            });
        if low > high {
            return;
        }
        let exponent = if self.counts.is_empty() { FINEST } else { self.exponent };
        self.reach(low, high, exponent);
        let scale = 2_f64.powi(-self.exponent);
        for value in finite {
            let bin = (f64::from(value) * scale).floor() as i64 - self.first;
            self.counts[bin as usize] += 1;
        }
    }

    /// Adds what another histogram counted.
    pub fn merge(&mut self, other: &Self) {
        if other.counts.is_empty() {
            return;
        }
        if self.counts.is_empty() {
            *self = other.clone();
            return;
        }
        // Bins of the wider of both are whole bins of what follows, so their lower edges suffice.
        let exponent = self.exponent.max(other.exponent);
        let edge = |index: i64| index as f64 * 2_f64.powi(other.exponent);
        let last = other.first + other.counts.len() as i64 - 1;
        self.reach(edge(other.first), edge(last), exponent);
        let shift = (self.exponent - other.exponent) as u32;
        for (at, count) in other.counts.iter().enumerate() {
            let bin = ((other.first + at as i64) >> shift) - self.first;
            self.counts[bin as usize] += count;
        }
    }

    /// Number of values counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Width of a bin, in the unit of the values.
    pub fn width(&self) -> f64 {
        2_f64.powi(self.exponent)
    }

    /// Lower edge and count of every bin from the first occupied one to the last.
    pub fn bins(&self) -> impl DoubleEndedIterator<Item = (f64, u64)> {
        let (first, width) = (self.first, self.width());
        self.counts
            .iter()
            .enumerate()
            .map(move |(at, &count)| ((first + at as i64) as f64 * width, count))
    }

    /// Widens the bins until they reach `low` and `high` too, and are `2^exponent` wide at least.
    fn reach(&mut self, low: f64, high: f64, exponent: i32) {
        let mut exponent =
            exponent.max(if self.counts.is_empty() { FINEST } else { self.exponent });
        let (first, last) = loop {
            let scale = 2_f64.powi(-exponent);
            let (mut first, mut last) = ((low * scale).floor(), (high * scale).floor());
            if !self.counts.is_empty() {
                let shift = (exponent - self.exponent).min(63) as u32;
                let end = self.first + self.counts.len() as i64 - 1;
                first = first.min((self.first >> shift) as f64);
                last = last.max((end >> shift) as f64);
            }
            // Floats hold every index below 2^53; wider bins are needed long before that.
            if last - first < BINS as f64 && first.abs() < 1e15 && last.abs() < 1e15 {
                break (first as i64, last as i64);
            }
            exponent += 1;
        };
        let mut counts = vec![0; (last - first + 1) as usize];
        if !self.counts.is_empty() {
            let shift = (exponent - self.exponent).min(63) as u32;
            for (at, count) in self.counts.iter().enumerate() {
                counts[(((self.first + at as i64) >> shift) - first) as usize] += count;
            }
        }
        *self = Self { exponent, first, counts };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn extreme_values_are_counted() {
        let mut histogram = Histogram::default();
        histogram.add(&[0.0, -0.0, f32::MIN_POSITIVE, f32::MAX, f32::MIN, f32::NAN, f32::INFINITY]);
        assert_eq!(histogram.total(), 5);
        assert!(histogram.bins().count() <= BINS);
    }

    proptest! {
        #[test]
        fn neither_order_nor_partition_matters(
            values in prop::collection::vec(-1e4_f32..1e4, 1..200),
            small in prop::collection::vec(-1e-3_f32..1e-3, 0..50),
            cut in 0_usize..250,
        ) {
            let all: Vec<f32> = small.iter().chain(&values).copied().collect();
            let mut whole = Histogram::default();
            whole.add(&all);

            let mut backwards = Histogram::default();
            for value in all.iter().rev() {
                backwards.add(&[*value]);
            }
            prop_assert_eq!(&backwards, &whole);

            let (left, right) = all.split_at(cut.min(all.len()));
            let (mut a, mut b) = (Histogram::default(), Histogram::default());
            a.add(left);
            b.add(right);
            a.merge(&b);
            prop_assert_eq!(&a, &whole);
            prop_assert_eq!(whole.total(), all.len() as u64);
        }
    }
}

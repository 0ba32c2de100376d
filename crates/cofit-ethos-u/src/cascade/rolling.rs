//! How many rows of a map are alive at once between two stages of a cascade.
//!
//! The writer makes stripes of `written` rows, the reader stripes of `read` rows of its own output.
//! Before each of the reader's stripes the writer runs until the last row that the stripe needs is
//! there; a row is free as soon as no later stripe needs it.

use crate::operation::Kernel;

/// The two ends of a rolling buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Rows of the map between both stages.
    pub height: u32,
    /// Rows of the writer's stripe.
    pub written: u32,
    /// Rows of the reader's output.
    pub read_height: u32,
    /// Rows of the reader's stripe.
    pub read: u32,
    /// The reader's window.
    pub kernel: Kernel,
    /// Rows of zeros above the map.
    pub top: u32,
}

impl Link {
    /// Rows of the map that the reader's stripe number `stripe` needs: the first, and the one
    /// behind the last.
    pub fn needed(&self, stripe: u32) -> (u32, u32) {
        let height = u64::from(self.height);
        let stride = u64::from(self.kernel.stride.0);
        let first = u64::from(stripe) * u64::from(self.read);
        let last = (first + u64::from(self.read)).min(u64::from(self.read_height));
        let top = u64::from(self.top);
        let begin = first.saturating_mul(stride).saturating_sub(top);
        let end = last
            .saturating_sub(1)
            .saturating_mul(stride)
            .saturating_add(u64::from(self.kernel.dilated().0))
            .saturating_sub(top);
        let within = |row: u64| u32::try_from(row.min(height)).unwrap_or(self.height);
        (within(begin), within(end))
    }

    /// Rows that the buffer must have.
    pub fn rows(&self) -> u32 {
        let stripes = self.read_height.div_ceil(self.read.max(1));
        let (mut made, mut rows) = (0u32, 0u32);
        for stripe in 0..stripes {
            let (begin, end) = self.needed(stripe);
            let whole = end.div_ceil(self.written.max(1)).saturating_mul(self.written.max(1));
            made = made.max(whole.min(self.height));
            rows = rows.max(made - begin.min(made));
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn link(written: u32, read: u32, kernel: Kernel, top: u32) -> Link {
        let read_height = 16 / kernel.stride.0;
        Link { height: 16, written, read_height, read, kernel, top }
    }

    #[test]
    fn rows_by_hand() {
        let three = Kernel::new((3, 3), (1, 1));
        // Row by row through a window of three rows.
        assert_eq!(link(1, 1, three, 1).rows(), 3);
        // Two rows of output need four of input, made two by two: rows 1..5 with 0..6 made.
        assert_eq!(link(2, 2, three, 1).rows(), 5);
        // A pointwise reader at its writer's pace needs the stripe alone.
        assert_eq!(link(4, 4, Kernel::UNIT, 0).rows(), 4);
        // Stride two, rows made in pairs: output row 1 needs rows 2..5, of which 0..6 are made.
        assert_eq!(link(2, 1, Kernel::new((3, 3), (2, 2)), 0).rows(), 4);
        // The same with a row of zeros above: rows 1..4 of which 0..4 are made.
        assert_eq!(link(2, 1, Kernel::new((3, 3), (2, 2)), 1).rows(), 3);
    }

    /// Row by row, with a set of the rows that lie in the buffer.
    fn by_hand(link: &Link) -> u32 {
        let mut made = 0;
        let mut most = 0;
        for stripe in 0..link.read_height.div_ceil(link.read) {
            let outputs = stripe * link.read..((stripe + 1) * link.read).min(link.read_height);
            let taps = |output: u32| {
                let (stride, dilation) = (link.kernel.stride.0, link.kernel.dilation.0);
                (0..link.kernel.size.0)
                    .map(move |tap| i64::from(output * stride + tap * dilation))
                    .map(|row| row - i64::from(link.top))
                    .filter(|row| (0..i64::from(link.height)).contains(row))
            };
            while outputs.clone().flat_map(taps).any(|row| row >= i64::from(made)) {
                made = (made + link.written).min(link.height);
            }
            let later = outputs.start..link.read_height;
            let alive = (0..i64::from(made)).filter(|&row| {
                // Rows between two that are alive stay where they are.
                later.clone().flat_map(taps).any(|other| other <= row)
            });
            most = most.max(u32::try_from(alive.count()).expect("few rows"));
        }
        most
    }

    #[test]
    fn the_formula_is_what_counting_rows_gives() {
        for height in [5, 8, 13] {
            for (window, stride, dilation, top) in
                [(1, 1, 1, 0), (3, 1, 1, 1), (3, 2, 1, 0), (3, 2, 1, 1), (5, 1, 1, 2), (3, 1, 2, 2)]
            {
                let mut kernel = Kernel::new((window, 1), (stride, 1));
                kernel.dilation.0 = dilation;
                for written in 1..=6 {
                    for read in 1..=6 {
                        let read_height = height / stride;
                        let link = Link { height, written, read_height, read, kernel, top };
                        assert_eq!(link.rows(), by_hand(&link), "{link:?}");
                    }
                }
            }
        }
    }
}

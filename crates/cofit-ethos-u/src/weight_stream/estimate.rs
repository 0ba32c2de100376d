//! Sizes of weight streams from the distribution of the values alone.
//!
//! One pass counts the values per group of output channels; the palette and the best single code
//! then follow from the counts. What is lost: changes of code within a section, the true lengths of
//! zero runs (taken as independent draws), and palettes per section of 128 Ki weights.
//!
//! Against Vela 5.2.0 on the twelve networks of the golden tables, four sizes each: encoded bytes
//! of a network -2.6 % (vww96) to +1.3 % but +6.3 % on ad01, whose weights are sparse in
//! patches; of a single tensor above 4 KiB up to 25 % off, 43 % on ad01; total cycles -1.3 % to
//! +0.7 %, +5.7 % on the flash-bound ad01. [`WeightEncoding::Exact`] has no error on any of them.
//!
//! [`WeightEncoding::Exact`]: crate::weight_stream::WeightEncoding::Exact

use crate::operation::Weights;
use crate::weight_stream::palette::{Frequencies, Palette, VALUES};
use crate::weight_stream::rice::{
    Code, RUN_DIVISORS, SECTION_WEIGHTS, SLICE_HEADER_BITS, SLICE_WEIGHTS, WEIGHT_CODES,
};
use crate::weight_stream::{STREAM_ALIGNMENT, WeightLayout, WeightValues, value};

/// Output channels per histogram: the finest depth that slices are cut at.
pub const GROUP_CHANNELS: u32 = 16;

/// Occurrences by stored byte mapped to value + 256, for one group of output channels.
pub type Histogram = Vec<u32>;

/// Counts the values of every group of output channels.
pub fn histograms(weights: &Weights<'_>) -> Vec<Histogram> {
    let WeightValues::Known { bytes, sign, layout, zero_point } = weights.values else {
        return Vec::new();
    };
    let channels = weights.shape.o as usize;
    let group = GROUP_CHANNELS as usize;
    let groups = channels.div_ceil(group);
    // Four tables in turn, so that equal neighbours do not wait for one another.
    let mut counts = vec![[[0u32; 256]; 4]; groups];
    match layout {
        WeightLayout::Ohwi => {
            let span = (bytes.len() / channels.max(1)).saturating_mul(group).max(1);
            for (tables, bytes) in counts.iter_mut().zip(bytes.chunks(span)) {
                count(tables, bytes);
            }
        }
        WeightLayout::Hwo => {
            for row in bytes.chunks(channels.max(1)) {
                for (tables, bytes) in counts.iter_mut().zip(row.chunks(group)) {
                    count(tables, bytes);
                }
            }
        }
    }
    counts
        .iter()
        .map(|tables| {
            let mut by_value = vec![0u32; VALUES];
            for byte in 0..=255u8 {
                let at = crate::weight_stream::palette::position(value(byte, sign, zero_point));
                by_value[at] += tables.iter().map(|table| table[usize::from(byte)]).sum::<u32>();
            }
            by_value
        })
        .collect()
}

fn count(tables: &mut [[u32; 256]; 4], bytes: &[u8]) {
    let [a, b, c, d] = tables;
    let mut quads = bytes.chunks_exact(4);
    for quad in &mut quads {
        a[usize::from(quad[0])] += 1;
        b[usize::from(quad[1])] += 1;
        c[usize::from(quad[2])] += 1;
        d[usize::from(quad[3])] += 1;
    }
    for byte in quads.remainder() {
        a[usize::from(*byte)] += 1;
    }
}

/// Bytes of one of the equal `streams` that share output channels `from..to`. It has `length`
/// weights with fillers.
pub fn stream_bytes(
    histograms: &[Histogram],
    from: u32,
    to: u32,
    length: u64,
    streams: u32,
) -> u64 {
    let first = (from / GROUP_CHANNELS) as usize;
    let end = (to.div_ceil(GROUP_CHANNELS) as usize).min(histograms.len());
    let mut found = Frequencies::default();
    for histogram in histograms.get(first..end).unwrap_or_default() {
        for (total, count) in found.counts.iter_mut().zip(histogram) {
            *total += u64::from(*count);
        }
    }
    if streams > 1 {
        found.counts.iter_mut().for_each(|count| *count = count.div_ceil(u64::from(streams)));
    }
    let zero = VALUES / 2;
    let real: u64 = found.counts.iter().sum();
    let fillers = length.saturating_sub(real);
    let sparse = found.counts[zero] as f64 / real.max(1) as f64;
    // A zero stands alone if both neighbours differ; fillers come in runs.
    let alone = (1.0 - sparse) * (1.0 - sparse);
    found.zeros_in_runs = (found.counts[zero] as f64 * (1.0 - alone)) as u64 + fillers;
    found.counts[zero] += fillers;

    let palette = Palette::choose(&found);
    let mut bits = bits_of_weights(&found, &palette);
    if palette.zero_runs {
        bits += bits_of_runs(found.zeros(), length);
    }
    let sections = length.div_ceil(SECTION_WEIGHTS as u64);
    let slices = length.div_ceil(SLICE_WEIGHTS as u64).max(sections);
    bits += sections as f64 * palette.header_bits() as f64;
    bits += slices as f64 * SLICE_HEADER_BITS as f64;
    // Streams are padded up, and a half-filled last chunk is padded too.
    ((bits / 8.0).ceil() as u64 + 1).next_multiple_of(STREAM_ALIGNMENT)
}

fn bits_of_weights(found: &Frequencies, palette: &Palette) -> f64 {
    let coded = || {
        let zero = VALUES / 2;
        (0..VALUES).filter(move |at| !(palette.zero_runs && *at == zero)).filter_map(|at| {
            let count = found.counts[at];
            (count > 0).then_some((count, u32::from(palette.index[at])))
        })
    };
    let mut best = f64::INFINITY;
    for code in WEIGHT_CODES {
        if code == Code::Raw && palette.raw_bits == 0 {
            continue;
        }
        let total: f64 = coded()
            .map(|(count, index)| {
                let bits = code.bits(index, palette.raw_bits);
                bits.map_or(f64::INFINITY, |bits| count as f64 * f64::from(bits))
            })
            .sum();
        best = best.min(total);
    }
    if best.is_finite() { best } else { 0.0 }
}

/// Runs between weights that are zero with equal probability everywhere are geometric.
fn bits_of_runs(zeros: u64, length: u64) -> f64 {
    let runs = (length.saturating_sub(zeros) + 1) as f64;
    let share = zeros as f64 / length.max(1) as f64;
    RUN_DIVISORS
        .iter()
        .map(|divisor| {
            let step = share.powi(1 << divisor);
            let quotient = if step < 1.0 { step / (1.0 - step) } else { zeros as f64 };
            runs * (quotient + 1.0 + f64::from(*divisor))
        })
        .fold(f64::INFINITY, f64::min)
}

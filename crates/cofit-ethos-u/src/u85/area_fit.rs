//! Blocks of depthwise convolutions, pools and sums.
//!
//! For every depth the block grows as the output is shaped until accumulators or input are full;
//! the one wins that covers most of the output and wastes least. Where several blocks are needed,
//! the winner then gives way until the buffer holds a further row of input.
//! Source: Vela 5.2.0, `ethos_u85.cpp` `AreaFit`, `FindDepthwiseConfig`.

use crate::config::{Block, Config};
use crate::operation::{Element, Kernel, Shape};
use crate::shram::Accumulator;
use crate::u85::Buffers;
use crate::u85::block_search::{ACCUMULATOR_GRANULE, accumulator_bits, input_block};
use crate::u85::micro_block::{ifm_unit, rounded};

/// Rounds without progress after which the block is made smaller by force.
const PATIENCE: u32 = 25;

/// What stays the same while blocks are compared.
#[derive(Clone, Copy, Debug)]
pub struct Task<'t> {
    /// The output.
    pub ofm: Shape,
    /// The input.
    pub ifm: Shape,
    /// Elements of the input.
    pub element: Element,
    /// The window.
    pub kernel: &'t Kernel,
    /// The micro-block.
    pub micro: Block,
    /// Width of the accumulators.
    pub accumulator: Accumulator,
    /// Channels of the input per block, where they are not those of the output.
    pub ifm_depth: Option<u32>,
}

impl Task<'_> {
    fn unit(&self, depth: u32, config: &Config) -> Block {
        let depth = self.ifm_depth.unwrap_or(depth);
        ifm_unit(depth, self.element, self.micro, config.macs_per_cycle)
    }

    fn input(&self, ofm_block: Block, unit: Block, config: &Config) -> Block {
        let depth = self.ifm_depth.unwrap_or(ofm_block.c);
        input_block(ofm_block, self.kernel, unit, config, depth)
    }
}

/// The output block and the input block; none where nothing fits.
pub fn find(task: &Task<'_>, config: &Config, buffers: &Buffers) -> Option<(Block, Block)> {
    let granule = Block { c: ACCUMULATOR_GRANULE, ..task.micro };
    let ofm = rounded(task.ofm, granule);
    let held = u64::from(buffers.ifm_bytes) * 8 / u64::from(task.element.bits());
    let mut block = fit(task, ofm, granule, config, buffers)?;
    // Which extents may shrink though they span the output: depth, height, width.
    let mut forced = 0u32;
    loop {
        let unit = task.unit(block.c, config);
        let input = task.input(block, unit, config);
        if block.w >= ofm.w && block.h >= ofm.h && block.c >= ofm.c {
            return Some((block, input));
        }
        let row = task.input(Block { h: granule.h, ..block }, unit, config);
        if held.saturating_sub(input.elements()) >= row.elements() && held >= input.elements() {
            return Some((block, input));
        }
        if (block.h != ofm.h || forced & 2 != 0) && block.h > granule.h {
            block.h -= granule.h;
        } else if (block.c > block.w || forced & 1 != 0) && block.c > granule.c {
            block.c -= granule.c;
        } else if (block.w != ofm.w || forced & 4 != 0) && block.w > granule.w {
            block.w -= granule.w;
        } else if forced != 7 {
            forced = (forced << 1) | 1;
        } else if block.c > granule.c {
            block.c = (block.c / 2).max(granule.c);
        } else {
            return (input.elements() <= held).then_some((block, input));
        }
    }
}

/// The block that covers most of the output.
fn fit(
    task: &Task<'_>,
    ofm: Shape,
    granule: Block,
    config: &Config,
    buffers: &Buffers,
) -> Option<Block> {
    let most = Block::new(
        ofm.h.min(config.ofm_block_max.h),
        ofm.w.min(config.ofm_block_max.w),
        ofm.c.min(config.ofm_block_max.c),
    );
    let accumulators = buffers.accumulator_bytes * 8 / accumulator_bits(task.accumulator);
    let held = u64::from(buffers.ifm_bytes) * 8 / u64::from(task.element.bits());
    let least = (task.micro.h * task.micro.w * ACCUMULATOR_GRANULE).max(1);
    let aspect = f64::from(ofm.h) / f64::from(ofm.w.max(1));
    let is_pointwise = task.kernel.dilated() == (1, 1);
    let area = f64::from(ofm.w) * f64::from(if is_pointwise { ofm.c } else { ofm.h });
    let deepest = config.macs_per_cycle.max(accumulators / least).min(most.c);

    let mut best: Option<Block> = None;
    let mut best_metric = f64::MAX;
    for depth in (ACCUMULATOR_GRANULE..=deepest).step_by(ACCUMULATOR_GRANULE as usize) {
        let unit = task.unit(depth, config);
        let volume = rounded(task.ifm, unit).elements();
        let mut limit = accumulators;
        let mut patience = PATIENCE;
        let mut before = None;
        let fitted = loop {
            let (mut height, mut width) = shaped(aspect, limit / depth, granule);
            width = width.min(most.w);
            height = height.min(most.h);
            let together = width.saturating_mul(height);
            if width < ofm.w {
                width = best_tile(ofm.w, granule.w, width);
            }
            height = (together / width.max(1) / granule.h * granule.h).max(granule.h);
            let block = Block::new(height, width, depth);

            let needed = block.elements();
            let accumulator_ratio = f64::from(accumulators) / needed as f64;
            let input = task.input(block, unit, config).elements().min(volume);
            let mut input_ratio = held as f64 / input.max(1) as f64;
            if accumulator_ratio >= 1.0 && input_ratio >= 1.0 {
                let used = if depth % unit.c == 0 { unit.c } else { depth % unit.c };
                let waste = 1.0 + f64::from(unit.c - used) / f64::from(unit.c) / 10.0;
                let depths = 1.0 + (1.0 - f64::from(most.c) / f64::from(depth)).abs() / 10.0;
                let side = if is_pointwise { depth } else { height };
                let covered = f64::from(width) * f64::from(side);
                let metric = (1.0 + (1.0 - area / covered).abs()) * depths * waste;
                if metric < best_metric {
                    (best, best_metric) = (Some(block), metric);
                    if depth >= ofm.c && width >= ofm.w && height >= ofm.h {
                        return Some(Block::new(ofm.h, ofm.w, ofm.c));
                    }
                }
                break true;
            }
            if before == Some(needed) {
                patience = patience.saturating_sub(1);
                if patience == 0 {
                    input_ratio = 0.9;
                    patience = 1;
                }
            }
            before = Some(needed);
            if input_ratio < 1.0 && accumulator_ratio > 1.0 {
                limit = limit.min(u32::try_from(needed).unwrap_or(u32::MAX));
            }
            let ratio = input_ratio.min(accumulator_ratio);
            let scaled = ((f64::from(limit / least) * ratio) as u32).saturating_mul(least);
            let smaller = if scaled == limit { limit.saturating_sub(least) } else { scaled };
            if smaller < least || smaller > limit {
                break false;
            }
            limit = smaller;
        };
        if !fitted {
            break;
        }
    }
    best
}

/// Height and width of about `elements`, as tall to wide as `aspect`, in whole granules.
fn shaped(aspect: f64, elements: u32, granule: Block) -> (u32, u32) {
    let mut w = (f64::from(elements) / aspect.max(f64::MIN_POSITIVE)).sqrt();
    let mut h = w * aspect;
    if h < 1.0 {
        w *= h;
        h = 1.0;
    } else if w < 1.0 {
        h *= w;
        w = 1.0;
    }
    let whole = |side: f64, step: u32| (side as u32).max(step) / step.max(1) * step.max(1);
    (whole(h, granule.h), whole(w, granule.w))
}

/// The width at most `tile` that leaves the fullest last tile.
fn best_tile(range: u32, granule: u32, tile: u32) -> u32 {
    let (granule, tile) = (granule.max(1), tile.max(1));
    if range.is_multiple_of(tile) {
        return tile;
    }
    let even = (range / (range / tile + 1)).next_multiple_of(granule).max(granule);
    let first = even.saturating_sub(granule * 2).max(even.div_ceil(2)).max(granule);
    let (mut best, mut fullest) = (tile, range % tile);
    let mut width = tile;
    while width >= first {
        let last = if range.is_multiple_of(width) { width } else { range % width };
        if last > fullest {
            (best, fullest) = (width, last);
        }
        if width < granule {
            break;
        }
        width -= granule;
        if width == 0 {
            break;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_leave_full_ends() {
        // Seven leaves one tile of seven and one of seven out of 14; 24 of 25 leave one.
        assert_eq!(best_tile(14, 1, 7), 7);
        assert_eq!(best_tile(25, 1, 24), 13);
    }
}

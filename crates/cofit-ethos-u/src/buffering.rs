//! Whether and how the weights of an operation are copied to SRAM before use.
//!
//! Weights in flash are read again for every row of blocks. Copying them once, in depth slices
//! through one or two buffers, pays where the reads would take longer than the copy that stays
//! visible; the first slice can move under the operation before. These are the decisions of Vela's
//! scheduler for whole feature maps (its "Max" schedule). Source: Vela 5.2.0,
//! `compiler/scheduler.cpp` `ProposeOperatorBuffering`, `ProposeSlicedWeightBuffering`,
//! `EstimateSlicedOpPerformance`, `TryWeightBuffering`.
//!
//! Not modelled: operations that share weights, inputs that spill out of the SRAM. For operations
//! of cascades see [`crate::cascade`].

use cofit_vocab::{Bytes, Cycles};

use crate::block_search::{BlockConfig, OFM_SPLIT_DEPTH};
use crate::config::Config;
use crate::memory::Role;
use crate::memory_cycles::element_access;
use crate::operation::{NpuOperation, Shape};
use crate::operation_cycles::{Part, Position, operation_cycles};
use crate::u85::channel::Channel;
use crate::weight_stream::{EncodedWeights, Encoder};

/// A transfer below this length is taken to be hidden by the start of the network.
const STARTUP_CYCLES: u64 = 1000;

/// How weights reach the NPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Buffering {
    /// Read in place.
    #[default]
    None,
    /// Copied to one buffer.
    Single,
    /// Copied slice by slice to two buffers in turn.
    Double,
}

/// What the operation before leaves for the first transfer of this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slack {
    /// Cycles of its last slice, during which DMA can run.
    pub cycles: Cycles,
    /// Bytes of SRAM that are free while it runs.
    pub memory: Bytes,
}

/// The decision for one operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WeightPlan {
    /// Depths at which the output is cut, from 0 to its depth.
    pub depths: Vec<u32>,
    /// How weights reach the NPU.
    pub buffering: Buffering,
    /// Whether the first slice moves under the operation before.
    pub pre_buffered: bool,
    /// Sizes of the buffers.
    pub buffers: [Bytes; 2],
    /// The encoded weights, cut as `depths` says.
    pub encoded: EncodedWeights,
    /// Cycles that a copy of the weights in one piece would take.
    pub full_transfer: Cycles,
    /// Estimated cycles of each slice, weights being at hand. Their sum differs a little from the
    /// cycles of the operation in one piece, as Vela estimates both.
    pub slice_cycles: Vec<Cycles>,
    /// What this operation leaves for the next.
    pub slack: Slack,
}

/// Estimate of an operation executed in depth slices.
#[derive(Clone, Debug, Default)]
struct Sliced {
    slices: Vec<Cycles>,
    run: u64,
    visible_transfer: u64,
    weight_reads: u64,
    ifm_bytes: u64,
    ifm_reads: u64,
}

/// What stays the same while slicings are compared.
struct Scene<'s, 'o, 'a> {
    operation: &'s NpuOperation<'a>,
    block: &'s BlockConfig,
    config: &'s Config,
    encoder: Option<&'s Encoder<'o, 'a>>,
}

/// Where an operation stands in the network.
#[derive(Clone, Copy, Debug)]
pub struct Neighbourhood {
    /// Slack of the operation before; none at the start.
    pub before: Option<Slack>,
    /// SRAM that is free while the operation runs, beside its feature maps.
    pub free: Bytes,
    /// Whether the input lies in external memory but may be moved to SRAM.
    pub ifm_moves: bool,
}

/// Decides how the weights of an operation reach the NPU.
pub fn plan_weights(
    operation: &NpuOperation<'_>,
    block: &BlockConfig,
    encoder: Option<&Encoder<'_, '_>>,
    neighbourhood: &Neighbourhood,
    config: &Config,
) -> WeightPlan {
    let scene = Scene { operation, block, config, encoder };
    let whole = vec![0, operation.computed().c];
    let encoded = encoder.map(|encoder| encoder.encode(&whole)).unwrap_or_default();
    let reference = scene.sliced(&whole, &encoded, Role::Constants, 0, Buffering::None);
    let in_place =
        operation_cycles(operation, block, &Part::whole(operation, Role::Constants), config);
    let mut plan = WeightPlan {
        depths: whole,
        full_transfer: scene.transfer(encoded.stored()),
        encoded,
        slice_cycles: reference.slices.clone(),
        slack: Slack { cycles: in_place.total, memory: neighbourhood.free },
        ..WeightPlan::default()
    };
    if encoder.is_some()
        && config.memories.mode.port(Role::Constants) != config.memories.mode.port(Role::Staging)
    {
        scene.buffer(&mut plan, &reference, neighbourhood);
    }
    plan
}

/// Decides how the weights of a member of a cascade reach the NPU: from where they are, or through
/// one buffer that holds them all while the cascade lasts. `part` is the operation of one stripe;
/// the first member alone may be fetched early, and the others read their input from SRAM.
pub fn plan_striped(
    operation: &NpuOperation<'_>,
    part: &NpuOperation<'_>,
    block: &BlockConfig,
    encoder: Option<&Encoder<'_, '_>>,
    around: &Neighbourhood,
    is_first: bool,
    config: &Config,
) -> WeightPlan {
    let whole = vec![0, operation.computed().c];
    let encoded = encoder.map(|encoder| encoder.encode(&whole)).unwrap_or_default();
    let in_place =
        operation_cycles(operation, block, &Part::whole(operation, Role::Constants), config);
    let scene = Scene { operation: part, block, config, encoder };
    let bytes = encoded.stored();
    let mut plan = WeightPlan {
        depths: whole,
        full_transfer: scene.transfer(bytes),
        slice_cycles: vec![in_place.total],
        slack: Slack { cycles: in_place.total, memory: around.free },
        encoded,
        ..WeightPlan::default()
    };
    let is_apart =
        config.memories.mode.port(Role::Constants) != config.memories.mode.port(Role::Staging);
    if encoder.is_none() || !is_apart {
        return plan;
    }
    let repeats = f64::from(operation.ofm.shape.h) / f64::from(part.ofm.shape.h.max(1));
    let repeated = |cycles: u64| (repeats * cycles as f64) as u64;
    let stripes = u64::from(operation.ofm.shape.h.div_ceil(part.ofm.shape.h.max(1)));
    let access = element_access(operation, block, operation.ifm.shape, operation.ofm.shape, config);
    let refetches = access.weight_fetches.saturating_mul(stripes);
    let channel = scene.weight_channel();
    let seen_from =
        |role: Role| config.read_cycles(bytes, role, channel).get().saturating_mul(refetches);
    let (unmoved, moved) = (seen_from(Role::Constants), seen_from(Role::Staging));
    if moved >= unmoved {
        return plan;
    }
    let reference = scene.sliced(&plan.depths, &plan.encoded, Role::Constants, 0, Buffering::None);
    let reference_run = repeated(reference.run);
    let full = plan.full_transfer.get();
    let slack = around.before.map_or(0, |before| before.cycles.get());
    let visible = full.saturating_sub(slack);
    let is_hidden = visible < full / 20 || visible.div_ceil(stripes) < STARTUP_CYCLES;
    let force =
        around.before.is_none() && refetches > 1 && (full < unmoved / 10 || full <= STARTUP_CYCLES);
    let computes_longer = reference_run > unmoved;
    let pays = moved.saturating_add(visible) < unmoved || !computes_longer;
    if bytes > around.free.get() || !(is_hidden || force) || !pays {
        return plan;
    }
    let slack_memory = around.before.map_or(around.free, |before| before.memory);
    let early = is_first && around.before.is_some() && Bytes(bytes) < slack_memory;
    let usable = match (early, force) {
        (true, _) => slack,
        (false, true) => STARTUP_CYCLES,
        (false, false) => 0,
    };
    let mut inside = part.clone();
    if !is_first {
        inside.ifm.role = Role::Staging;
    }
    let scene = Scene { operation: &inside, ..scene };
    let new = scene.sliced(&plan.depths, &plan.encoded, Role::Staging, usable, Buffering::Single);
    let ifm_reads = repeated(new.ifm_reads);
    let run = repeated(new.run).saturating_add(new.visible_transfer);
    let weight_reads = repeated(new.weight_reads);
    let old_cycles = reference_run.max(repeated(reference.weight_reads)).max(ifm_reads);
    let mut new_cycles = run.max(weight_reads).max(ifm_reads);
    if computes_longer && new.visible_transfer < STARTUP_CYCLES {
        new_cycles = new_cycles.saturating_sub(new.visible_transfer);
    }
    let read_once = refetches == 1 && full.saturating_add(weight_reads) > old_cycles;
    if old_cycles < new_cycles || read_once {
        return plan;
    }
    let last = new.slices.last().copied().unwrap_or_default();
    plan.slack = Slack { cycles: last, memory: around.free - Bytes(bytes) };
    plan.slice_cycles = new.slices;
    plan.buffering = Buffering::Single;
    plan.buffers = [Bytes(bytes), Bytes::ZERO];
    plan.pre_buffered = early;
    plan
}

impl Scene<'_, '_, '_> {
    fn transfer(&self, bytes: u64) -> Cycles {
        self.config.copy_cycles(bytes, Role::Staging, Role::Constants)
    }

    /// The channel that weights come through.
    fn weight_channel(&self) -> Channel {
        if self.encoder.is_some_and(Encoder::is_fast) {
            Channel::FastWeights
        } else {
            Channel::Weights
        }
    }

    /// Input that an output of the whole height and width needs.
    fn needed_ifm(&self) -> Shape {
        let (ifm, ofm, kernel) =
            (self.operation.ifm.shape, self.operation.ofm.shape, &self.operation.kernel);
        let (height, width) = kernel.dilated();
        let side = |out: u32, stride: u32, window: u32, most: u32| {
            out.saturating_sub(1).saturating_mul(stride).saturating_add(window).min(most)
        };
        Shape::new(
            1,
            side(ofm.h, kernel.stride.0, height, ifm.h),
            side(ofm.w, kernel.stride.1, width, ifm.w),
            ifm.c,
        )
    }

    fn sliced(
        &self,
        depths: &[u32],
        encoded: &EncodedWeights,
        weights_in: Role,
        mut slack: u64,
        buffering: Buffering,
    ) -> Sliced {
        let (operation, config) = (self.operation, self.config);
        let ifm = self.needed_ifm();
        let last = depths.len().saturating_sub(2);
        let mut result = Sliced::default();
        let (mut ifm_bytes, mut weight_bytes, mut fetches) = (0u64, 0u64, 0u64);
        let mut known: Option<(u32, u64, u64)> = None;
        for (index, ends) in depths.windows(2).enumerate() {
            let depth = ends[1].saturating_sub(ends[0]);
            let ofm = Shape { n: 1, ..operation.ofm.shape }.with_channels(depth);
            let (ifm_read, refetch) = match known {
                Some((same, ifm_read, refetch)) if same == depth => (ifm_read, refetch),
                Some(_) | None => {
                    let access = element_access(operation, self.block, ifm, ofm, config);
                    let bytes =
                        access.ifm[0].saturating_mul(u64::from(operation.ifm.element.bytes()));
                    (bytes, access.weight_fetches)
                }
            };
            known = Some((depth, ifm_read, refetch));
            ifm_bytes = ifm_bytes.saturating_add(ifm_read);
            let slice = encoded.slices.get(index).copied().unwrap_or_default();
            weight_bytes = weight_bytes.saturating_add(slice.stored().saturating_mul(refetch));
            fetches = fetches.saturating_add(refetch);

            let position = match (index, last) {
                (0, 0) => Position::Only,
                (0, _) => Position::First,
                (index, last) if index == last => Position::Last,
                (_, _) => Position::Middle,
            };
            let part = Part { ifm, ofm, scales_from: weights_in, position };
            let cycles = operation_cycles(operation, self.block, &part, config).total.get();
            if self.encoder.is_some() && weights_in == Role::Staging {
                let transfer = self.transfer(slice.stored()).get();
                result.visible_transfer =
                    result.visible_transfer.saturating_add(transfer.saturating_sub(slack));
            }
            result.run = result.run.saturating_add(cycles);
            result.slices.push(Cycles(cycles));
            slack = if buffering == Buffering::Double { cycles } else { 0 };
        }
        if self.encoder.is_some() {
            let each = weight_bytes / fetches.max(1);
            let once = config.read_cycles(each, weights_in, self.weight_channel());
            result.weight_reads = once.get().saturating_mul(fetches);
        }
        let input = Channel::of_input(operation.kind.unit());
        result.ifm_bytes = ifm_bytes;
        result.ifm_reads = config.read_cycles(ifm_bytes, operation.ifm.role, input).get();
        result
    }

    fn buffer(&self, plan: &mut WeightPlan, reference: &Sliced, around: &Neighbourhood) {
        // Depth is not cut where it is written as another axis.
        let Some(encoder) = self.encoder.filter(|_| self.operation.before_transpose.is_none())
        else {
            return;
        };
        let (operation, config) = (self.operation, self.config);
        let bytes = plan.encoded.stored();
        let depth = operation.ofm.shape.c;
        let access =
            element_access(operation, self.block, operation.ifm.shape, operation.ofm.shape, config);
        let refetches = access.weight_fetches;
        let channel = self.weight_channel();
        let seen_from =
            |role: Role| config.read_cycles(bytes, role, channel).get().saturating_mul(refetches);
        let (unmoved, moved) = (seen_from(Role::Constants), seen_from(Role::Staging));
        if moved >= unmoved {
            return;
        }
        let full_transfer = plan.full_transfer.get();
        let before = around.before.unwrap_or(Slack { cycles: Cycles::ZERO, memory: around.free });
        let slack = before.cycles.get();
        let least_share = f64::from(depth.min(OFM_SPLIT_DEPTH)) / f64::from(depth.max(1));
        let smallest_transfer = (full_transfer as f64 * least_share) as u64;
        let may_pre_buffer = around.before.is_some();
        let force_initial = !may_pre_buffer
            && refetches > 1
            && (smallest_transfer < unmoved / 10 || smallest_transfer <= STARTUP_CYCLES);
        let computes_longer = reference.run > unmoved;

        let buffered = moved.saturating_add(full_transfer.saturating_sub(slack));
        let expected_slices = depth / self.block.ofm_block.c.max(1);
        let promising = force_initial
            || buffered < unmoved
            || expected_slices > 2
            || (may_pre_buffer && smallest_transfer < slack && refetches > 1);
        if !promising {
            return;
        }

        let limit = around.free.get();
        let ratio =
            self.first_slice_ratio(depth, slack, full_transfer, limit / 2, bytes, computes_longer);
        let Some((depths, encoded)) = self.cut(encoder, plan, ratio, limit / 2, computes_longer)
        else {
            return;
        };

        let Some((buffering, buffers)) = choose_buffers(&encoded, limit) else { return };
        let fits_before = may_pre_buffer && buffers[0] < before.memory.get();
        let usable_slack = match (fits_before, force_initial) {
            (true, _) => slack,
            (false, true) => STARTUP_CYCLES,
            (false, false) => 0,
        };
        let new = self.sliced(&depths, &encoded, Role::Staging, usable_slack, buffering);
        let slices = encoded.slices.len().max(1) as u64;
        let full_run = new.run.saturating_add(new.visible_transfer);
        let mut ifm_reads = new.ifm_reads;
        if around.ifm_moves {
            // Input and weights may compete for the SRAM.
            let input = Channel::of_input(operation.kind.unit());
            let staged = |bytes: u64| config.read_cycles(bytes, Role::Staging, input).get();
            let ifm_bytes = self
                .needed_ifm()
                .elements()
                .saturating_mul(u64::from(operation.ifm.element.bytes()));
            let fit_both = ifm_bytes.saturating_add(buffers[0]).saturating_add(buffers[1]) <= limit;
            let with_ifm =
                reference.run.max(reference.weight_reads).max(staged(reference.ifm_bytes));
            let with_weights = full_run.max(new.weight_reads).max(new.ifm_reads);
            if !fit_both
                && ifm_bytes < before.memory.get()
                && with_ifm < with_weights
                && with_ifm < new.ifm_reads
            {
                return;
            }
            if fit_both {
                ifm_reads = staged(new.ifm_bytes);
            }
        }
        let old_cycles = reference.run.max(reference.weight_reads).max(ifm_reads);
        let mut new_cycles = i128::from(full_run.max(new.weight_reads).max(ifm_reads));
        if computes_longer {
            // Short waits are not counted against an operation that computes longer than it
            // reads.
            if new.visible_transfer / slices < STARTUP_CYCLES {
                new_cycles -= i128::from(new.visible_transfer);
            }
            let still_run_bound = i128::from(full_run) == new_cycles;
            if slices > 1 && still_run_bound && force_initial {
                new_cycles -= i128::from(slices * (STARTUP_CYCLES / 2));
            }
        }
        let read_once_anyway =
            refetches == 1 && full_transfer.saturating_add(new.weight_reads) > old_cycles;
        if i128::from(old_cycles) < new_cycles || read_once_anyway {
            return;
        }

        let last_buffer = match buffering {
            Buffering::Double => (encoded.slices.len().saturating_sub(1)) % 2,
            Buffering::None | Buffering::Single => 0,
        };
        plan.slack = Slack {
            cycles: new.slices.last().copied().unwrap_or_default(),
            memory: around.free - Bytes(buffers[last_buffer]),
        };
        plan.slice_cycles = new.slices;
        plan.depths = depths;
        plan.encoded = encoded;
        plan.buffering = buffering;
        plan.buffers = buffers.map(Bytes);
        plan.pre_buffered = fits_before;
    }

    /// The share of the depth that the first slice should have, so that its transfer hides.
    fn first_slice_ratio(
        &self,
        depth: u32,
        slack: u64,
        full_transfer: u64,
        half_limit: u64,
        bytes: u64,
        computes_longer: bool,
    ) -> f64 {
        let depth = f64::from(depth.max(1));
        let split = f64::from(OFM_SPLIT_DEPTH);
        let least = (split / depth).min(1.0);
        let most = (half_limit as f64 / bytes.max(1) as f64).min(1.0);
        let hidden = (slack as f64 / full_transfer.max(1) as f64).min(1.0);
        // No first slice that leaves a single small tail.
        let aligned = (hidden / least).floor() * least;
        let mut ratio = if 1.0 - aligned < least / 2.0 { 1.0 } else { hidden };
        if computes_longer && ratio > 0.5 && ratio < 1.0 {
            let half = ((depth * 0.5).floor() / split).ceil() * split;
            ratio = (half / depth).clamp(0.5, 1.0);
        }
        ratio.max(least).min(most)
    }

    /// Cuts the depth; none where slices would use too little of a block.
    fn cut(
        &self,
        encoder: &Encoder<'_, '_>,
        plan: &WeightPlan,
        ratio: f64,
        half_limit: u64,
        computes_longer: bool,
    ) -> Option<(Vec<u32>, EncodedWeights)> {
        let depth = self.operation.ofm.shape.c;
        let (mut depths, mut encoded) = (plan.depths.clone(), plan.encoded.clone());
        if ratio >= 1.0 {
            return Some((depths, encoded));
        }
        let block_depth = self.block.ofm_block.c.max(1);
        let least = self.block.depth_granule();
        let down = |value: u32, step: u32| value / step * step;
        let up = |value: u32, step: u32| value.checked_next_multiple_of(step).unwrap_or(value);
        let mut first = down((f64::from(depth) * ratio) as u32, least).max(OFM_SPLIT_DEPTH);
        let mut next = 0;
        if first < depth {
            let bytes = plan.encoded.stored();
            let part = Part {
                ofm: self.operation.ofm.shape.with_channels(first),
                position: Position::First,
                ..Part::whole(self.operation, Role::Staging)
            };
            let run = operation_cycles(self.operation, self.block, &part, self.config).total;
            let hidden =
                u64::from(depth).saturating_mul(run.get()) / plan.full_transfer.get().max(1);
            let hidden = hidden.min(u64::from(u32::MAX / 2)) as u32;
            next = up(hidden.max(OFM_SPLIT_DEPTH), block_depth);
            let next_bytes = f64::from(next) / f64::from(depth) * bytes as f64;
            if next_bytes as u64 > half_limit {
                next = (half_limit as f64 / bytes.max(1) as f64 * f64::from(depth)) as u32;
            }
        }
        while next != 0 {
            let step = if next > block_depth { block_depth } else { least };
            next = down(next, step).max(least);
            depths.clear();
            depths.push(0);
            depths.extend((first..depth).step_by(next as usize));
            depths.push(depth);
            encoded = encoder.encode(&depths);
            let smallest = first == OFM_SPLIT_DEPTH && next == least;
            if encoded.largest() <= half_limit || smallest {
                break;
            }
            // Slices that cannot get thinner leave it to the first.
            if next > first && next > least {
                next = up(next / 2, least);
            } else {
                first = up(first / 2, OFM_SPLIT_DEPTH);
            }
        }
        if depths.len() > 3 {
            let used = next as f32 / up(next, block_depth) as f32;
            if used < 0.3 && computes_longer {
                return None;
            }
        }
        Some((depths, encoded))
    }
}

/// Two buffers if they fit and there is more than one slice, else one, else none.
fn choose_buffers(encoded: &EncodedWeights, limit: u64) -> Option<(Buffering, [u64; 2])> {
    let halves = encoded.double_buffer();
    let (all, largest) = (encoded.stored(), encoded.largest());
    if halves[0].saturating_add(halves[1]) <= limit && largest < all {
        return Some((Buffering::Double, halves));
    }
    let one = all.min(largest);
    (one <= limit).then_some((Buffering::Single, [one, 0]))
}

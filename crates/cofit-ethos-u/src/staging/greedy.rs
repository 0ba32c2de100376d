//! Cascades as Vela builds them where feature maps lie in external memory.
//!
//! From the smallest stripes on, a cascade starts at the first operation whose reader does not fit
//! the SRAM with whole maps, and grows until one does or the rolling buffers no longer fit. Its
//! stripes are then made higher for as long as it fits with its weights. Last, weights get buffers
//! in what is free. Rolling buffers have Vela's sizes, which round up to what the reader takes at
//! once. Source: Vela 5.2.0, `compiler/scheduler.cpp` `ProposeMinimalSchedule`,
//! `OptimizeSubSchedule`, `ProposeScheduleStriping`, `compiler/cascade_builder.cpp`.

use std::ops::RangeInclusive;

use cofit_vocab::{Bytes, Cycles, Diagnostic};

use crate::block_search::{BlockConfig, find_block};
use crate::buffering::{Neighbourhood, Slack, WeightPlan, plan_striped, plan_weights};
use crate::cascade::stripe::{block_of, input_of};
use crate::cascade::{Cascade, Network, Rolling, Rows};
use crate::config::Config;
use crate::memory::Role;
use crate::operation::{Format, NpuOperation, Unit};
use crate::operation_cycles::{Part, operation_cycles};
use crate::schedule::encoding_of;
use crate::weight_stream::{Encoder, WeightEncoding};

/// Stripe heights that are tried of a cascade, at most.
const HEIGHTS: u32 = 1024;

/// What was decided for the operations of a network.
#[derive(Clone, Debug, Default)]
pub struct Greedy {
    /// The block of every operation.
    pub blocks: Vec<BlockConfig>,
    /// The weights of every operation.
    pub plans: Vec<WeightPlan>,
    /// The cascades.
    pub cascades: Vec<Cascade>,
}

/// A rolling buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Buffer {
    rows: u32,
    width: u32,
    bytes: u64,
}

/// Operations in stripes, a stripe height for each.
#[derive(Clone, Debug)]
struct Proposal {
    /// By position in the network.
    stripes: Vec<u32>,
    /// Bytes of weights in SRAM.
    weights: Vec<u64>,
    /// The cascades with the bytes that each needs.
    cascades: Vec<(RangeInclusive<usize>, u64)>,
}

struct Builder<'n, 'a> {
    network: &'n Network<'a>,
    config: &'n Config,
    encoding: WeightEncoding,
    limit: u64,
    /// The stage of every operation that is a stage of its own with rows.
    stage: Vec<Option<usize>>,
}

/// Plans a network whose maps lie in external memory, with `limit` of SRAM. `fixed` lists the
/// operations whose input stays where it is, `after_cpu` those that nothing stands ahead of.
///
/// # Errors
/// As [`crate::schedule()`].
pub fn plan(
    network: &Network<'_>,
    config: &Config,
    encoding: WeightEncoding,
    limit: Bytes,
    fixed: &[usize],
    after_cpu: &[usize],
) -> Result<Greedy, Box<Diagnostic>> {
    let mut stage = vec![None; network.operations.len()];
    for (at, one) in network.stages.iter().enumerate() {
        if one.operations.len() == 1 && one.rows.is_some() {
            stage[one.operations.start] = Some(at);
        }
    }
    let builder = Builder {
        network,
        config,
        encoding: encoding_of(&network.operations, encoding),
        limit: limit.get().min(1 << 30),
        stage,
    };
    let blocks = network
        .operations
        .iter()
        .enumerate()
        .map(|(at, operation)| {
            find_block(operation, config).map_err(|mut fault| {
                fault.message = format!("NPU operation {at}: {}", fault.message);
                fault
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let proposal = builder.proposal();
    builder.finish(blocks, &proposal, fixed, after_cpu)
}

impl Builder<'_, '_> {
    fn operation(&self, at: usize) -> &NpuOperation<'_> {
        &self.network.operations[at]
    }

    fn rows(&self, at: usize) -> Option<Rows> {
        self.stage[at].and_then(|stage| self.network.stages[stage].rows)
    }

    /// Whether an operation can be a member of a cascade with stripes of that height.
    fn may_cascade(&self, at: usize, stripe: u32) -> bool {
        let operation = self.operation(at);
        let has_rows = match operation.kind.unit() {
            Unit::Convolution | Unit::Depthwise | Unit::Pooling | Unit::Elementwise => true,
            Unit::ReduceSum | Unit::Transpose => false,
        };
        has_rows
            && self.rows(at).is_some()
            && operation.chained.is_empty()
            && operation.before_transpose.is_none()
            && operation.ofm.shape.n <= 1
            && stripe < operation.ofm.shape.h
    }

    /// Whether the next operation takes what this one makes, and nothing else does.
    fn follows(&self, at: usize) -> bool {
        let (Some(before), Some(here)) = (self.rows(at - 1), self.rows(at)) else { return false };
        let rolls = self.network.values.get(here.from).is_some_and(|value| value.rolls);
        let waits = self.stage[at].is_some_and(|stage| self.network.stages[stage].after_cpu);
        here.from == before.to && rolls && !waits
    }

    fn buffer(&self, reader: usize, written: u32, read: u32) -> Buffer {
        let map = &self.operation(reader - 1).ofm;
        let taken = input_of(self.operation(reader), read).h.max(1);
        let rows = (written.saturating_add(taken)).next_multiple_of(taken);
        let row = u64::from(map.shape.w)
            .saturating_mul(Format::Nhcwb16.stored_channels(map.shape.c))
            .saturating_mul(u64::from(map.element.bytes()));
        Buffer { rows, width: map.shape.w, bytes: row.saturating_mul(u64::from(rows)) }
    }

    /// Whether a result may take the place of the input.
    fn is_one_to_one(&self, at: usize) -> bool {
        let operation = self.operation(at);
        match operation.kind.unit() {
            Unit::Elementwise => true,
            Unit::Pooling => operation.kernel.size == (1, 1),
            Unit::Convolution | Unit::Depthwise | Unit::ReduceSum | Unit::Transpose => false,
        }
    }

    fn whole(&self, value: usize) -> u64 {
        self.network.values.get(value).map_or(0, |value| value.bytes.get())
    }

    /// The cascades among the operations of a range.
    fn build(
        &self,
        range: RangeInclusive<usize>,
        stripes: &[u32],
        weights: &[u64],
    ) -> Vec<(RangeInclusive<usize>, u64)> {
        let mut found = Vec::new();
        let mut first = *range.start();
        while first <= *range.end() {
            let mut best = (first, 0);
            if self.may_cascade(first, stripes[first]) {
                let mut bytes = weights[first];
                let mut before: Option<Buffer> = None;
                for at in first + 1..=*range.end() {
                    if !self.follows(at) || !self.may_cascade(at, stripes[at]) {
                        break;
                    }
                    let buffer = self.buffer(at, stripes[at - 1], stripes[at]);
                    let taken = input_of(self.operation(at - 1), stripes[at - 1]).h;
                    let reuses = self.is_one_to_one(at - 1)
                        && taken == stripes[at - 1]
                        && before == Some(buffer);
                    bytes = bytes.saturating_add(weights[at]);
                    if !reuses {
                        bytes = bytes.saturating_add(buffer.bytes);
                    }
                    let Some(Rows { from, to, .. }) = self.rows(at) else { break };
                    let (input, output) = (self.whole(from), self.whole(to));
                    let is_same = self.is_one_to_one(at) && input == output;
                    let whole = if is_same { input } else { input.saturating_add(output) };
                    if whole < self.limit || bytes > self.limit {
                        break;
                    }
                    best = (at, bytes);
                    before = Some(buffer);
                }
            }
            if best.0 > first {
                found.push((first..=best.0, best.1));
            }
            first = best.0 + 1;
        }
        found
    }

    /// Stripes and cascades for the whole network.
    fn proposal(&self) -> Proposal {
        let count = self.network.operations.len();
        let mut proposal =
            Proposal { stripes: vec![1; count], weights: vec![0; count], cascades: Vec::new() };
        for at in 0..count {
            let next = self.network.operations.get(at + 1);
            let own = self.operation(at);
            proposal.stripes[at] = if own.chained.is_empty() && own.before_transpose.is_none() {
                next.map_or(1, |next| next.kernel.stride.0.max(1))
            } else {
                own.ofm.shape.h
            };
        }
        if count == 0 {
            return proposal;
        }
        let least = self.build(0..=count - 1, &proposal.stripes, &proposal.weights);
        for (range, bytes) in least {
            match self.raised(&range, bytes, &proposal) {
                Some(raised) => {
                    let own = range.clone();
                    proposal.stripes[own].copy_from_slice(&raised.stripes[range.clone()]);
                    proposal.weights[range.clone()].copy_from_slice(&raised.weights[range]);
                    proposal.cascades.extend(raised.cascades);
                }
                None => proposal.cascades.push((range, bytes)),
            }
        }
        proposal
    }

    /// A cascade with stripes as high as fit; none where the smallest are the best.
    fn raised(
        &self,
        range: &RangeInclusive<usize>,
        rolling: u64,
        least: &Proposal,
    ) -> Option<Proposal> {
        let count = self.network.operations.len();
        let buffered = self.buffered(range, rolling, &least.stripes);
        let rows = self.operation(*range.end()).ofm.shape.h;
        let mut best = None;
        let mut most = 0;
        let heights = least.stripes[*range.end()].saturating_add(1)..=rows.div_ceil(2);
        // Every height, unless the map is so high that this would take long.
        for height in heights.step_by(rows.div_ceil(HEIGHTS).max(1) as usize) {
            let mut stripes = least.stripes.clone();
            let mut weights = vec![0; count];
            let mut stripe = height;
            for at in range.clone().rev() {
                stripes[at] = stripe;
                if buffered[at - range.start()] {
                    weights[at] = self.encoded(at, stripe);
                }
                stripe = stripe.saturating_mul(self.operation(at).kernel.stride.0.max(1));
            }
            let cascades = self.build(range.clone(), &stripes, &weights);
            if most == 0 {
                most = cascades.len();
            }
            let fits = range.clone().all(|at| self.fits(at, &cascades, weights[at]));
            if !fits || cascades.len() > most {
                break;
            }
            let is_done = cascades.is_empty();
            best = Some(Proposal { stripes, weights, cascades });
            if is_done {
                break;
            }
        }
        best
    }

    /// Whether an operation fits the SRAM, with its cascade or by itself with whole maps.
    fn fits(&self, at: usize, cascades: &[(RangeInclusive<usize>, u64)], weights: u64) -> bool {
        if let Some((_, bytes)) = cascades.iter().find(|(range, _)| range.contains(&at)) {
            return *bytes <= self.limit;
        }
        let operation = self.operation(at);
        let bytes = |map: &crate::operation::FeatureMap| {
            map.shape
                .area()
                .saturating_mul(map.format.stored_channels(map.shape.c))
                .saturating_mul(u64::from(map.element.bytes()))
        };
        let maps = [Some(&operation.ifm), operation.ifm2.as_ref(), Some(&operation.ofm)];
        let maps = maps.into_iter().flatten().map(bytes).fold(weights, u64::saturating_add);
        maps <= self.limit
    }

    /// Encoded bytes of all weights with the block of a stripe.
    fn encoded(&self, at: usize, stripe: u32) -> u64 {
        let operation = self.operation(at);
        let Some(block) = block_of(operation, stripe, self.config) else { return 0 };
        let encoder = Encoder::new(operation, &block, self.encoding, self.config);
        encoder
            .ok()
            .flatten()
            .map_or(0, |encoder| encoder.encode(&[0, operation.computed().c]).stored())
    }

    /// Which members of a cascade would have their weights in SRAM with the smallest stripes.
    fn buffered(&self, range: &RangeInclusive<usize>, rolling: u64, stripes: &[u32]) -> Vec<bool> {
        let mut used = rolling;
        let mut before = range.start().checked_sub(1).and_then(|at| {
            let block = find_block(self.operation(at), self.config).ok()?;
            let memory = Bytes(self.limit);
            Some(Slack { cycles: self.run(at, &block), memory })
        });
        let mut all = Vec::new();
        for at in range.clone() {
            let free = Bytes(self.limit.saturating_sub(used));
            let block = block_of(self.operation(at), stripes[at], self.config);
            let plan = block.and_then(|block| {
                let around = Neighbourhood { before, free, ifm_moves: false };
                self.striped(at, &block, stripes[at], &around, at == *range.start())
            });
            let Some(plan) = plan else {
                all.push(false);
                continue;
            };
            used = used.saturating_add(plan.buffers[0].get());
            all.push(!plan.buffers[0].is_zero());
            before = Some(plan.slack);
        }
        all
    }

    fn run(&self, at: usize, block: &BlockConfig) -> Cycles {
        let operation = self.operation(at);
        let whole = Part::whole(operation, Role::Constants);
        operation_cycles(operation, block, &whole, self.config).total
    }

    fn striped(
        &self,
        at: usize,
        block: &BlockConfig,
        stripe: u32,
        around: &Neighbourhood,
        is_first: bool,
    ) -> Option<WeightPlan> {
        let operation = self.operation(at);
        let encoder = Encoder::new(operation, block, self.encoding, self.config).ok()?;
        let mut part = operation.clone();
        part.ifm.shape = input_of(operation, stripe);
        part.ofm.shape.h = stripe.min(operation.ofm.shape.h);
        Some(plan_striped(operation, &part, block, encoder.as_ref(), around, is_first, self.config))
    }

    /// Blocks, weights and rolling buffers of a proposal.
    fn finish(
        &self,
        mut blocks: Vec<BlockConfig>,
        proposal: &Proposal,
        fixed: &[usize],
        after_cpu: &[usize],
    ) -> Result<Greedy, Box<Diagnostic>> {
        let mut plans = Vec::with_capacity(blocks.len());
        let mut before: Option<Slack> = None;
        let mut held = 0u64;
        for (at, own_block) in blocks.iter_mut().enumerate() {
            if after_cpu.binary_search(&at).is_ok() {
                before = None;
            }
            let cascade = proposal.cascades.iter().find(|(range, _)| range.contains(&at));
            let striped = cascade.and_then(|(range, bytes)| {
                let block = block_of(self.operation(at), proposal.stripes[at], self.config)?;
                if at == *range.start() {
                    held = proposal.weights[range.clone()].iter().sum();
                }
                let own: u64 = proposal.weights[range.clone()].iter().sum();
                let rolling = bytes.saturating_sub(own);
                let others = held.saturating_sub(proposal.weights[at]);
                let used = others.saturating_add(rolling);
                let free = Bytes(self.limit.saturating_sub(used));
                let around = Neighbourhood { before, free, ifm_moves: false };
                let is_first = at == *range.start();
                let plan = self.striped(at, &block, proposal.stripes[at], &around, is_first)?;
                held = held.saturating_add(plan.buffers[0].get());
                Some((block, plan))
            });
            let plan = match striped {
                Some((block, plan)) => {
                    *own_block = block;
                    plan
                }
                None => {
                    let operation = self.operation(at);
                    let encoder = Encoder::new(operation, own_block, self.encoding, self.config)?;
                    let around = Neighbourhood {
                        before,
                        free: Bytes(self.limit),
                        ifm_moves: fixed.binary_search(&at).is_err(),
                    };
                    plan_weights(operation, own_block, encoder.as_ref(), &around, self.config)
                }
            };
            before = Some(plan.slack);
            plans.push(plan);
        }
        let cascades =
            proposal.cascades.iter().filter_map(|(range, _)| self.cascade(range, proposal));
        Ok(Greedy { blocks, plans, cascades: cascades.collect() })
    }

    fn cascade(&self, range: &RangeInclusive<usize>, proposal: &Proposal) -> Option<Cascade> {
        let (first, last) = (self.stage[*range.start()]?, self.stage[*range.end()]?);
        let rolling = (range.start() + 1..=*range.end()).map(|at| {
            let value = self.rows(at)?.from;
            let buffer = self.buffer(at, proposal.stripes[at - 1], proposal.stripes[at]);
            Some(Rolling { value, rows: buffer.rows, bytes: Bytes(buffer.bytes) })
        });
        Some(Cascade {
            first,
            last,
            stripes: proposal.stripes[range.clone()].to_vec(),
            rolling: rolling.collect::<Option<Vec<_>>>()?,
        })
    }
}

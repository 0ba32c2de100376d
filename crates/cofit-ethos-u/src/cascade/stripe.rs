//! An operation that makes its output in stripes: its block, and its weights in flash or in SRAM.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use cofit_vocab::{Bytes, Cycles, Diagnostic};

use crate::block_search::{BlockConfig, find_block};
use crate::buffering::{Buffering, Slack, WeightPlan};
use crate::config::Config;
use crate::memory::Role;
use crate::operation::{NpuOperation, Shape, Unit};
use crate::operation_cycles::{Part, Position, operation_cycles};
use crate::schedule::Timing;
use crate::traversal::Traversal;
use crate::weight_stream::{EncodedWeights, Encoder, WeightEncoding};

/// An operation in stripes of one height.
#[derive(Clone, Debug)]
pub struct Striped {
    /// The block of a stripe.
    pub block: BlockConfig,
    /// Weights read in place; what an operation without weights has.
    pub in_place: Choice,
    /// Weights in SRAM for as long as the cascade lasts, copied when the operation starts and
    /// copied under the stage before; none where they lie there anyway.
    pub resident: Option<[Choice; 2]>,
}

/// A way to get at the weights, and what it takes.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The weights.
    pub plan: WeightPlan,
    /// The cycles.
    pub timing: Timing,
}

impl Choice {
    /// SRAM for the weights.
    pub fn bytes(&self) -> Bytes {
        self.plan.buffers[0] + self.plan.buffers[1]
    }
}

/// The stripes of a network's operations, each worked out once.
#[derive(Debug)]
pub struct Stripes<'n, 'a> {
    operations: &'n [NpuOperation<'a>],
    config: &'n Config,
    encoding: WeightEncoding,
    encoders: RefCell<Encoders<'n, 'a>>,
    known: RefCell<Known>,
}

/// Stripes by operation and height.
type Known = BTreeMap<(usize, u32), Option<Rc<Striped>>>;

/// Encoders by operation and what the order of its weights depends on.
type Encoders<'n, 'a> = BTreeMap<(usize, u32, u8), Option<Rc<Encoder<'n, 'a>>>>;

impl<'n, 'a> Stripes<'n, 'a> {
    /// Nothing worked out yet.
    pub fn new(
        operations: &'n [NpuOperation<'a>],
        config: &'n Config,
        encoding: WeightEncoding,
    ) -> Self {
        Self {
            operations,
            config,
            encoding,
            encoders: RefCell::default(),
            known: RefCell::default(),
        }
    }

    /// The encoder of an operation's weights, if it has any.
    ///
    /// # Errors
    /// As [`Encoder::new`].
    pub fn encoder(
        &self,
        operation: usize,
        block: &BlockConfig,
    ) -> Result<Option<Rc<Encoder<'n, 'a>>>, Box<Diagnostic>> {
        let traversal = match block.traversal {
            Traversal::DepthFirst => 0,
            Traversal::PartKernel => 1,
            Traversal::Depthwise => 2,
        };
        let key = (operation, block.ofm_block.c, traversal);
        if let Some(known) = self.encoders.borrow().get(&key) {
            return Ok(known.clone());
        }
        let made = Encoder::new(&self.operations[operation], block, self.encoding, self.config)?
            .map(Rc::new);
        self.encoders.borrow_mut().insert(key, made.clone());
        Ok(made)
    }

    /// An operation in stripes of `height` rows; none where no block suits them.
    pub fn striped(&self, operation: usize, height: u32) -> Option<Rc<Striped>> {
        if let Some(known) = self.known.borrow().get(&(operation, height)) {
            return known.clone();
        }
        let made = self.make(operation, height).map(Rc::new);
        self.known.borrow_mut().insert((operation, height), made.clone());
        made
    }

    /// The best of the block that the search likes and of one that divides the stripe.
    fn make(&self, at: usize, height: u32) -> Option<Striped> {
        let operation = self.operations.get(at)?;
        let liked = block_of(operation, height, self.config)?;
        let dividing = dividing_block(operation, height, &liked, self.config);
        [Some(liked), dividing]
            .into_iter()
            .flatten()
            .filter_map(|block| self.with_block(at, height, block))
            .min_by_key(|striped| striped.in_place.timing.total(Cycles::ZERO))
    }

    fn with_block(&self, at: usize, height: u32, block: BlockConfig) -> Option<Striped> {
        let (operation, config) = (self.operations.get(at)?, self.config);
        let encoder = self.encoder(at, &block).ok()?;
        let depths = vec![0, operation.ofm.shape.c];
        let encoded: EncodedWeights =
            encoder.as_ref().map(|encoder| encoder.encode(&depths)).unwrap_or_default();
        let stored = encoded.stored();
        let memories = &config.memories;
        let charged = charged(operation, height, &block);
        let whole = Part::whole(&charged, Role::Constants);
        let run = operation_cycles(&charged, &block, &whole, config).total;
        let stripe = self.stripe_cycles(operation, &block, height);
        let choice = |plan: WeightPlan| {
            let timing = Timing::of(&charged, &block, &plan, config);
            Choice { plan, timing }
        };
        let in_place = WeightPlan {
            depths,
            full_transfer: config.copy_cycles(stored, Role::Staging, Role::Constants),
            encoded,
            slice_cycles: vec![run],
            slack: Slack { cycles: run, memory: Bytes::ZERO },
            ..WeightPlan::default()
        };
        let is_apart = memories.mode.port(Role::Constants) != memories.mode.port(Role::Staging);
        let resident = (encoder.is_some() && is_apart && stored > 0).then(|| {
            [false, true].map(|pre_buffered| {
                choice(WeightPlan {
                    buffering: Buffering::Single,
                    pre_buffered,
                    buffers: [Bytes(stored), Bytes::ZERO],
                    slice_cycles: vec![stripe],
                    // What Vela leaves to the next operation: one stripe, not all of them.
                    slack: Slack { cycles: stripe, memory: Bytes::ZERO },
                    ..in_place.clone()
                })
            })
        });
        Some(Striped { block, in_place: choice(in_place), resident })
    }

    /// Cycles of one stripe, weights being in SRAM.
    fn stripe_cycles(
        &self,
        operation: &NpuOperation<'_>,
        block: &BlockConfig,
        height: u32,
    ) -> Cycles {
        let part = Part {
            ifm: input_of(operation, height),
            ofm: Shape { n: 1, h: height.min(operation.ofm.shape.h), ..operation.ofm.shape },
            scales_from: Role::Staging,
            position: Position::Only,
        };
        operation_cycles(operation, block, &part, self.config).total
    }
}

/// The input of a stripe of `height` rows, which does not exceed that of the operation.
/// Source: Vela 5.2.0, `compiler/scheduler.cpp` `GetStripeInputRequirement`.
pub(crate) fn input_of(operation: &NpuOperation<'_>, height: u32) -> Shape {
    let (ifm, kernel) = (operation.ifm.shape, &operation.kernel);
    let rows = height.saturating_sub(1).saturating_mul(kernel.stride.0);
    Shape { h: rows.saturating_add(kernel.dilated().0).min(ifm.h), ..ifm }
}

/// The block that the block search likes best for stripes of `height` rows, if any fits.
pub fn block_of(operation: &NpuOperation<'_>, height: u32, config: &Config) -> Option<BlockConfig> {
    let mut stripe = operation.clone();
    stripe.ifm.shape = input_of(operation, height);
    stripe.ofm.shape.h = height;
    if let Some(ifm2) = &mut stripe.ifm2 {
        ifm2.shape.h = ifm2.shape.h.min(stripe.ifm.shape.h);
    }
    find_block(&stripe, config).ok()
}

/// Whether stripes of `height` rows are whole blocks.
const fn divides(block: &BlockConfig, height: u32) -> bool {
    let of = block.ofm_block.h;
    of > 0 && height.is_multiple_of(of)
}

/// The highest block lower than `liked` that divides the stripe, where that does not.
fn dividing_block(
    operation: &NpuOperation<'_>,
    height: u32,
    liked: &BlockConfig,
    config: &Config,
) -> Option<BlockConfig> {
    if divides(liked, height) {
        return None;
    }
    (1..liked.ofm_block.h)
        .rev()
        .filter(|piece| height.is_multiple_of(*piece))
        .filter_map(|piece| block_of(operation, piece, config))
        .find(|block| divides(block, height))
}

/// The operation with as many rows as its stripes take in whole blocks: what is charged. The
/// elementwise unit works on elements and wastes no part of a block.
fn charged<'a>(operation: &NpuOperation<'a>, height: u32, block: &BlockConfig) -> NpuOperation<'a> {
    let mut charged = operation.clone();
    let is_elementwise = operation.kind.unit() == Unit::Elementwise;
    if divides(block, height) || height == 0 || is_elementwise {
        return charged;
    }
    let rows = operation.ofm.shape.h;
    let of = block.ofm_block.h.max(1);
    let whole = |rows: u32| u64::from(rows.div_ceil(of)) * u64::from(of);
    let all = u64::from(rows / height).saturating_mul(whole(height)) + whole(rows % height);
    charged.ofm.shape.h = u32::try_from(all).unwrap_or(u32::MAX);
    charged
}

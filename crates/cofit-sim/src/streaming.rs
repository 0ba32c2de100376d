//! What the steps of a plan cost when they run piece by piece.
//!
//! A kernel that computes one row reads its weights for that row, and is called once a row. So calls
//! and weights count as often as there are pieces, while arithmetic and activations grow only with what
//! is computed twice. Pieces that are channels share the weights out among each other: calls count as
//! often as there are pieces, weights once. Only processors with a kernel library are asked that way: accelerators cut their
//! layers by rules of their own.

use cofit_chip::{Chip, Content, Memory, Timing};
use cofit_compile::plan::{MemoryId, Placement, Plan, StepId};
use cofit_vocab::{Bytes, Cycles, Macs};

use crate::causes::Causes;
use crate::timing::{StepView, Whereabouts, processor};
use crate::work::Access;

/// How a step is run in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Multiply-accumulates, those made twice included.
    pub macs: Macs,
    /// Pixels computed, those computed twice included.
    pub pixels: u64,
    /// Pixels that the step has.
    pub all_pixels: u64,
    /// Calls of the kernel.
    pub calls: u64,
    /// Times that the step's weights are read from end to end.
    pub weight_reads: u64,
}

/// The steps of a plan on processors, ready to be asked for their cost in pieces.
pub struct PieceCosts<'a> {
    plan: &'a Plan,
    chip: &'a Chip,
    places: Whereabouts,
}

impl<'a> PieceCosts<'a> {
    /// The steps of a plan.
    ///
    /// # Errors
    /// The reason, where a step runs on an engine that is not asked by pieces.
    pub fn of(plan: &'a Plan, chip: &'a Chip) -> Result<Self, String> {
        for step in plan.steps.values().filter(|step| step.placement != Placement::View) {
            let engine = chip.engines.get(step.engine.as_u32() as usize);
            match engine.map(|engine| (&engine.timing, &engine.id)) {
                Some((Timing::Simd(_), _)) => {}
                Some((
                    Timing::EdgeTpu(_)
                    | Timing::EthosU(_)
                    | Timing::Max7800x(_)
                    | Timing::KpuK210(_)
                    | Timing::Ne16(_)
                    | Timing::MacArray(_),
                    id,
                )) => {
                    return Err(format!("{id} cuts its layers by rules of its own"));
                }
                Some((Timing::Roofline(_), id)) => {
                    return Err(format!("what a call of a kernel costs on {id} is not known"));
                }
                None => return Err("the chip has no engine".to_owned()),
            }
        }
        Ok(Self { plan, chip, places: Whereabouts::of(plan, chip) })
    }

    /// The memory for an arena of so many bytes: the first of those that the first engine's activations
    /// may lie in, in the card's order, that has room for it beside what the plan keeps there. Where
    /// none has, the first.
    pub fn home(&self, arena: Bytes) -> Option<MemoryId> {
        let engine = self.plan.steps.values().find(|step| step.placement != Placement::View)?;
        let engine = self.chip.engines.get(engine.engine.as_u32() as usize)?;
        let wanted = self.chip.memories_of(engine, Content::Activation);
        let mut homes = wanted.iter().filter_map(|wanted| {
            let at = self.chip.memories.iter().position(|memory| memory.id == wanted.id)?;
            Some((MemoryId::from_u32(u32::try_from(at).ok()?), *wanted))
        });
        let first = homes.clone().next().map(|(id, _)| id);
        let fits = |(id, memory): &(MemoryId, &Memory)| {
            let used = &self.plan.memories[*id];
            let others = used.runtime + used.constants + used.code;
            arena <= memory.largest_block()
                && used.available.is_none_or(|available| arena + others <= available)
        };
        homes.find(fits).map(|(id, _)| id).or(first)
    }

    /// Cycles of a step run in pieces with its activations in `memory`, by cause, in cycles of its
    /// engine's own clock.
    pub fn cost(&self, step: StepId, share: Share, memory: Option<MemoryId>) -> Causes {
        let view = StepView::new(self.plan, self.chip, step, &self.places);
        let Timing::Simd(timing) = &view.engine.timing else { return Causes::ZERO };
        if view.step.placement == Placement::View {
            return Causes::ZERO;
        }
        let mut work = view.work();
        let scaled = |amount: u64| {
            let all = u128::from(share.all_pixels.max(1));
            u64::try_from(u128::from(amount) * u128::from(share.pixels) / all).unwrap_or(u64::MAX)
        };
        work.macs = share.macs;
        work.inputs = scaled(work.inputs);
        work.outputs = scaled(work.outputs);
        work.weights = work.weights.saturating_mul(share.weight_reads);
        for traffic in &mut work.traffic {
            traffic.bytes = match traffic.access {
                Access::WeightRead => Bytes(traffic.bytes.get().saturating_mul(share.weight_reads)),
                Access::Read | Access::Write => {
                    if let Some(memory) = memory {
                        traffic.memory = memory.as_u32() as usize;
                    }
                    Bytes(scaled(traffic.bytes.get()))
                }
            };
        }
        processor::cost(&view, timing, &work, share.calls).unwrap_or(Causes::ZERO)
    }

    /// Cycles that one inference costs beside its steps.
    pub fn per_inference(&self) -> Cycles {
        match self.chip.engines.first().map(|engine| &engine.timing) {
            Some(Timing::Simd(timing)) => Cycles::ceil_from(timing.per_inference.value),
            Some(_) | None => Cycles::ZERO,
        }
    }
}

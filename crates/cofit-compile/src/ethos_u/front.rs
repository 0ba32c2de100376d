//! What every amount of SRAM gets on an Ethos-U: the front of bytes against cycles.
//!
//! The chip's passes run once up to the schedule; the search then works for any limit, and each point
//! that is asked for runs through the passes behind, so that it is a plan like any other.

use cofit_chip::Chip;
use cofit_ethos_u::WeightEncoding;
use cofit_ethos_u::cascade::search::Search;
use cofit_ir::Model;
use cofit_vocab::{Bytes, Cycles, Diagnostics};

use crate::passes::{Npu, around_ethos_u, prepare};
use crate::pipeline::{context, run};
use crate::plan::Plan;
use crate::verify::verify;

/// A schedule, laid out.
#[derive(Clone, Debug)]
pub struct Point {
    /// Height of the packed feature maps, rolling buffers and weight buffers in the arena's memory.
    pub bytes: Bytes,
    /// Cycles of the NPU, by Vela's formulas for this schedule.
    pub cycles: Cycles,
    /// The plan with every buffer's address. It carries refusals where the chip's own memory is
    /// smaller than the point.
    pub plan: Plan,
}

/// The schedules of a model on an Ethos-U of which none is beaten in bytes and cycles at once.
#[derive(Clone, Debug, Default)]
pub struct Front {
    /// From the fewest cycles to the fewest bytes.
    pub points: Vec<Point>,
    /// Breaches of the plans' own rules: mistakes of cofit.
    pub mistakes: Diagnostics,
}

/// The front of a model on a chip, whatever the size of the chip's memory; empty where the chip has
/// no Ethos-U, or the NPU runs nothing.
///
/// `most` bounds the number of points that are laid out; where the search finds more, they are taken
/// evenly from its list, the ends included. `encoding` says how weights are sized.
pub fn front(model: &Model, chip: &Chip, encoding: WeightEncoding, most: usize) -> Front {
    let Some(base) = Base::of(model, chip) else { return Front::default() };
    let network = base.npu.network(&base.plan, &base.context());
    let Ok(search) = Search::new(&network, base.npu.config(), encoding) else {
        return Front::default();
    };
    let found = search.front();
    let count = found.len().min(most.max(1));
    let mut front = Front::default();
    for at in 0..count {
        let chosen = if count < 2 { 0 } else { at * (found.len() - 1) / (count - 1) };
        front.lay_out(&base, found[chosen].schedule.clone());
    }
    front.points.sort_by_key(|point| (point.cycles, point.bytes));
    let mut least = Bytes::MAX;
    front.points.retain(|point| {
        let better = point.bytes < least;
        least = least.min(point.bytes);
        better
    });
    front
}

/// The laid out schedule of fewest cycles in each of `limits`; none where none was found. Breaches
/// of the plans' own rules come beside.
pub fn within(
    model: &Model,
    chip: &Chip,
    encoding: WeightEncoding,
    limits: &[Bytes],
) -> (Vec<Option<Point>>, Diagnostics) {
    let mut mistakes = Diagnostics::new();
    let none = vec![None; limits.len()];
    let Some(base) = Base::of(model, chip) else { return (none, mistakes) };
    let network = base.npu.network(&base.plan, &base.context());
    let Ok(search) = Search::new(&network, base.npu.config(), encoding) else {
        return (none, mistakes);
    };
    let points = limits.iter().map(|&limit| base.within(&search, limit, &mut mistakes)).collect();
    (points, mistakes)
}

impl Front {
    /// Adds a schedule with a layout.
    fn lay_out(&mut self, base: &Base<'_>, schedule: cofit_ethos_u::Schedule) {
        let cycles = schedule.total;
        let mut plan = base.plan.clone();
        base.npu.apply(&mut plan, schedule);
        run(around_ethos_u().1, &mut plan, &base.context(), &mut ());
        self.mistakes.extend(verify(&plan).into_vec());
        let bytes = base.npu.arena_bytes(&plan, &base.context());
        self.points.push(Point { bytes, cycles, plan });
    }
}

/// A plan up to the point where the Ethos-U is scheduled.
struct Base<'a> {
    chip: &'a Chip,
    model: &'a Model,
    npu: Npu,
    plan: Plan,
}

impl<'a> Base<'a> {
    fn of(model: &'a Model, chip: &'a Chip) -> Option<Self> {
        let graph = model.main()?;
        let context = context(graph, chip);
        let mut plan = Plan::new(graph.clone());
        run(around_ethos_u().0, &mut plan, &context, &mut ());
        let npu = prepare(&mut plan, &context)?;
        (!npu.is_idle()).then_some(Self { chip, model, npu, plan })
    }

    /// The schedule of fewest cycles whose layout fits `limit`.
    fn within(
        &self,
        search: &Search<'_, '_>,
        limit: Bytes,
        mistakes: &mut Diagnostics,
    ) -> Option<Point> {
        /// Layouts that are tried. The bytes alive at once are nearly always enough.
        const TRIALS: usize = 16;
        let mut target = limit;
        for _ in 0..TRIALS {
            let found = search.within(target)?;
            let mut front = Front::default();
            front.lay_out(self, found.schedule);
            let point = front.points.pop()?;
            if point.bytes <= limit {
                mistakes.extend(front.mistakes.into_vec());
                return Some(point);
            }
            target = found.bytes.min(target) - Bytes(16);
        }
        None
    }

    fn context(&self) -> crate::context::Context<'a> {
        context(self.model.main().unwrap_or(&self.plan.graph), self.chip)
    }
}

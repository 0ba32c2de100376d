//! What a report is about, and how it is to look.

use cofit_chip::{Assumption, Chip, Domain};
use cofit_compile::plan::{MemoryId, Placement};
use cofit_explore::Evaluation;
use cofit_ir::Model;
use cranelift_entity::EntityRef;

/// A model on a chip with everything known about the pair.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The model as the user wrote it.
    pub model: &'a Model,
    /// The chip, for one runtime and one operating point.
    pub chip: &'a Chip,
    /// Plan, profile and verdict.
    pub evaluation: &'a Evaluation,
}

impl<'a> Subject<'a> {
    /// What the result rests on that nobody stated: assumptions about engines, memories and clocks
    /// that the plan does not use are left out.
    pub fn assumptions(&self) -> impl Iterator<Item = &'a Assumption> {
        let (chip, plan) = (self.chip, &self.evaluation.plan);
        let profile = &self.evaluation.profile;
        let is_engine_used = move |at: usize| {
            plan.steps
                .values()
                .any(|step| step.placement != Placement::View && step.engine.index() == at)
        };
        let is_memory_used = move |at: usize| {
            let id = MemoryId::new(at);
            let moved = profile.traffic.get(id).is_some_and(|moved| !moved.total().is_zero());
            moved || plan.memories.get(id).is_some_and(|used| !used.need().is_zero())
        };
        let is_domain_used = move |domain: Domain| {
            let engines = chip.engines.iter().enumerate();
            let mut used = engines.filter(|(at, _)| is_engine_used(*at));
            used.any(|(_, engine)| engine.clock_domain() == domain)
        };
        // A pair of widths stands in messages by its position.
        let is_pair_used = move |id: &str, pair: &str| {
            let Some(at) = chip.engines.iter().position(|engine| engine.id == id) else {
                return true;
            };
            let pair: Option<usize> = pair.parse().ok();
            let Some(pair) = pair.and_then(|pair| chip.engines[at].precision.get(pair)) else {
                return true;
            };
            plan.steps.values().any(|step| {
                step.engine.index() == at
                    && step.precision.weight_bits == Some(pair.weight_bits)
                    && step.precision.activation_bits == pair.activation_bits
            })
        };
        chip.assumptions.iter().filter(move |assumption| {
            let words: Vec<&str> = assumption.key.split('.').collect();
            match words.as_slice() {
                ["engine", id, "precision", pair, ..] => is_pair_used(id, pair),
                ["engine", id, ..] => {
                    let at = chip.engines.iter().position(|engine| engine.id == *id);
                    at.is_none_or(is_engine_used)
                }
                ["memory", id, ..] => {
                    let at = chip.memories.iter().position(|memory| memory.id == *id);
                    at.is_none_or(is_memory_used)
                }
                ["operating_point", _, "cpu"] => is_domain_used(Domain::Cpu),
                ["operating_point", _, "npu"] => is_domain_used(Domain::Npu),
                _ => true,
            }
        })
    }
}

/// How a text is to look.
#[derive(Clone, Copy, Debug)]
pub struct Rendering {
    /// Characters in a line.
    pub width: usize,
    /// Whether bars are drawn beside tables: a person looks, and no program reads.
    pub has_bars: bool,
    /// Whether colours are shown.
    pub has_colour: bool,
    /// Whether characters beyond ASCII may be drawn.
    pub is_unicode: bool,
}

impl Rendering {
    /// Tables alone, as a program reads them.
    pub const fn plain(width: usize) -> Self {
        Self { width, has_bars: false, has_colour: false, is_unicode: false }
    }
}

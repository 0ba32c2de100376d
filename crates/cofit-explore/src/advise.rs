//! Suggestions, each applied and simulated.
//!
//! A suggestion is made by a file of `model/`, `plan/` or `target/` as a [`Candidate`]: a changed
//! model, another way to run it, or another target. [`advise`] verifies what was changed, compiles
//! and simulates it through [`evaluate`], and keeps those that help: that make a figure better by a
//! hundredth or more or a violated constraint less so, and that no other of their kind makes needless.
//! [`until_fits`] looks for the cheapest row of suggestions after which a model fits.
//!
//! Nothing here knows accuracy. What a suggestion leaves as it was is said by [`Keeps`].

mod chain;
mod channels;
mod edit;
mod figures;
mod kind;
mod model;
mod plan;
mod random;
mod target;

use std::collections::BTreeSet;

use cofit_chip::{Card, Chip, Selection};
use cofit_ir::verify::Verified;
use cofit_vocab::{Bytes, Diagnostics};

use crate::{Budget, Evaluation, evaluate};

pub use chain::{Chain, Ending, until_fits};
pub use figures::Figures;
pub use kind::{Group, Keeps, Kind, Weights};
pub use random::with_random_values;

/// A model on a target, with what is known of the pair: what suggestions are made about.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The model.
    pub model: Verified,
    /// The card that the chip is of.
    pub card: Card,
    /// What is chosen of the card.
    pub selection: Selection,
    /// The chip.
    pub chip: Chip,
    /// Limits beside the chip's.
    pub budget: Budget,
    /// The model on the chip.
    pub evaluation: Evaluation,
}

impl Setting {
    /// Evaluates a model on a target. `chip` is what `card` becomes by `selection`.
    ///
    /// # Errors
    /// A plan that breaks its own rules, which is a mistake of cofit.
    pub fn new(
        model: Verified,
        card: Card,
        selection: Selection,
        chip: Chip,
        budget: Budget,
    ) -> Result<Self, Diagnostics> {
        let evaluation = evaluate(&model, &chip, &budget)?;
        Ok(Self { model, card, selection, chip, budget, evaluation })
    }

    /// The figures that suggestions are weighed by.
    pub fn figures(&self) -> Figures {
        Figures::of(&self.evaluation, &self.chip)
    }
}

/// What applying a suggestion changes.
#[derive(Clone, Debug)]
pub enum Edit {
    /// The model.
    Model(Verified),
    /// What runs it: a card and what is chosen of it.
    Target(Box<(Card, Selection, Chip)>),
    /// How the chip runs it, by other rules than its runtime's.
    Policy(Box<Chip>),
    /// The way in which it streams below the tensor, which no listed runtime does: the arena in
    /// place of the activations, and the cycles where they are known.
    Stream {
        /// Bytes of the arena.
        arena: Bytes,
        /// Cycles of one inference.
        cycles: Option<u64>,
    },
}

/// A suggestion that has not been tried.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its kind.
    pub kind: Kind,
    /// Where: a layer's name, or `the network`.
    pub place: String,
    /// What becomes what, in a phrase.
    pub change: String,
    /// What it leaves as it was.
    pub keeps: Keeps,
    /// What a user has to know beside.
    pub notes: Vec<String>,
    /// The change.
    pub edit: Edit,
}

/// A suggestion that was applied and helps.
#[derive(Clone, Debug)]
pub struct Suggestion {
    /// What was tried.
    pub candidate: Candidate,
    /// The figures after it.
    pub after: Figures,
    /// The pair after it, from which the next suggestion goes on; `None` for what no plan says.
    pub setting: Option<Box<Setting>>,
}

impl Suggestion {
    /// What choosing it costs beyond the figures.
    pub const fn cost(&self) -> u32 {
        self.candidate.keeps.cost(self.candidate.kind.group())
    }
}

/// What may be tried.
#[derive(Clone, Debug)]
pub struct Options {
    /// The kinds of suggestions; all if empty.
    pub only: BTreeSet<Kind>,
    /// Most evaluations.
    pub most_evaluations: usize,
}

impl Options {
    /// Evaluations that are enough for every kind on every site of a network for microcontrollers.
    pub const STANDARD: usize = 600;

    /// Whether suggestions of a kind are asked for.
    pub fn wants(&self, kind: Kind) -> bool {
        self.only.is_empty() || self.only.contains(&kind)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { only: BTreeSet::new(), most_evaluations: Self::STANDARD }
    }
}

/// What came of asking for advice.
#[derive(Clone, Debug)]
pub struct Advice {
    /// The figures before.
    pub before: Figures,
    /// Suggestions that help, the most helpful first.
    pub suggestions: Vec<Suggestion>,
    /// Candidates that were tried.
    pub tried: usize,
    /// Candidates that the bound on evaluations left untried.
    pub untried: usize,
    /// Changes that the network does not bear, each with the reason.
    pub refused: Vec<(Kind, String)>,
}

/// Candidates, and changes that were looked at and cannot be made.
#[derive(Default)]
pub(crate) struct Found {
    candidates: Vec<Candidate>,
    refused: Vec<(Kind, String)>,
}

impl Found {
    /// Adds a changed model, or why it cannot be changed so.
    fn model(&mut self, kind: Kind, changed: Result<Option<Candidate>, String>) {
        match changed {
            Ok(candidate) => self.candidates.extend(candidate),
            Err(reason) => self.refuse(kind, reason),
        }
    }

    /// Adds the chip run by other rules than its runtime's.
    fn policy(&mut self, kind: Kind, change: &str, note: &str, chip: Chip) {
        self.candidates.push(Candidate {
            kind,
            place: chip.runtime.id.clone(),
            change: change.to_owned(),
            keeps: Keeps::Bits,
            notes: vec![note.to_owned()],
            edit: Edit::Policy(Box::new(chip)),
        });
    }

    /// Adds another target, unless the card refuses it.
    fn target(
        &mut self,
        kind: Kind,
        (place, change): (String, String),
        keeps: Keeps,
        card: &Card,
        selection: Selection,
    ) {
        match card.resolve(&selection) {
            Ok(chip) => self.candidates.push(Candidate {
                kind,
                place,
                change,
                keeps,
                notes: Vec::new(),
                edit: Edit::Target(Box::new((card.clone(), selection, chip))),
            }),
            Err(_) => self.refuse(kind, format!("the card does not resolve with {change}")),
        }
    }

    fn refuse(&mut self, kind: Kind, reason: String) {
        if !self.refused.contains(&(kind, reason.clone())) {
            self.refused.push((kind, reason));
        }
    }
}

/// Everything that may be tried on a setting, kind by kind.
fn candidates(setting: &Setting, kind: Kind, found: &mut Found) {
    match kind {
        Kind::FoldBatchNormalization => model::fold_batch_normalization::find(setting, found),
        Kind::StackDepthwise => model::stack_depthwise::find(setting, found),
        Kind::SeparateConvolution => model::separate_convolution::find(setting, found),
        Kind::ChannelMultiple => model::channel_multiple::find(setting, found),
        Kind::SupportedActivation => model::supported_activation::find(setting, found),
        Kind::LowerResolution => model::lower_resolution::find(setting, found),
        Kind::NarrowWidth => model::narrow_width::find(setting, found),
        Kind::DownsampleEarly => model::downsample_early::find(setting, found),
        Kind::SplitDense => model::split_dense::find(setting, found),
        Kind::LowRankDense => model::low_rank_dense::find(setting, found),
        Kind::PrecisionPerLayer => model::precision_per_layer::find(setting, found),
        Kind::StreamRows => plan::stream_rows::find(setting, found),
        Kind::WeightsInSram => plan::weights_in_sram::find(setting, found),
        Kind::SpillWithPrefetch => plan::spill_with_prefetch::find(setting, found),
        Kind::Order => plan::order::find(setting, found),
        Kind::OtherEngine => target::other_engine::find(setting, found),
        Kind::OperatingPoint => target::operating_point::find(setting, found),
        Kind::Runtime => target::runtime::find(setting, found),
        Kind::SramPlacement => target::sram_placement::find(setting, found),
        Kind::SiblingChip => target::sibling_chip::find(setting, found),
    }
}

/// Applies a candidate and looks at what comes of it.
///
/// # Errors
/// A plan that breaks its own rules, which is a mistake of cofit.
pub fn apply(setting: &Setting, candidate: Candidate) -> Result<Suggestion, Diagnostics> {
    let again = |model: &Verified, card: &Card, selection: &Selection, chip: &Chip| {
        let (model, card) = (model.clone(), card.clone());
        Setting::new(model, card, selection.clone(), chip.clone(), setting.budget)
    };
    let Setting { model, card, selection, chip, .. } = setting;
    let next = match &candidate.edit {
        Edit::Model(changed) => again(changed, card, selection, chip)?,
        Edit::Target(target) => again(model, &target.0, &target.1, &target.2)?,
        Edit::Policy(other) => again(model, card, selection, other)?,
        Edit::Stream { arena, cycles } => {
            let after = plan::stream_rows::figures(setting, *arena, *cycles);
            return Ok(Suggestion { candidate, after, setting: None });
        }
    };
    Ok(Suggestion { candidate, after: next.figures(), setting: Some(Box::new(next)) })
}

/// Everything that helps a model on a chip, the most helpful first.
///
/// # Errors
/// A plan that breaks its own rules, which is a mistake of cofit.
pub fn advise(setting: &Setting, options: &Options) -> Result<Advice, Diagnostics> {
    let before = setting.figures();
    let mut advice = Advice {
        before: before.clone(),
        suggestions: Vec::new(),
        tried: 0,
        untried: 0,
        refused: Vec::new(),
    };
    for &kind in Kind::ALL.iter().filter(|&&kind| options.wants(kind)) {
        let mut found = Found::default();
        candidates(setting, kind, &mut found);
        advice.refused.append(&mut found.refused);
        let mut helpful: Vec<Suggestion> = Vec::new();
        for candidate in found.candidates {
            if advice.tried >= options.most_evaluations {
                advice.untried += 1;
                continue;
            }
            advice.tried += 1;
            let suggestion = apply(setting, candidate)?;
            if suggestion.after.helps(&before) {
                helpful.push(suggestion);
            }
        }
        advice.suggestions.append(&mut undominated(helpful));
    }
    advice.suggestions.sort_by(|a, b| {
        let worth = |it: &Suggestion| (it.after.excess, it.after.time_share(&before));
        let (a, b) = (worth(a), worth(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    Ok(advice)
}

/// Suggestions of one kind without those that another one makes needless: it is no worse in any
/// figure and better in one, or the same in all and earlier, and keeps as much.
fn undominated(suggestions: Vec<Suggestion>) -> Vec<Suggestion> {
    let is_needless = |at: usize, it: &Suggestion| {
        suggestions.iter().enumerate().any(|(other_at, other)| {
            other.cost() <= it.cost()
                && (other.after.dominates(&it.after)
                    || (other_at < at && other.after == it.after && other.cost() == it.cost()))
        })
    };
    let keep: Vec<bool> =
        suggestions.iter().enumerate().map(|(at, it)| !is_needless(at, it)).collect();
    suggestions.into_iter().zip(keep).filter_map(|(it, keep)| keep.then_some(it)).collect()
}

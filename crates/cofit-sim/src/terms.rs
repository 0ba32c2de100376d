//! What a plan costs on processors as a sum of terms: an amount times a coefficient of the card.
//!
//! Calibration asks here what a measured time tells about which coefficient. The sum of the products
//! is the simulated time, but for the rounding of each step's causes; a test holds that.

use std::collections::BTreeMap;

use cofit_chip::{Chip, NumberKind, OperatorClass, SimdCost, Timing};
use cofit_compile::plan::{Placement, Plan, Step};

use crate::timing::{StepView, Whereabouts, processor};
use crate::work::Access;

/// What a coefficient of a kernel is per.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// A call.
    Call,
    /// A multiply-accumulate.
    Mac,
    /// An output element.
    Output,
    /// An input element.
    Input,
    /// A weight element.
    Weight,
}

impl Unit {
    /// Every unit, in the order of cost tables.
    pub const ALL: [Self; 5] = [Self::Call, Self::Mac, Self::Output, Self::Input, Self::Weight];

    /// The key of a card's cost row.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Call => "per_call",
            Self::Mac => "per_mac",
            Self::Output => "per_output",
            Self::Input => "per_input",
            Self::Weight => "per_weight",
        }
    }
}

/// A coefficient of a card's `simd` table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coefficient {
    /// Cycles of an inference.
    Inference,
    /// Cycles of an operator.
    Operator,
    /// A coefficient of a cost row.
    Kernel {
        /// The row's id.
        row: String,
        /// The class that the row is for.
        class: OperatorClass,
        /// Integers or floats.
        kind: NumberKind,
        /// What it is per.
        unit: Unit,
    },
    /// Wait cycles per byte of a memory.
    Access {
        /// The memory's id.
        memory: String,
        /// Why it is accessed.
        access: Access,
    },
}

/// How often a coefficient counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// The coefficient.
    pub coefficient: Coefficient,
    /// Its value on the card, in cycles.
    pub value: f64,
    /// How often it counts in one inference.
    pub amount: f64,
}

/// A plan's time as terms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    /// The terms, sorted by coefficient, each coefficient once.
    pub terms: Vec<Term>,
    /// Steps on engines that have no coefficients to fit.
    pub others: usize,
}

impl Terms {
    /// The terms of `plan` on `chip`.
    pub fn of(plan: &Plan, chip: &Chip) -> Self {
        let mut terms = Self::of_steps(plan, chip, |_| true);
        if let Some(Timing::Simd(timing)) = chip.engines.first().map(|engine| &engine.timing) {
            let value = timing.per_inference.value;
            terms.terms.insert(0, Term { coefficient: Coefficient::Inference, value, amount: 1.0 });
        }
        terms
    }

    /// The terms of those steps of `plan` for which `counts` holds.
    pub fn of_steps(plan: &Plan, chip: &Chip, counts: impl Fn(&Step) -> bool) -> Self {
        let places = Whereabouts::of(plan, chip);
        let mut sums: BTreeMap<Coefficient, (f64, f64)> = BTreeMap::new();
        let mut add = |coefficient: Coefficient, value: f64, amount: f64| {
            if amount > 0.0 {
                sums.entry(coefficient).or_insert((value, 0.0)).1 += amount;
            }
        };
        let mut others = 0;
        for (id, step) in &plan.steps {
            if step.placement == Placement::View || !counts(step) {
                continue;
            }
            let view = StepView::new(plan, chip, id, &places);
            let timing = match &view.engine.timing {
                // What tiles add is no multiple of a coefficient: copies run beside the kernels.
                Timing::Simd(timing) if timing.tiles.is_none() => timing,
                _ => {
                    others += 1;
                    continue;
                }
            };
            add(Coefficient::Operator, timing.per_operator.value, 1.0);
            let work = view.work();
            if let Some(row) = processor::row_of(&view, timing) {
                let kernel = |unit| Coefficient::Kernel {
                    row: row.id.clone(),
                    class: row.class,
                    kind: row.kind,
                    unit,
                };
                let share = 1.0 / processor::speed_up(&view, timing);
                let macs = share * work.macs.as_f64() * view.step.precision.cycle_factor.max(1.0);
                add(kernel(Unit::Call), row.per_call.value, 1.0);
                add(kernel(Unit::Mac), row.per_mac.value, macs);
                add(kernel(Unit::Output), row.per_output.value, share * work.outputs as f64);
                add(kernel(Unit::Input), row.per_input.value, share * work.inputs as f64);
                add(kernel(Unit::Weight), row.per_weight.value, work.weights as f64);
            }
            for traffic in &work.traffic {
                let memory = &chip.memories[traffic.memory];
                let wait = timing.access_to(&memory.id);
                let value = wait.map_or(0.0, |wait| match traffic.access {
                    Access::WeightRead => wait.weight_read.value,
                    Access::Read => wait.read.value,
                    Access::Write => wait.write.value,
                });
                let access =
                    Coefficient::Access { memory: memory.id.clone(), access: traffic.access };
                add(access, value, traffic.bytes.as_f64());
            }
        }
        let terms = sums
            .into_iter()
            .map(|(coefficient, (value, amount))| Term { coefficient, value, amount })
            .collect();
        Self { terms, others }
    }

    /// The sum of the products: cycles of one inference, of the steps that are terms.
    pub fn cycles(&self) -> f64 {
        self.terms.iter().map(|term| term.value * term.amount).sum()
    }
}

/// Every coefficient of the engine `engine` of `chip`, as terms that count nothing: what a fit may give
/// values to. Rows for widths of their own are not among them.
pub fn coefficients(chip: &Chip, engine: usize) -> Vec<Term> {
    let Some(Timing::Simd(timing)) = chip.engines.get(engine).map(|engine| &engine.timing) else {
        return Vec::new();
    };
    if timing.tiles.is_some() {
        return Vec::new();
    }
    let mut list = vec![Term {
        coefficient: Coefficient::Operator,
        value: timing.per_operator.value,
        amount: 0.0,
    }];
    for row in timing.cost.iter().filter(|row| !has_own_widths(row)) {
        for unit in Unit::ALL {
            let value = match unit {
                Unit::Call => row.per_call.value,
                Unit::Mac => row.per_mac.value,
                Unit::Output => row.per_output.value,
                Unit::Input => row.per_input.value,
                Unit::Weight => row.per_weight.value,
            };
            let coefficient =
                Coefficient::Kernel { row: row.id.clone(), class: row.class, kind: row.kind, unit };
            list.push(Term { coefficient, value, amount: 0.0 });
        }
    }
    for wait in &timing.access {
        for (access, value) in [
            (Access::WeightRead, wait.weight_read.value),
            (Access::Read, wait.read.value),
            (Access::Write, wait.write.value),
        ] {
            let coefficient = Coefficient::Access { memory: wait.id.clone(), access };
            list.push(Term { coefficient, value, amount: 0.0 });
        }
    }
    list
}

/// Whether a row is for other widths than the 8-bit kernels that rows were measured with.
pub fn has_own_widths(row: &SimdCost) -> bool {
    row.weight_bits.is_some_and(|bits| bits != 8)
        || row.activation_bits.is_some_and(|bits| bits != 8)
}

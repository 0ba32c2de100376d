//! A coefficient as a product of effects, shared between rows as far as they share something.
//!
//! The logarithm of a coefficient on a chip with a kernel library is a prior mean and a sum of
//! effects: of the library, the core, the chip, the release, and of the kind of coefficient within
//! each. Rows of one chip thus tell about the others with the same core or library, and the less the
//! further they are apart: that is what the widths say.

use std::collections::BTreeMap;

use cofit_chip::{NumberKind, OperatorClass};
use cofit_sim::terms::{Coefficient, Unit};

use crate::fit::{EffectId, Problem};

/// Prior means in cycles, by class and unit: a scalar or SIMD core with a plain kernel library.
/// Coefficients that are not listed are taken to be nothing.
///
/// From counting instructions of CMSIS-NN's int8 kernels on a core with 16-bit SIMD
/// (ARM-software/CMSIS-NN, Source/NNSupportFunctions): a matrix product of two rows by two columns
/// takes about 18 instructions for 16 multiplications; a matrix by a vector loads and widens each
/// weight for one multiplication, which costs about 1.4 times as much; depthwise kernels reuse
/// nothing; requantisation of an output takes about a dozen instructions. Libraries and cores differ
/// from that by their effects.
pub const PRIOR: &[(OperatorClass, Unit, f64)] = {
    use OperatorClass as C;
    &[
        (C::Convolution, Unit::Mac, 1.0),
        (C::Convolution, Unit::Output, 12.0),
        (C::Pointwise, Unit::Mac, 1.0),
        (C::Pointwise, Unit::Output, 12.0),
        (C::Pointwise, Unit::Input, 1.0),
        (C::Shallow, Unit::Mac, 1.3),
        (C::Shallow, Unit::Output, 12.0),
        (C::Depthwise, Unit::Mac, 2.5),
        (C::Depthwise, Unit::Output, 20.0),
        (C::Depthwise, Unit::Input, 1.0),
        (C::Transposed, Unit::Mac, 1.3),
        (C::Transposed, Unit::Output, 12.0),
        (C::Dense, Unit::Mac, 1.4),
        (C::Dense, Unit::Output, 15.0),
        (C::MatrixProduct, Unit::Mac, 1.4),
        (C::MatrixProduct, Unit::Output, 15.0),
        (C::Recurrent, Unit::Mac, 1.4),
        (C::Recurrent, Unit::Output, 40.0),
        (C::Pooling, Unit::Input, 3.0),
        (C::Reduction, Unit::Input, 3.0),
        (C::Elementwise, Unit::Output, 15.0),
        (C::Clamp, Unit::Output, 3.0),
        (C::Nonlinear, Unit::Output, 20.0),
        (C::Exponential, Unit::Output, 100.0),
        (C::Movement, Unit::Output, 3.0),
        (C::Resampling, Unit::Output, 15.0),
        (C::Requantisation, Unit::Output, 10.0),
    ]
};

/// Prior mean of an operator's own cycles, dispatch and set-up: TFLM's interpreter spends about a
/// thousand and a half on a Cortex-M.
pub const OPERATOR: f64 = 1500.0;

/// The prior mean of a coefficient in cycles; nothing where it is taken to be zero. Wait cycles start
/// from what the card says, `value`.
pub fn prior(coefficient: &Coefficient, value: f64) -> Option<f64> {
    match coefficient {
        Coefficient::Inference => None,
        Coefficient::Operator => Some(OPERATOR),
        Coefficient::Kernel { class, unit, .. } => PRIOR
            .iter()
            .find(|(one, per, _)| one == class && per == unit)
            .map(|&(_, _, cycles)| cycles),
        Coefficient::Access { .. } => (value > 0.0).then_some(value),
    }
}

/// Coefficients that are high or low together: they are spent in the same loops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Multiplications of matrix products.
    Products,
    /// Multiplications of depthwise kernels.
    Depthwise,
    /// Results and operands of kernels with weights.
    Results,
    /// Elements of kernels without weights.
    Elements,
    /// Calls.
    Calls,
    /// Waiting for memories.
    Waits,
}

impl Group {
    /// The group of a coefficient.
    pub fn of(coefficient: &Coefficient) -> Self {
        match coefficient {
            Coefficient::Inference | Coefficient::Operator => Self::Calls,
            Coefficient::Access { .. } => Self::Waits,
            Coefficient::Kernel { class, unit, .. } => match (unit, class) {
                (Unit::Call, _) => Self::Calls,
                (Unit::Mac, OperatorClass::Depthwise) => Self::Depthwise,
                (Unit::Mac, _) => Self::Products,
                (Unit::Output | Unit::Input | Unit::Weight, class) if has_weights(*class) => {
                    Self::Results
                }
                (Unit::Output | Unit::Input | Unit::Weight, _) => Self::Elements,
            },
        }
    }
}

const fn has_weights(class: OperatorClass) -> bool {
    use OperatorClass as C;
    matches!(
        class,
        C::Convolution
            | C::Pointwise
            | C::Shallow
            | C::Depthwise
            | C::Transposed
            | C::Dense
            | C::MatrixProduct
            | C::Recurrent
    )
}

/// What a row was measured on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setting {
    /// The kernel library.
    pub library: String,
    /// Its release; empty where it is not known, which stands for any.
    pub release: String,
    /// The core.
    pub core: String,
    /// The chip's card.
    pub card: String,
}

/// Who shares an effect. The names in order: the narrower after the wider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// A kind of coefficient, everywhere.
    Kind,
    /// A library.
    Library,
    /// A group of coefficients within a library.
    LibraryGroup,
    /// A kind of coefficient within a library.
    LibraryKind,
    /// A core.
    Core,
    /// A group within a core.
    CoreGroup,
    /// A kind within a core.
    CoreKind,
    /// A library on a core.
    Port,
    /// A group within a library on a core.
    PortGroup,
    /// A kind within a library on a core.
    PortKind,
    /// A release of a library.
    Release,
    /// A group within a release.
    ReleaseGroup,
    /// A kind within a release.
    ReleaseKind,
    /// A chip: its clock tree, buses and wait states.
    Chip,
    /// A library on a chip: how it was built.
    Build,
    /// Floats on a core: whether there is a unit for them.
    Floats,
    /// A group in floats on a core.
    FloatGroup,
    /// Waiting for a memory of a chip.
    Memory,
    /// One chip and library around what its card says: everything.
    Own,
    /// A group of coefficients around what the card says.
    OwnGroup,
    /// A kind of coefficient around what the card says.
    OwnKind,
}

impl Effect {
    /// How far the effect lies from one, as the standard deviation of its logarithm.
    ///
    /// Chosen by leaving networks out of the catalogue's rows: the same few numbers for every chip
    /// and library.
    pub const fn width(self) -> f64 {
        match self {
            Self::Kind => 0.125,
            Self::Library => 1.5,
            Self::LibraryGroup => 0.03,
            Self::LibraryKind => 0.05,
            Self::Core => 1.6,
            Self::CoreGroup => 0.125,
            Self::CoreKind => 0.1,
            Self::Port => 0.15,
            Self::PortGroup => 0.2,
            Self::PortKind => 0.1,
            Self::Release => 0.3,
            Self::ReleaseGroup => 0.15,
            Self::ReleaseKind => 0.05,
            Self::Chip => 0.15,
            Self::Build => 0.05,
            Self::Floats => 0.4,
            Self::FloatGroup => 0.15,
            Self::Memory => 0.4,
            Self::Own => 0.5,
            Self::OwnGroup => 0.25,
            Self::OwnKind => 0.15,
        }
    }
}

/// A kind of coefficient, whatever the card's row is called.
type Kind = (Option<(OperatorClass, NumberKind)>, Option<Unit>);

fn kind(coefficient: &Coefficient) -> Kind {
    match coefficient {
        Coefficient::Kernel { class, kind, unit, .. } => (Some((*class, *kind)), Some(*unit)),
        Coefficient::Inference | Coefficient::Operator | Coefficient::Access { .. } => (None, None),
    }
}

/// The effects of a problem by what they are shared by.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    known: BTreeMap<(Effect, String), EffectId>,
}

impl Effects {
    /// The effects that `coefficient` depends on in `setting`; those that `problem` has not yet are
    /// added to it.
    pub fn of(
        &mut self,
        coefficient: &Coefficient,
        setting: &Setting,
        problem: &mut Problem,
    ) -> Vec<(EffectId, f64)> {
        let Setting { library, release, core, card } = setting;
        let mut effects = Vec::with_capacity(18);
        let mut add = |effect: Effect, of: String| {
            let id =
                *self.known.entry((effect, of)).or_insert_with(|| problem.effect(effect.width()));
            effects.push((id, 1.0));
        };
        if let Coefficient::Access { memory, access } = coefficient {
            add(Effect::Memory, format!("{card} {memory} {}", access.name()));
            return effects;
        }
        let group = format!("{:?}", Group::of(coefficient));
        let (class, unit) = kind(coefficient);
        let kind = format!("{class:?} {unit:?}");
        add(Effect::Kind, kind.clone());
        add(Effect::Library, library.clone());
        add(Effect::LibraryGroup, format!("{library} {group}"));
        add(Effect::LibraryKind, format!("{library} {kind}"));
        add(Effect::Core, core.clone());
        add(Effect::CoreGroup, format!("{core} {group}"));
        add(Effect::CoreKind, format!("{core} {kind}"));
        add(Effect::Port, format!("{library} {core}"));
        add(Effect::PortGroup, format!("{library} {core} {group}"));
        add(Effect::PortKind, format!("{library} {core} {kind}"));
        // The effect of a release that is not known is that of a release never seen: none in the
        // mean, and as unsure as releases differ.
        add(Effect::Release, format!("{library} {release}"));
        add(Effect::ReleaseGroup, format!("{library} {release} {group}"));
        add(Effect::ReleaseKind, format!("{library} {release} {class:?}"));
        add(Effect::Chip, card.clone());
        add(Effect::Build, format!("{card} {library}"));
        if class.is_some_and(|(_, number)| number == NumberKind::Float) {
            add(Effect::Floats, core.clone());
            add(Effect::FloatGroup, format!("{core} {group}"));
        }
        effects
    }

    /// The effects of `coefficient` where a card's own values are the means: how far this board and
    /// build lie from them.
    pub fn around_card(
        &mut self,
        coefficient: &Coefficient,
        problem: &mut Problem,
    ) -> Vec<(EffectId, f64)> {
        let (class, unit) = kind(coefficient);
        let own = match coefficient {
            Coefficient::Access { memory, access } => {
                vec![(Effect::Memory, format!("{memory} {}", access.name()))]
            }
            Coefficient::Inference | Coefficient::Operator | Coefficient::Kernel { .. } => vec![
                (Effect::Own, String::new()),
                (Effect::OwnGroup, format!("{:?}", Group::of(coefficient))),
                (Effect::OwnKind, format!("{class:?} {unit:?}")),
            ],
        };
        own.into_iter()
            .map(|(effect, of)| {
                let id = *self
                    .known
                    .entry((effect, of))
                    .or_insert_with(|| problem.effect(effect.width()));
                (id, 1.0)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_share_effects_as_far_as_they_share_settings() {
        let setting = |library: &str, core: &str, card: &str| Setting {
            library: library.to_owned(),
            release: String::new(),
            core: core.to_owned(),
            card: card.to_owned(),
        };
        let mut problem = Problem::default();
        let mut effects = Effects::default();
        let mut shared = |left: &Setting, right: &Setting| {
            let left = effects.of(&Coefficient::Operator, left, &mut problem);
            let right = effects.of(&Coefficient::Operator, right, &mut problem);
            left.iter().filter(|effect| right.contains(effect)).count()
        };
        let here = setting("a", "m4", "one");
        let all = shared(&here, &here);
        let chip = shared(&here, &setting("a", "m4", "two"));
        let library = shared(&here, &setting("a", "m7", "three"));
        let nothing = shared(&here, &setting("b", "m7", "three"));
        assert!(
            all > chip && chip > library && library > nothing,
            "{all} {chip} {library} {nothing}"
        );
        assert_eq!(nothing, 1, "the kind of coefficient is the same everywhere");
    }

    #[test]
    fn every_class_that_computes_has_a_prior() {
        for (_, class) in OperatorClass::ALL {
            let computes = !matches!(class, OperatorClass::View | OperatorClass::Control);
            assert_eq!(PRIOR.iter().any(|(one, _, _)| one == class), computes, "{class:?}");
        }
    }
}

//! What a model is quantised to.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use cofit_vocab::diagnostic::quantisation as rules;
use cofit_vocab::{Diagnostic, Diagnostics, ElementType, Place};

use crate::mapping::Width;

/// Bits of a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WeightBits {
    /// -1 and +1.
    One,
    /// At most -2 to 1.
    Two,
    /// At most -8 to 7.
    Four,
    /// At most -128 to 127.
    Eight,
}

impl WeightBits {
    /// From the narrowest to the widest.
    pub const ALL: [Self; 4] = [Self::One, Self::Two, Self::Four, Self::Eight];

    /// The number of bits.
    pub const fn bits(self) -> u32 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
            Self::Eight => 8,
        }
    }

    /// The width of `bits`.
    pub fn of(bits: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|width| width.bits() == bits)
    }

    /// The element type that such weights are stored in.
    pub const fn element(self) -> ElementType {
        match self {
            Self::One => ElementType::Int1,
            Self::Two => ElementType::Int2,
            Self::Four => ElementType::Int4,
            Self::Eight => ElementType::Int8,
        }
    }

    /// The least and greatest integers that TFLite uses: symmetric, so that -128 and -8 stay free.
    /// Two bits are the exception, where a symmetric range would leave a quarter of them unused.
    pub const fn limits(self) -> [i64; 2] {
        match self {
            Self::One => [-1, 1],
            Self::Two => [-2, 1],
            Self::Four => [-7, 7],
            Self::Eight => [-127, 127],
        }
    }
}

/// How one layer with weights is quantised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerScheme {
    /// Bits of a weight.
    pub weights: WeightBits,
    /// Integers of its activations.
    pub activations: Width,
    /// Whether every output channel has a scale of its own.
    pub per_axis: bool,
    /// The least and greatest integer that a weight may be, where they are not
    /// [`WeightBits::limits`].
    pub weight_limits: Option<[i64; 2]>,
}

impl LayerScheme {
    /// Per output channel, with TFLite's integers.
    pub const fn new(weights: WeightBits, activations: Width) -> Self {
        Self { weights, activations, per_axis: true, weight_limits: None }
    }

    /// The least and greatest integer that a weight may be.
    pub fn limits(&self) -> [i64; 2] {
        self.weight_limits.unwrap_or(self.weights.limits())
    }
}

/// Prints as `w4a8`.
impl fmt::Display for LayerScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "w{}a{}", self.weights.bits(), self.activations.bits())
    }
}

impl FromStr for LayerScheme {
    type Err = Diagnostic;

    /// Reads `w8a8`, `w4a8`, `w8a16` and the like.
    fn from_str(text: &str) -> Result<Self, Diagnostic> {
        let pair = || {
            let (weights, activations) = text.strip_prefix('w')?.split_once('a')?;
            let weights = WeightBits::of(weights.parse().ok()?)?;
            let activations = match activations {
                "8" => Width::Eight,
                "16" => Width::Sixteen,
                _ => return None,
            };
            // `+4` parses as a number, but is none that anybody means.
            let scheme = Self::new(weights, activations);
            (scheme.to_string() == text).then_some(scheme)
        };
        pair().ok_or_else(|| {
            let message = format!("`{text}` is no quantisation scheme");
            Diagnostic::error(&rules::UNREADABLE_SCHEME, message, Place::default())
        })
    }
}

/// Whether the inputs and outputs of the model are integers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Border {
    /// They are: the caller quantises and dequantises.
    #[default]
    Integer,
    /// They stay float: the model quantises and dequantises.
    Float,
}

/// What a model is quantised to: one scheme for all layers, and others for some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheme {
    /// For every layer without a scheme of its own. Its activation width is also that of the model's
    /// inputs and outputs.
    pub all: LayerScheme,
    /// By the layer's name: the name of its first result.
    pub layers: BTreeMap<String, LayerScheme>,
    /// Whether scales of weights and activations are powers of two, and zero points 0.
    pub power_of_two: bool,
    /// Whether zero points of 8-bit activations are 0. Those of 16 bits always are.
    pub symmetric_activations: bool,
    /// Bits of a stored bias where the chip has fewer than 32. Such a bias counts in steps of
    /// `2^(bits - 1)` accumulator steps, as on MAX7800x.
    pub bias_bits: Option<u32>,
    /// Inputs and outputs.
    pub border: Border,
}

impl Scheme {
    /// The same for every layer, in TFLite's conventions.
    pub const fn uniform(weights: WeightBits, activations: Width) -> Self {
        Self {
            all: LayerScheme::new(weights, activations),
            layers: BTreeMap::new(),
            power_of_two: false,
            symmetric_activations: false,
            bias_bits: None,
            border: Border::Integer,
        }
    }

    /// The scheme of the layer `name`.
    pub fn of(&self, name: &str) -> &LayerScheme {
        self.layers.get(name).unwrap_or(&self.all)
    }

    /// Gives a layer a scheme of its own from `NAME=w4a8`.
    ///
    /// # Errors
    /// A text that is not of this form.
    pub fn set_layer(&mut self, text: &str) -> Result<(), Diagnostics> {
        // Names of layers hold anything, schemes no `=`.
        let Some((name, scheme)) = text.rsplit_once('=').filter(|(name, _)| !name.is_empty())
        else {
            let message = format!("`{text}` names no layer and scheme");
            let place = Place::default();
            return Err(Diagnostic::error(&rules::UNREADABLE_SCHEME, message, place).into());
        };
        let parsed: LayerScheme = scheme.parse()?;
        // What the chip demands of every layer holds for this one too.
        let own = LayerScheme { per_axis: self.all.per_axis, ..parsed };
        self.layers.insert(name.to_owned(), own);
        Ok(())
    }
}

impl FromStr for Scheme {
    type Err = Diagnostic;

    /// Reads a scheme for every layer, such as `w8a8`.
    fn from_str(text: &str) -> Result<Self, Diagnostic> {
        let all: LayerScheme = text.parse()?;
        Ok(Self { all, ..Self::uniform(WeightBits::Eight, Width::Eight) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_read_as_they_are_printed() {
        for weights in WeightBits::ALL {
            for activations in [Width::Eight, Width::Sixteen] {
                let scheme = LayerScheme::new(weights, activations);
                assert_eq!(scheme.to_string().parse::<LayerScheme>(), Ok(scheme));
            }
        }
        for wrong in ["", "w8", "a8w8", "w3a8", "w8a4", "w8a8 ", "w+8a8", "W8A8", "w08a8"] {
            assert!(wrong.parse::<Scheme>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_layer_may_have_its_own() {
        let mut scheme: Scheme = "w4a8".parse().unwrap();
        scheme.set_layer("conv=1/out=w8a16").unwrap();
        assert_eq!(scheme.of("conv=1/out").to_string(), "w8a16");
        assert_eq!(scheme.of("other").to_string(), "w4a8");
        assert!(scheme.set_layer("w8a8").is_err());
        assert!(scheme.set_layer("=w8a8").is_err());
    }
}

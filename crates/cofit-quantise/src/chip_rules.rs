//! What a chip's card allows a model to be quantised to.
//!
//! The card's first engine whose operators include a layer's kind runs it, and its pairs of widths
//! say what the layer may be. Whether the engine takes the layer's size is the compiler's question,
//! not one of quantisation.

use cofit_chip as card;
use cofit_chip::{Chip, Engine, NumberKind, Precision, PrecisionMode, Requirement};
use cofit_exec::{Options, Rounding};
use cofit_ir::Verified;
use cofit_vocab::diagnostic::quantisation as rules;
use cofit_vocab::{Diagnostic, Diagnostics, OperatorKind, Place};

use crate::mapping::Width;
use crate::operator_rules::{Treatment, treatment};
use crate::scheme::WeightBits;
use crate::{LayerScheme, Scheme};

/// A scheme that a chip allows.
#[derive(Clone, Debug, PartialEq)]
pub struct ChipScheme {
    /// The scheme.
    pub scheme: Scheme,
    /// Which engine was asked for every layer, and how it treats the layer's pair.
    pub layers: Vec<ChipLayer>,
}

/// A layer on a chip.
#[derive(Clone, Debug, PartialEq)]
pub struct ChipLayer {
    /// The name of the layer's first result.
    pub name: String,
    /// The id of the engine.
    pub engine: String,
    /// How the engine treats the pair.
    pub mode: PrecisionMode,
}

/// A pair of the card in our words.
#[derive(Clone, Copy, Debug)]
struct Pair<'a> {
    weights: WeightBits,
    activations: Width,
    source: &'a Precision,
}

impl Scheme {
    /// The scheme that `chip` allows for `model`: the one that is `wanted`, with the chip's own rules
    /// for scales and biases, or else for every layer the pair that loses least: 8-bit weights before
    /// narrower ones, 8-bit activations before wider ones, and what the hardware multiplies itself
    /// before what is emulated.
    ///
    /// # Errors
    /// Layers for which the chip has no pair, or not the one that is wanted, with those that it has.
    pub fn for_chip(
        model: &Verified,
        chip: &Chip,
        wanted: Option<&Self>,
    ) -> Result<ChipScheme, Diagnostics> {
        let mut found = Diagnostics::new();
        let mut scheme =
            wanted.cloned().unwrap_or_else(|| Self::uniform(WeightBits::Eight, Width::Eight));
        let mut layers = Vec::new();
        let graph = model.main_graph();
        for (id, operator) in &graph.operators {
            let Treatment::Weighted(operands) = treatment(&operator.op) else { continue };
            let (name, kind) = (graph.operator_name(id), operator.kind());
            let asked = Layer {
                kind,
                is_first: layers.is_empty(),
                has_bias: operator.input(operands.bias).is_some(),
            };
            let wish = wanted.map(|wanted| wanted.of(&name));
            let (engine, pair) = match choose(chip, &asked, wish) {
                Ok(choice) => choice,
                Err((code, message)) => {
                    let place = Place::operator(name);
                    found.push(Diagnostic::error(code, message, place));
                    continue;
                }
            };
            let own = pair.scheme(&mut scheme);
            if wanted.is_none() && layers.is_empty() {
                scheme.all.activations = own.activations;
            }
            layers.push(ChipLayer {
                name: name.clone(),
                engine: engine.id.clone(),
                mode: pair.source.mode,
            });
            scheme.layers.insert(name, own);
        }
        if found.has_errors() { Err(found) } else { Ok(ChipScheme { scheme, layers }) }
    }
}

/// What the rules of a card ask of a layer.
struct Layer {
    kind: OperatorKind,
    /// Whether it is the model's first with weights.
    is_first: bool,
    has_bias: bool,
}

/// The engine and the pair for a layer, or why there is none.
fn choose<'a>(
    chip: &'a Chip,
    layer: &Layer,
    wish: Option<&LayerScheme>,
) -> Result<(&'a Engine, Pair<'a>), (&'static cofit_vocab::Code, String)> {
    let Some(engine) = chip.engines.iter().find(|engine| engine.operators.mentions(layer.kind))
    else {
        let message = format!("no engine of {} runs {}", chip.name(), layer.kind);
        return Err((&rules::CHIP_ALLOWS_NONE, message));
    };
    let all: Vec<Pair<'a>> = pairs(engine, layer).collect();
    let usable: Vec<Pair<'a>> = all.iter().copied().filter(|pair| pair.is_usable(layer)).collect();
    let names = |pairs: &[Pair<'_>]| -> String {
        let names: Vec<String> = pairs.iter().map(Pair::name).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let Some(wish) = wish else {
        let best = usable.iter().copied().min_by_key(|pair| {
            let is_native =
                matches!(pair.source.mode, PrecisionMode::Native | PrecisionMode::BitSerial);
            (8 - pair.weights.bits(), pair.activations, !is_native)
        });
        return best.map(|pair| (engine, pair)).ok_or_else(|| {
            let message =
                format!("{} of {} has no pair for {}", engine.id, chip.name(), layer.kind);
            (&rules::CHIP_ALLOWS_NONE, message)
        });
    };
    let is_wished =
        |pair: &&Pair<'a>| pair.weights == wish.weights && pair.activations == wish.activations;
    if let Some(&pair) = usable.iter().find(is_wished) {
        return Ok((engine, pair));
    }
    let (code, why) = all
        .iter()
        .filter(is_wished)
        .find_map(|pair| pair.refusal(layer))
        .unwrap_or_else(|| (&rules::CHIP_ALLOWS_NONE, "the card does not list it".to_owned()));
    let message = format!(
        "{} of {} does not take {} as {wish}: {why}; it takes {}",
        engine.id,
        chip.name(),
        layer.kind,
        names(&usable)
    );
    Err((code, message))
}

/// The integer pairs that the card lists of an engine for a layer, refused ones included.
fn pairs<'a>(engine: &'a Engine, layer: &Layer) -> impl Iterator<Item = Pair<'a>> {
    let kind = layer.kind;
    engine.precision.iter().filter_map(move |source| {
        let weights = WeightBits::of(source.weight_bits)?;
        let activations = match source.activation_bits {
            8 => Width::Eight,
            16 => Width::Sixteen,
            _ => return None,
        };
        let is_integer = source.kind == NumberKind::Integer;
        (is_integer && source.covers(kind)).then_some(Pair { weights, activations, source })
    })
}

impl Pair<'_> {
    fn name(&self) -> String {
        format!("w{}a{}", self.weights.bits(), self.activations.bits())
    }

    /// Whether a model can be made for the pair.
    fn is_usable(&self, layer: &Layer) -> bool {
        self.refusal(layer).is_none()
    }

    /// Why the pair is not usable.
    fn refusal(&self, layer: &Layer) -> Option<(&'static cofit_vocab::Code, String)> {
        let none = |why: &str| Some((&rules::CHIP_ALLOWS_NONE, why.to_owned()));
        if self.source.mode == PrecisionMode::Unsupported {
            return none("the card lists it as unsupported");
        }
        // One-bit weights are made as -1 and +1, wider ones take every value of their range.
        if let Some(values) = &self.source.values
            && (self.weights != WeightBits::One || values.as_slice() != [-1, 1])
        {
            let why = format!("its weights are {values:?}, for which a network must be trained");
            return Some((&rules::NOT_REPRESENTABLE, why));
        }
        self.source.requires.iter().find_map(|requirement| match requirement {
            Requirement::Bias if !layer.has_bias => none("the layer needs a bias"),
            Requirement::WideFirstLayer if layer.is_first => {
                none("the first layer must have wider weights")
            }
            Requirement::Bias | Requirement::WideFirstLayer => None,
        })
    }

    /// The layer's scheme; what the pair demands of the whole model goes into `scheme`.
    fn scheme(&self, scheme: &mut Scheme) -> LayerScheme {
        let mut own = LayerScheme::new(self.weights, self.activations);
        // TFLite's integers are a symmetric part of a byte; narrower weights need every value.
        own.weight_limits = self.source.range.filter(|_| self.weights != WeightBits::Eight);
        let Some(rule) = &self.source.quantisation else { return own };
        let only = |allowed: &[card::Scheme], wanted: card::Scheme| {
            !allowed.is_empty() && allowed.iter().all(|scheme| *scheme == wanted)
        };
        own.per_axis =
            rule.weights.is_empty() || rule.weights.contains(&card::Scheme::PerChannelSymmetric);
        scheme.power_of_two |= only(&rule.weights, card::Scheme::PowerOfTwo)
            || only(&rule.activations, card::Scheme::PowerOfTwo);
        scheme.symmetric_activations |= !rule.activations.is_empty()
            && !rule.activations.contains(&card::Scheme::PerTensorAsymmetric);
        if let Some(bits) = rule.bias_bits.filter(|&bits| bits < 32) {
            scheme.bias_bits = Some(scheme.bias_bits.map_or(bits, |other| other.min(bits)));
        }
        own
    }
}

/// How a model is executed as the chip does it: its first engine's rounding. Where the card does not
/// state one, that of TensorFlow Lite for Microcontrollers is taken, with a note.
pub fn execution_options(chip: &Chip) -> (Options, Diagnostics) {
    let mut notes = Diagnostics::new();
    let stated = chip.engines.first().and_then(|engine| engine.rounding.as_ref());
    let rounding = match stated.map(|rounding| rounding.value) {
        Some(card::Rounding::Double) => Rounding::Double,
        Some(card::Rounding::Single) => Rounding::Single,
        None => {
            let engine = chip.engines.first().map_or("the engine", |engine| &engine.id);
            let message = format!(
                "the card of {} does not say how {engine} rounds; rounding twice is taken",
                chip.name()
            );
            let place = Place::key(format!("engine.{engine}.rounding"));
            notes.push(Diagnostic::note(&rules::ROUNDING_UNSTATED, message, place));
            Rounding::Double
        }
    };
    (Options { rounding, ..Options::default() }, notes)
}

//! A result as data, read from the JSON of the machine contract.
//!
//! Unknown fields are skipped without being kept, so that results of later releases can be read; a
//! missing field is an error and no zero. Files, lists and tables are bounded while they are read.

use std::fmt;
use std::marker::PhantomData;

use cofit_vocab::diagnostic::comparison as code;
use cofit_vocab::{Diagnostic, Figure, FigureKind, Place, Quantity, Unit};
use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Number;

/// The version of the contract that is understood.
pub const CONTRACT: &str = "cofit/1";

/// Bytes of the largest result that is read: some two thousand layers.
pub const MAX_BYTES: usize = 16 << 20;

/// Entries of the longest list: layers, assumptions, axes.
const MAX_LIST: usize = 1 << 16;

/// Entries of the largest table: memories, causes.
const MAX_ENTRIES: usize = 64;

/// The largest count that every program reads exactly.
const MAX_COUNT: u64 = 1 << 53;

/// A result of `sim` or `check`.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultDocument {
    /// The version of the contract. Where it is not [`CONTRACT`], nothing else was read.
    pub schema: String,
    /// Name and version of the tool.
    pub tool: String,
    /// The model.
    pub model: ModelHead,
    /// The chip.
    pub chip: ChipHead,
    /// Whether the chip holds and runs the model; budgets of the user's are left out. `None` where
    /// it cannot be told.
    pub fits: Option<bool>,
    /// Whether the cycles are those of a structural model.
    pub is_structural: bool,
    /// Sums over the inference.
    pub totals: Totals,
    /// The layers; `None` where the result lists none.
    pub layers: Option<Vec<Layer>>,
    /// What the result rests on: key and value.
    pub assumptions: Vec<(String, String)>,
    /// The widths of weights and activations, as `w8a8`, sorted.
    pub precisions: Vec<String>,
}

/// A model by its name and size.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelHead {
    /// Its name.
    pub name: String,
    /// What the file says of itself.
    pub description: String,
    /// The hash of the file; empty where there is none.
    pub sha256: String,
    /// Shapes of the inputs.
    pub inputs: Vec<Vec<u64>>,
    /// Shapes of the outputs.
    pub outputs: Vec<Vec<u64>>,
    /// Multiplications with addition; `None` where nothing was read.
    pub macs: Option<Figure>,
    /// Parameters; `None` where nothing was read.
    pub parameters: Option<Figure>,
}

/// A chip and how it runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChipHead {
    /// The card's id.
    pub id: String,
    /// The card's hash.
    pub card_sha256: String,
    /// The kernel library or compiler.
    pub runtime: String,
    /// The operating point.
    pub operating_point: String,
    /// Threads.
    pub threads: u64,
    /// The reference clock in hertz.
    pub clock_hz: Option<f64>,
}

/// Bytes read and written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moved {
    /// Read.
    pub read: Figure,
    /// Written.
    pub written: Figure,
}

/// Sums over one inference.
#[derive(Clone, Debug, PartialEq)]
pub struct Totals {
    /// Cycles.
    pub cycles: Quantity,
    /// Seconds.
    pub latency: Quantity,
    /// Joules.
    pub energy: Quantity,
    /// Bytes needed, by memory.
    pub peak: Vec<(String, Figure)>,
    /// Bytes moved, by memory.
    pub traffic: Vec<(String, Moved)>,
    /// Cycles, by cause.
    pub causes: Vec<(String, Figure)>,
}

/// One layer: a step of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// The kinds of its operators, joined by `+`.
    pub op: String,
    /// Indices of its operators in the model file.
    pub origin: Vec<u64>,
    /// The engine, where it needs one.
    pub engine: Option<String>,
    /// The shape of its first result.
    pub shape: Vec<u64>,
    /// Multiplications with addition.
    pub macs: u64,
    /// Cycles.
    pub cycles: Figure,
    /// Cycles, by cause.
    pub causes: Vec<(String, Figure)>,
    /// Bytes moved, by memory.
    pub traffic: Vec<(String, Moved)>,
    /// Bytes of the buffers that are alive while it runs.
    pub peak_live: Figure,
}

impl ResultDocument {
    /// Reads the JSON text of a result.
    ///
    /// # Errors
    /// The text is no result, lacks a field, holds an impossible one, or is too large.
    pub fn read(text: &[u8]) -> Result<Self, Box<Diagnostic>> {
        if text.len() > MAX_BYTES {
            let message =
                format!("{} bytes are more than the {MAX_BYTES} that are read", text.len());
            return Err(Box::new(Diagnostic::error(
                &code::RESULT_TOO_LARGE,
                message,
                Place::default(),
            )));
        }
        // Fields of another contract may be of other types, so its version is read first.
        let Head { schema } = serde_json::from_slice(text).map_err(|error| refusal(&error))?;
        let Some(schema) = schema.filter(|schema| schema.starts_with("cofit/")) else {
            let message = "it has no `schema` of cofit's";
            return Err(Box::new(Diagnostic::error(
                &code::NOT_A_RESULT,
                message,
                Place::default(),
            )));
        };
        if schema != CONTRACT {
            return Ok(Self::foreign(schema));
        }
        let raw: Raw = serde_json::from_slice(text).map_err(|error| refusal(&error))?;
        if raw.totals.is_none() {
            let message = "it has no `totals`, as results of `sim` and `check` have";
            return Err(Box::new(Diagnostic::error(
                &code::NOT_A_RESULT,
                message,
                Place::default(),
            )));
        }
        raw.document(schema)
    }

    /// A result of which nothing but the contract's version is known.
    fn foreign(schema: String) -> Self {
        let unavailable = || Quantity::Unavailable("it follows another contract".to_owned());
        Self {
            schema,
            tool: String::new(),
            model: ModelHead::default(),
            chip: ChipHead::default(),
            fits: None,
            is_structural: false,
            totals: Totals {
                cycles: unavailable(),
                latency: unavailable(),
                energy: unavailable(),
                peak: Vec::new(),
                traffic: Vec::new(),
                causes: Vec::new(),
            },
            layers: None,
            assumptions: Vec::new(),
            precisions: Vec::new(),
        }
    }

    /// Whether its fields were read.
    pub fn is_understood(&self) -> bool {
        self.schema == CONTRACT
    }
}

/// Why a text cannot be read. What is skipped is not kept and not recursed into, so depth needs no
/// bound of its own.
fn refusal(error: &serde_json::Error) -> Box<Diagnostic> {
    let message = error.to_string();
    let code = if message.contains(TOO_MANY) {
        &code::RESULT_TOO_LARGE
    } else if error.is_data() {
        &code::BAD_FIELD
    } else {
        &code::NOT_A_RESULT
    };
    Box::new(Diagnostic::error(code, message, Place::default()))
}

/// The version of a result's contract.
#[derive(Deserialize)]
#[serde(expecting = "a result")]
struct Head {
    schema: Option<String>,
}

/// What a bound's message contains.
const TOO_MANY: &str = "entries are more than";

/// A list of bounded length.
struct List<T>(Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(one) = from.next_element()? {
                    if list.len() == MAX_LIST {
                        return Err(A::Error::custom(format!(
                            "{TOO_MANY} the {MAX_LIST} of a list"
                        )));
                    }
                    list.push(one);
                }
                Ok(List(list))
            }
        }
        deserializer.deserialize_seq(Reader(PhantomData))
    }
}

/// A table of bounded length, in the order of the file.
struct Entries<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Entries<T>, A::Error> {
                let mut list: Vec<(String, T)> = Vec::new();
                while let Some((key, value)) = from.next_entry::<String, T>()? {
                    if list.len() == MAX_ENTRIES {
                        let message = format!("{TOO_MANY} the {MAX_ENTRIES} of a table");
                        return Err(A::Error::custom(message));
                    }
                    if list.iter().any(|(known, _)| *known == key) {
                        return Err(A::Error::custom(format!(
                            "the key `{key}` stands there twice"
                        )));
                    }
                    list.push((key, value));
                }
                Ok(Entries(list))
            }
        }
        deserializer.deserialize_map(Reader(PhantomData))
    }
}

#[derive(Deserialize)]
#[serde(expecting = "a result")]
struct Raw {
    tool: Option<RawTool>,
    model: Option<RawModel>,
    chip: Option<RawChip>,
    verdict: Option<String>,
    constraints: Option<List<RawConstraint>>,
    totals: Option<RawTotals>,
    layers: Option<List<RawLayer>>,
    accuracy: Option<RawAccuracy>,
    assumptions: Option<List<RawAssumption>>,
}

#[derive(Deserialize)]
#[serde(expecting = "the tool")]
struct RawTool {
    name: Option<String>,
    version: Option<String>,
}

#[derive(Deserialize)]
#[serde(expecting = "the model")]
struct RawModel {
    name: Option<String>,
    description: Option<String>,
    sha256: Option<String>,
    inputs: Option<List<RawTensor>>,
    outputs: Option<List<RawTensor>>,
    macs: Option<RawFigure>,
    parameters: Option<RawFigure>,
}

#[derive(Deserialize)]
#[serde(expecting = "a tensor")]
struct RawTensor {
    shape: Option<List<u64>>,
}

#[derive(Deserialize)]
#[serde(expecting = "the chip")]
struct RawChip {
    id: Option<String>,
    card_sha256: Option<String>,
    runtime: Option<String>,
    operating_point: Option<String>,
    threads: Option<u64>,
    clock_hz: Option<f64>,
}

#[derive(Deserialize)]
#[serde(expecting = "a constraint")]
struct RawConstraint {
    name: Option<String>,
    status: Option<String>,
    need: Option<RawNeed>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawNeed {
    Words(String),
    Other(IgnoredAny),
}

#[derive(Deserialize)]
#[serde(expecting = "an accuracy")]
struct RawAccuracy {
    structural: Option<bool>,
}

#[derive(Deserialize)]
#[serde(expecting = "an assumption")]
struct RawAssumption {
    key: Option<String>,
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(expecting = "the totals")]
struct RawTotals {
    cycles: Option<RawFigure>,
    latency: Option<RawFigure>,
    energy: Option<RawFigure>,
    peak: Option<Entries<RawFigure>>,
    traffic: Option<Entries<RawMoved>>,
    causes: Option<Entries<RawFigure>>,
}

#[derive(Deserialize)]
#[serde(expecting = "bytes read and written")]
struct RawMoved {
    read: Option<RawFigure>,
    written: Option<RawFigure>,
}

#[derive(Deserialize)]
#[serde(expecting = "a layer")]
struct RawLayer {
    name: Option<String>,
    op: Option<String>,
    origin: Option<List<Option<u64>>>,
    engine: Option<String>,
    shape: Option<List<u64>>,
    macs: Option<u64>,
    precision: Option<String>,
    cycles: Option<RawFigure>,
    causes: Option<Entries<RawFigure>>,
    traffic: Option<Entries<RawMoved>>,
    peak_live: Option<RawFigure>,
}

#[derive(Deserialize)]
#[serde(expecting = "a figure")]
struct RawFigure {
    value: Option<Number>,
    low: Option<Number>,
    high: Option<Number>,
    unit: Option<Unit>,
    kind: Option<FigureKind>,
    unavailable: Option<String>,
}

/// What must be there.
fn need<T>(value: Option<T>, key: &str) -> Result<T, Box<Diagnostic>> {
    value.ok_or_else(|| {
        let message = format!("`{key}` is missing");
        Box::new(Diagnostic::error(&code::MISSING_FIELD, message, Place::key(key)))
    })
}

fn bad(key: &str, what: &str) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(&code::BAD_FIELD, format!("`{key}` {what}"), Place::key(key)))
}

impl RawFigure {
    fn quantity(self, key: &str, unit: Unit) -> Result<Quantity, Box<Diagnostic>> {
        match self.unavailable {
            Some(reason) => Ok(Quantity::Unavailable(reason)),
            None => self.figure(key, unit).map(Quantity::Known),
        }
    }

    fn figure(self, key: &str, unit: Unit) -> Result<Figure, Box<Diagnostic>> {
        if need(self.unit, key)? != unit {
            return Err(bad(key, &format!("is not in {}", unit.symbol())));
        }
        let kind = need(self.kind, key)?;
        let number = |number: Option<Number>| -> Result<f64, Box<Diagnostic>> {
            let number = need(number, key)?;
            let is_whole = number.as_u64().is_some_and(|whole| whole <= MAX_COUNT);
            if unit.is_counted() && !is_whole {
                return Err(bad(key, "is no whole number from 0 to 2^53"));
            }
            let value = number.as_f64().filter(|value| value.is_finite() && *value >= 0.0);
            value.ok_or_else(|| bad(key, "is no number from 0"))
        };
        let (value, low, high) = (number(self.value)?, number(self.low)?, number(self.high)?);
        if !(low <= value && value <= high) {
            return Err(bad(key, "does not lie in its interval"));
        }
        Ok(Figure { value, unit, kind, low, high })
    }
}

impl RawMoved {
    fn moved(self, key: &str) -> Result<Moved, Box<Diagnostic>> {
        Ok(Moved {
            read: need(self.read, key)?.figure(key, Unit::Bytes)?,
            written: need(self.written, key)?.figure(key, Unit::Bytes)?,
        })
    }
}

/// A table of figures.
fn figures(
    entries: Option<Entries<RawFigure>>,
    key: &str,
    unit: Unit,
) -> Result<Vec<(String, Figure)>, Box<Diagnostic>> {
    let entries = need(entries, key)?.0.into_iter();
    entries.map(|(name, raw)| Ok((name, raw.figure(key, unit)?))).collect()
}

/// A table of bytes moved.
fn moved(
    entries: Option<Entries<RawMoved>>,
    key: &str,
) -> Result<Vec<(String, Moved)>, Box<Diagnostic>> {
    let entries = need(entries, key)?.0.into_iter();
    entries.map(|(name, raw)| Ok((name, raw.moved(key)?))).collect()
}

impl Raw {
    fn document(self, schema: String) -> Result<ResultDocument, Box<Diagnostic>> {
        let tool = need(self.tool, "tool")?;
        let tool =
            format!("{} {}", need(tool.name, "tool.name")?, need(tool.version, "tool.version")?);
        let model = need(self.model, "model")?.head()?;
        let chip = need(self.chip, "chip")?.head()?;
        let totals = need(self.totals, "totals")?.totals()?;
        let is_structural = match self.accuracy.and_then(|accuracy| accuracy.structural) {
            Some(stated) => stated,
            None => totals.latency.figure().is_none() && totals.cycles.figure().is_some(),
        };
        let mut precisions = Vec::new();
        let mut fits = self.verdict.as_deref().and_then(|verdict| match verdict {
            "pass" => Some(true),
            "fail" => Some(false),
            _ => None,
        });
        if let Some(constraints) = self.constraints {
            let is_budget = |name: &str| name == "time" || name == "energy";
            let mut is_broken = false;
            for constraint in constraints.0 {
                let name = constraint.name.unwrap_or_default();
                is_broken |= !is_budget(&name) && constraint.status.as_deref() == Some("fail");
                if let ("precision", Some(RawNeed::Words(words))) = (name.as_str(), constraint.need)
                {
                    precisions.extend(words.split_whitespace().map(str::to_owned));
                }
            }
            fits = if is_broken { Some(false) } else { fits.map(|_| true) };
        }
        let layers = match self.layers {
            None => None,
            Some(list) => {
                let mut layers = Vec::with_capacity(list.0.len());
                for (at, raw) in list.0.into_iter().enumerate() {
                    precisions.extend(raw.precision.clone());
                    layers.push(raw.layer(&format!("layers[{at}]"))?);
                }
                add_up(&totals, &layers)?;
                Some(layers)
            }
        };
        precisions.sort();
        precisions.dedup();
        let mut assumptions = Vec::new();
        for raw in self.assumptions.unwrap_or_default().0 {
            let key = need(raw.key, "assumptions.key")?;
            assumptions.push((key, need(raw.value, "assumptions.value")?));
        }
        Ok(ResultDocument {
            schema,
            tool,
            model,
            chip,
            fits,
            is_structural,
            totals,
            layers,
            assumptions,
            precisions,
        })
    }
}

impl RawModel {
    fn head(self) -> Result<ModelHead, Box<Diagnostic>> {
        let shapes = |list: Option<List<RawTensor>>, key: &str| -> Result<_, Box<Diagnostic>> {
            let tensors = need(list, key)?.0.into_iter();
            tensors.map(|tensor| Ok(need(tensor.shape, key)?.0)).collect()
        };
        let count = |raw: Option<RawFigure>, key: &str| need(raw, key)?.figure(key, Unit::One);
        Ok(ModelHead {
            name: need(self.name, "model.name")?,
            description: self.description.unwrap_or_default(),
            sha256: self.sha256.unwrap_or_default(),
            inputs: shapes(self.inputs, "model.inputs")?,
            outputs: shapes(self.outputs, "model.outputs")?,
            macs: Some(count(self.macs, "model.macs")?),
            parameters: Some(count(self.parameters, "model.parameters")?),
        })
    }
}

impl RawChip {
    fn head(self) -> Result<ChipHead, Box<Diagnostic>> {
        Ok(ChipHead {
            id: need(self.id, "chip.id")?,
            card_sha256: need(self.card_sha256, "chip.card_sha256")?,
            runtime: need(self.runtime, "chip.runtime")?,
            operating_point: need(self.operating_point, "chip.operating_point")?,
            threads: self.threads.unwrap_or(1),
            clock_hz: self.clock_hz,
        })
    }
}

impl RawTotals {
    fn totals(self) -> Result<Totals, Box<Diagnostic>> {
        let quantity =
            |raw: Option<RawFigure>, key: &str, unit| need(raw, key)?.quantity(key, unit);
        Ok(Totals {
            cycles: quantity(self.cycles, "totals.cycles", Unit::Cycles)?,
            latency: quantity(self.latency, "totals.latency", Unit::Seconds)?,
            energy: quantity(self.energy, "totals.energy", Unit::Joules)?,
            peak: figures(self.peak, "totals.peak", Unit::Bytes)?,
            traffic: moved(self.traffic, "totals.traffic")?,
            causes: figures(self.causes, "totals.causes", Unit::Cycles)?,
        })
    }
}

impl RawLayer {
    fn layer(self, key: &str) -> Result<Layer, Box<Diagnostic>> {
        let under = |field: &str| format!("{key}.{field}");
        let macs = need(self.macs, &under("macs"))?;
        if macs > MAX_COUNT {
            return Err(bad(&under("macs"), "is no whole number from 0 to 2^53"));
        }
        Ok(Layer {
            name: need(self.name, &under("name"))?,
            op: need(self.op, &under("op"))?,
            origin: need(self.origin, &under("origin"))?.0.into_iter().flatten().collect(),
            engine: self.engine,
            shape: need(self.shape, &under("shape"))?.0,
            macs,
            cycles: need(self.cycles, &under("cycles"))?.figure(&under("cycles"), Unit::Cycles)?,
            causes: figures(self.causes, &under("causes"), Unit::Cycles)?,
            traffic: moved(self.traffic, &under("traffic"))?,
            peak_live: need(self.peak_live, &under("peak_live"))?
                .figure(&under("peak_live"), Unit::Bytes)?,
        })
    }
}

/// The layers' cycles are the totals', cause by cause: a comparison relies on it.
fn add_up(totals: &Totals, layers: &[Layer]) -> Result<(), Box<Diagnostic>> {
    let whole = |figure: &Figure| figure.value as u128;
    let cycles: u128 = layers.iter().map(|layer| whole(&layer.cycles)).sum();
    if let Some(total) = totals.cycles.figure()
        && whole(total) != cycles
    {
        return Err(bad("totals.cycles", &format!("is not the {cycles} of the layers")));
    }
    for (at, layer) in layers.iter().enumerate() {
        let causes: u128 = layer.causes.iter().map(|(_, cycles)| whole(cycles)).sum();
        if causes != whole(&layer.cycles) {
            return Err(bad(&format!("layers[{at}].causes"), "do not add up to the cycles"));
        }
        let mut causes = layer.causes.iter();
        let unknown = causes.find(|(name, _)| totals.causes.iter().all(|(known, _)| known != name));
        if let Some((name, _)) = unknown {
            return Err(bad(
                &format!("layers[{at}].causes"),
                &format!("name `{name}`, which the totals do not"),
            ));
        }
    }
    for (name, total) in &totals.causes {
        let causes = layers.iter().flat_map(|layer| &layer.causes);
        let sum: u128 =
            causes.filter(|(cause, _)| cause == name).map(|(_, cycles)| whole(cycles)).sum();
        if sum != whole(total) {
            let message = format!("is not the {sum} of the layers");
            return Err(bad(&format!("totals.causes.{name}"), &message));
        }
    }
    Ok(())
}

//! The machine contract: figures with unit, kind and interval.

use cofit_chip::Chip;
use cofit_compile::plan::MemoryId;
use cofit_explore::verdict::{energy_quantity, latency_figure};
use cofit_ir::Model;
use cofit_sim::{Causes, Profile};
use cofit_vocab::{Bytes, Cycles, Diagnostic, Figure, FigureKind, PicoJoules, Quantity, Unit};
use cranelift_entity::EntityRef;
use serde_json::{Map, Value, json};

use crate::Subject;

/// The version of the contract. Within a version fields are only added.
pub const SCHEMA: &str = "cofit/1";

/// A number as JSON: whole for counted units, and for counts without a unit.
fn number(amount: f64, unit: Unit) -> Value {
    /// The largest number below which every whole one is a float.
    const EXACT: f64 = (1u64 << f64::MANTISSA_DIGITS) as f64;
    if unit.is_counted() && amount >= 0.0 {
        json!(amount as u64)
    } else if unit.is_counted()
        || (unit == Unit::One && amount.fract() == 0.0 && amount.abs() < EXACT)
    {
        json!(amount as i64)
    } else {
        json!(amount)
    }
}

/// `{"value", "unit", "kind", "low", "high"}`.
pub fn figure(figure: &Figure) -> Value {
    json!({
        "value": number(figure.value, figure.unit),
        "unit": figure.unit.symbol(),
        "kind": figure.kind.name(),
        "low": number(figure.low, figure.unit),
        "high": number(figure.high, figure.unit),
    })
}

/// A figure, or `{"unavailable": reason}`.
pub fn quantity(quantity: &Quantity) -> Value {
    match quantity {
        Quantity::Known(known) => figure(known),
        Quantity::Unavailable(reason) => json!({ "unavailable": reason }),
    }
}

/// A byte count.
pub fn bytes(bytes: Bytes, kind: FigureKind) -> Value {
    whole(bytes.get(), Unit::Bytes, kind, bytes.get(), bytes.get())
}

/// A cycle count with the profile's kind and interval.
pub fn cycles(cycles: Cycles, profile: &Profile) -> Value {
    let (value, accuracy) = (cycles.get(), &profile.accuracy);
    let scaled = |factor: f64| (cycles.as_f64() * factor).round() as u64;
    let (low, high) = (scaled(accuracy.low).min(value), scaled(accuracy.high).max(value));
    whole(value, Unit::Cycles, accuracy.kind, low, high)
}

/// A figure of whole numbers to the last digit, which a float does not keep.
fn whole(value: u64, unit: Unit, kind: FigureKind, low: u64, high: u64) -> Value {
    json!({
        "value": value,
        "unit": unit.symbol(),
        "kind": kind.name(),
        "low": low,
        "high": high,
    })
}

/// Cycles by cause; every cause is there.
pub fn causes(causes: &Causes, profile: &Profile) -> Value {
    let entries: Map<String, Value> = causes
        .iter()
        .map(|(cause, amount)| (cause.name().to_owned(), cycles(amount, profile)))
        .collect();
    Value::Object(entries)
}

/// `schema`, `tool`, `model` and `chip`: the head of every result about a model on a chip.
pub fn head(subject: &Subject<'_>) -> Map<String, Value> {
    let mut head = Map::new();
    head.insert("schema".to_owned(), json!(SCHEMA));
    head.insert("tool".to_owned(), tool());
    head.insert("model".to_owned(), model(subject.model));
    head.insert("chip".to_owned(), chip(subject.chip));
    head
}

/// The tool's name and version.
pub fn tool() -> Value {
    json!({ "name": "cofit", "version": env!("CARGO_PKG_VERSION") })
}

/// The model's identity and size.
pub fn model(model: &Model) -> Value {
    let main = model.main();
    let tensors = |list: fn(&cofit_ir::Graph) -> &[cofit_ir::TensorId]| -> Vec<Value> {
        main.map_or_else(Vec::new, |graph| {
            list(graph)
                .iter()
                .map(|&id| {
                    let tensor = &graph.tensors[id];
                    json!({
                        "name": tensor.name,
                        "element": tensor.element.name(),
                        "shape": tensor.shape.dimensions(),
                    })
                })
                .collect()
        })
    };
    let exact = |value: f64| figure(&Figure::point(value, Unit::One, FigureKind::Exact));
    json!({
        "name": model.name,
        "description": model.description,
        "file": model.source.file,
        "sha256": model.source.sha256,
        "inputs": tensors(|graph| &graph.inputs),
        "outputs": tensors(|graph| &graph.outputs),
        "macs": exact(main.map_or(0.0, |graph| graph.total_macs().as_f64())),
        "parameters": exact(main.map_or(0.0, |graph| crate::inspect::parameters(graph) as f64)),
    })
}

/// The chip's identity.
pub fn chip(chip: &Chip) -> Value {
    json!({
        "id": chip.id(),
        "card_sha256": chip.sha256,
        "runtime": chip.runtime.id,
        "operating_point": chip.operating_point.id,
        "threads": chip.running_threads(),
        "clock_hz": chip.reference_clock().map(|clock| number(clock.value.get(), Unit::One)),
    })
}

/// What the result rests on that nobody stated.
pub fn assumptions(subject: &Subject<'_>) -> Value {
    subject
        .assumptions()
        .map(|assumption| {
            json!({ "key": assumption.key, "value": assumption.value, "why": assumption.why })
        })
        .collect()
}

/// Sums over the whole inference.
pub fn totals(subject: &Subject<'_>) -> Value {
    let (plan, profile) = (&subject.evaluation.plan, &subject.evaluation.profile);
    let memory = |id: MemoryId| subject.chip.memories[id.index()].id.clone();
    let peak: Map<String, Value> = plan
        .memories
        .iter()
        .map(|(id, used)| (memory(id), bytes(used.need(), FigureKind::Planned)))
        .collect();
    let traffic: Map<String, Value> =
        profile.traffic.iter().map(|(id, moved)| (memory(id), moved_bytes(moved))).collect();
    let cold_start = match &profile.cold_start {
        Ok(load) => {
            let seconds = load.time.get();
            figure(&Figure::point(seconds, Unit::Seconds, FigureKind::Simulated))
        }
        Err(reason) => json!({ "unavailable": reason }),
    };
    let parts: Map<String, Value> = plan
        .memories
        .iter()
        .filter(|(_, used)| !used.need().is_zero())
        .map(|(id, used)| {
            let part = |bytes_of| bytes(bytes_of, FigureKind::Planned);
            let entry = json!({
                "activations": part(used.activations),
                "scratch": part(used.scratch),
                "runtime": part(used.runtime),
                "constants": part(used.constants),
                "code": part(used.code),
                "reserved": part(used.reserved),
            });
            (memory(id), entry)
        })
        .collect();
    json!({
        "cycles": cycles(profile.cycles, profile),
        "latency": latency(profile),
        "energy": quantity(&energy_quantity(profile)),
        "energy_parts": energy_parts(profile),
        "cold_start": cold_start,
        "first_inference": first_inference(profile),
        "peak": peak,
        "parts": parts,
        "traffic": traffic,
        "causes": causes(&profile.causes, profile),
    })
}

/// The time of one inference; a structural model has none to give.
pub fn latency(profile: &Profile) -> Value {
    if profile.accuracy.is_structural {
        return json!({ "unavailable": "uncalibrated, structural model only" });
    }
    figure(&latency_figure(profile))
}

/// What the energy of one inference is made of.
fn energy_parts(profile: &Profile) -> Value {
    match (&profile.energy, energy_quantity(profile).figure()) {
        (Ok(energy), Some(whole)) => {
            let part = |joules: PicoJoules| {
                let value = joules.get() * 1e-12;
                figure(&Figure::point(value, Unit::Joules, whole.kind))
            };
            json!({
                "cycles": part(energy.by_cycle),
                "macs": part(energy.by_mac),
                "bytes": part(energy.by_byte),
                "static": part(energy.leakage),
            })
        }
        (Err(reason), _) => json!({ "unavailable": reason }),
        (Ok(_), None) => json!({ "unavailable": "the energy of one inference is unknown" }),
    }
}

/// Time and energy from a chip that has loaded nothing to its first result.
fn first_inference(profile: &Profile) -> Value {
    let unavailable = |reason: String| json!({ "unavailable": reason });
    let time = match profile.first_inference() {
        Ok(_) if profile.accuracy.is_structural => {
            unavailable("uncalibrated, structural model only".to_owned())
        }
        Ok(time) => {
            // Loading is simulated; the inference has the interval of its latency.
            let steady = latency_figure(profile);
            let loading = time.get() - profile.steady_state().get();
            figure(&Figure {
                value: time.get(),
                low: steady.low + loading,
                high: steady.high + loading,
                ..steady
            })
        }
        Err(reason) => unavailable(reason),
    };
    let steady = energy_quantity(profile);
    let energy = match (profile.first_inference_energy(), steady.figure()) {
        (Ok(energy), Some(steady)) => {
            let value = energy.get() * 1e-12;
            let loading = value - steady.value;
            let (low, high) = (steady.low + loading, steady.high + loading);
            figure(&Figure { value, low, high, ..*steady })
        }
        (Ok(_), None) => unavailable("the energy of one inference is unknown".to_owned()),
        (Err(reason), _) => unavailable(reason),
    };
    json!({ "latency": time, "energy": energy })
}

/// Bytes read and written.
pub fn moved_bytes(moved: &cofit_sim::profile::Traffic) -> Value {
    json!({
        "read": bytes(moved.read, FigureKind::Simulated),
        "written": bytes(moved.written, FigureKind::Simulated),
    })
}

/// A message as JSON.
pub fn diagnostic(diagnostic: &Diagnostic) -> Value {
    json!({
        "code": diagnostic.code.id,
        "message": diagnostic.message,
        "where": diagnostic.place.to_string(),
        "do": diagnostic.cure(),
    })
}

/// A JSON value as the text of a file.
pub fn text(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

//! Cycles by cause, bytes by memory and energy, layer by layer.

use std::fmt::Write as _;

use cofit_compile::plan::{Placement, Step, StepId};
use cofit_sim::Cause;
use cofit_vocab::{FigureKind, units};
use cranelift_entity::EntityRef;
use serde_json::{Map, Value, json};

use crate::bars::{self, Bar, Meaning};
use crate::table::{ColumnKind, Table};
use crate::{Rendering, Subject, check, json, transfers, words};

/// One row a layer.
fn table(subject: &Subject<'_>, is_complete: bool) -> Table {
    let used: Vec<Cause> = Cause::ALL
        .into_iter()
        .filter(|&cause| is_complete || !subject.evaluation.profile.causes.get(cause).is_zero())
        .collect();
    let mut columns =
        vec![("L", ColumnKind::Number), ("LAYER", ColumnKind::Name), ("OP", ColumnKind::Term)];
    // An engine that runs everything needs no column on a screen.
    let shows_engine = is_complete || engines_used(subject) > 1;
    if shows_engine {
        columns.push(("ENGINE", ColumnKind::Word));
    }
    columns.extend([("MACS", ColumnKind::Number), ("CYCLES", ColumnKind::Number)]);
    if is_complete {
        columns.extend(used.iter().map(|cause| (cause.name(), ColumnKind::Number)));
        columns.push(("bytes_moved", ColumnKind::Number));
    } else {
        columns.push(("%", ColumnKind::Number));
        columns.push(("BOUND", ColumnKind::Term));
    }
    let mut table = Table::new(&columns);
    let profile = &subject.evaluation.profile;
    let name =
        |name: &str| if is_complete { name.to_owned() } else { words::short_name(name).to_owned() };
    let count = |number: u64| if is_complete { number.to_string() } else { units::grouped(number) };
    for (id, step) in &subject.evaluation.plan.steps {
        if step.placement == Placement::View {
            continue;
        }
        let cost = &profile.steps[id];
        let mut row = vec![
            id.as_u32().to_string(),
            name(&subject.evaluation.plan.step_name(id)),
            operator_names(subject, step),
        ];
        if shows_engine {
            row.push(engine(subject, step));
        }
        row.extend([count(macs(subject, step)), count(cost.cycles().get())]);
        if is_complete {
            row.extend(used.iter().map(|&cause| count(cost.causes.get(cause).get())));
            let moved: u64 = cost.traffic.values().map(|moved| moved.total().get()).sum();
            row.push(moved.to_string());
        } else {
            let share = cost.cycles().as_f64() / profile.cycles.as_f64().max(1.0);
            row.push(format!("{:.1}", share * 100.0));
            row.push(cost.bound().map_or("-", Cause::name).to_owned());
        }
        table.row(row);
    }
    table
}

/// Every layer's cycles in parts of the largest, in the colour of what binds it.
fn layer_bars(subject: &Subject<'_>) -> Vec<Bar> {
    let evaluation = subject.evaluation;
    let steps = evaluation.plan.steps.iter();
    let costs: Vec<_> = steps
        .filter(|(_, step)| step.placement != Placement::View)
        .map(|(id, _)| &evaluation.profile.steps[id])
        .collect();
    let most = costs.iter().map(|cost| cost.cycles().get()).max().unwrap_or(0).max(1);
    let bar = |cost: &cofit_sim::profile::StepProfile| -> Bar {
        let cause = cost.bound()?;
        Some((cost.cycles().as_f64() / most as f64, Meaning::Cause(cause)))
    };
    costs.into_iter().map(bar).collect()
}

/// How many engines the plan uses.
fn engines_used(subject: &Subject<'_>) -> usize {
    let steps = subject.evaluation.plan.steps.values();
    let mut engines: Vec<_> =
        steps.filter(|step| step.placement != Placement::View).map(|step| step.engine).collect();
    engines.sort_unstable();
    engines.dedup();
    engines.len()
}

/// The kinds of a step's operators.
pub(crate) fn operator_names(subject: &Subject<'_>, step: &Step) -> String {
    let graph = &subject.evaluation.plan.graph;
    let names: Vec<&str> =
        step.operators.iter().map(|&operator| graph.operators[operator].kind().name()).collect();
    names.join("+")
}

pub(crate) fn engine(subject: &Subject<'_>, step: &Step) -> String {
    let name = subject.chip.engines.get(step.engine.index()).map_or("-", |engine| &engine.id);
    match step.placement {
        Placement::Refused => format!("{name}!"),
        Placement::Native | Placement::Fallback(_) | Placement::View => name.to_owned(),
    }
}

pub(crate) fn macs(subject: &Subject<'_>, step: &Step) -> u64 {
    let graph = &subject.evaluation.plan.graph;
    step.operators.iter().map(|&operator| graph.macs(operator).get()).fold(0, u64::saturating_add)
}

/// Layers, then sums by cause and memory.
pub fn text(subject: &Subject<'_>, rendering: Rendering) -> String {
    let profile = &subject.evaluation.profile;
    let mut text = check::heading(subject);
    text.push('\n');
    let layers = table(subject, false).text(rendering.width);
    text.push_str(&bars::behind(&layers, &layer_bars(subject), rendering));
    let mut causes = Table::new(&[
        ("CAUSE", ColumnKind::Word),
        ("CYCLES", ColumnKind::Number),
        ("%", ColumnKind::Number),
    ]);
    let mut shares: Vec<Bar> = Vec::new();
    for (cause, cycles) in profile.causes.iter().filter(|(_, cycles)| !cycles.is_zero()) {
        let share = cycles.as_f64() / profile.cycles.as_f64().max(1.0);
        shares.push(Some((share, Meaning::Cause(cause))));
        causes.row(vec![
            cause.name().to_owned(),
            units::grouped(cycles.get()),
            format!("{:.1}", share * 100.0),
        ]);
    }
    causes.row(vec!["total".to_owned(), units::grouped(profile.cycles.get()), "100.0".to_owned()]);
    text.push('\n');
    text.push_str(&bars::behind(&causes.text(rendering.width), &shares, rendering));
    let mut memories = Table::new(&[
        ("MEMORY", ColumnKind::Word),
        ("READ", ColumnKind::Number),
        ("WRITTEN", ColumnKind::Number),
        ("PEAK", ColumnKind::Number),
    ]);
    for (id, moved) in &profile.traffic {
        let need = subject
            .evaluation
            .plan
            .memories
            .get(id)
            .map_or_else(Default::default, |used| used.need());
        if moved.total().is_zero() && need.is_zero() {
            continue;
        }
        memories.row(vec![
            subject.chip.memories[id.index()].id.clone(),
            moved.read.human(),
            moved.written.human(),
            need.human(),
        ]);
    }
    if !memories.is_empty() {
        text.push('\n');
        text.push_str(&memories.text(rendering.width));
    }
    text.push_str(&transfers::sim_text(subject, rendering));
    let _ = write!(text, "\n{}", check::cost_lines(subject));
    text.push_str(&check::assumptions(subject, rendering));
    text
}

/// One row a layer, with every cause.
pub fn csv(subject: &Subject<'_>) -> String {
    table(subject, true).csv()
}

/// One row a layer, in Markdown.
pub fn markdown(subject: &Subject<'_>) -> String {
    table(subject, false).markdown()
}

/// The profile as the machine contract has it.
pub fn json_value(subject: &Subject<'_>) -> Value {
    let (plan, profile) = (&subject.evaluation.plan, &subject.evaluation.profile);
    let mut value = json::head(subject);
    value.insert("verdict".to_owned(), json!(subject.evaluation.verdict.status.name()));
    value.insert("totals".to_owned(), json::totals(subject));
    let layers: Vec<Value> = plan.steps.iter().map(|(id, step)| layer(subject, id, step)).collect();
    value.insert("layers".to_owned(), json!(layers));
    value.insert("transfers".to_owned(), transfers::sim_json(subject));
    value.insert(
        "accuracy".to_owned(),
        json!({
            "kind": profile.accuracy.kind.name(),
            "low": profile.accuracy.low,
            "high": profile.accuracy.high,
            "structural": profile.accuracy.is_structural,
        }),
    );
    value.insert("assumptions".to_owned(), json::assumptions(subject));
    Value::Object(value)
}

fn layer(subject: &Subject<'_>, id: StepId, step: &Step) -> Value {
    let (plan, profile) = (&subject.evaluation.plan, &subject.evaluation.profile);
    let cost = &profile.steps[id];
    let origin: Vec<Value> = step
        .operators
        .iter()
        .map(|&operator| json!(plan.graph.operators[operator].origin.index))
        .collect();
    let shape = step
        .outputs
        .first()
        .map_or_else(|| json!([]), |&output| json!(plan.graph.tensors[output].shape.dimensions()));
    let traffic: Map<String, Value> = cost
        .traffic
        .iter()
        .map(|(memory, moved)| {
            (subject.chip.memories[memory.index()].id.clone(), json::moved_bytes(moved))
        })
        .collect();
    let live = plan.live_at(id).map(|(_, buffer)| buffer.bytes).sum();
    let demands: Map<String, Value> = cost
        .demands
        .iter()
        .map(|demand| (demand.resource.clone(), json::cycles(demand.cycles, profile)))
        .collect();
    let mut value = json!({
        "id": id.as_u32(),
        "name": plan.step_name(id),
        "op": operator_names(subject, step),
        "origin": origin,
        "engine": subject.chip.engines.get(step.engine.index()).map(|engine| engine.id.as_str()),
        "placement": match step.placement {
            Placement::Native => "native",
            Placement::Fallback(_) => "fallback",
            Placement::View => "view",
            Placement::Refused => "refused",
        },
        "shape": shape,
        "macs": macs(subject, step),
        "precision": step.precision.weight_bits.map(|weights| {
            let (is_float, activations) = (step.precision.is_float, step.precision.activation_bits);
            if is_float { format!("f{activations}") } else { format!("w{weights}a{activations}") }
        }),
        "cycles": json::cycles(cost.cycles(), profile),
        "causes": json::causes(&cost.causes, profile),
        "unhidden": json::cycles(cost.unhidden, profile),
        "demands": demands,
        "traffic": traffic,
        "peak_live": json::bytes(live, FigureKind::Planned),
    });
    let reason = match &step.placement {
        Placement::Fallback(reason) => Some(reason),
        Placement::Refused => plan
            .refusals
            .iter()
            .find(|refusal| refusal.step == Some(id))
            .map(|refusal| &refusal.diagnostic),
        Placement::Native | Placement::View => None,
    };
    if let Some(reason) = reason {
        value["reason"] = json::diagnostic(reason);
    }
    value
}

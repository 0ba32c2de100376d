//! Gives every step an engine, or the reason why none takes it.
//!
//! Engines are tried in the card's order, the host last. The first engine's refusal is the one
//! that is reported, since that is the engine a user bought the chip for. What the refusal leads
//! to is the card's `fallback`: the host runs the operator, or it and everything after it, or the
//! model is refused. A fused step that its engine refuses is taken apart and tried again.

use cofit_chip::{Engine, EngineKind, Fallback, OperatorClass, Partitions};
use cofit_ir::OperatorId;
use cofit_vocab::diagnostic::chip_rule as code;
use cofit_vocab::{Diagnostic, OperatorKind, Place};
use cranelift_entity::PrimaryMap;
use smallvec::SmallVec;

use crate::context::Context;
use crate::plan::{Constraint, EngineId, Placement, Plan, Precision, Refusal, Step, StepId};
use crate::rules::{self, Breach};
use crate::step_layer::StepLayer;

/// Places every step.
pub fn run(plan: &mut Plan, context: &Context<'_>) {
    let consumers = plan.graph.consumers();
    let mut placed: PrimaryMap<_, Step> = PrimaryMap::new();
    let mut placer = Placer { context: *context, has_begun: false, ended: None };
    let mut pending: Vec<Step> =
        std::mem::take(&mut plan.steps).into_iter().map(|(_, s)| s).collect();
    pending.reverse();
    while let Some(mut step) = pending.pop() {
        match placer.place(plan, &step) {
            Placed::On(engine, precision, placement) => {
                step.engine = engine;
                step.precision = precision;
                if let Placement::Fallback(reason) = &placement {
                    plan.notes.push(reason.clone());
                }
                step.placement = placement;
                placed.push(step);
            }
            Placed::TakeApart => {
                for &operator in step.operators.iter().rev() {
                    let alone = SmallVec::from_slice(&[operator]);
                    pending.push(super::fuse::step_of(&plan.graph, &consumers, alone));
                }
            }
            Placed::Nowhere(engine, precision, breach) => {
                step.engine = engine;
                step.precision = precision;
                step.placement = Placement::Refused;
                let main = step.main;
                let id = placed.push(step);
                let constraint = match breach.code.id {
                    id if id == code::PRECISION_UNSUPPORTED.id => Constraint::Precision,
                    id if id == code::REQUIREMENT_UNMET.id => Constraint::Precision,
                    _ => Constraint::Operators,
                };
                let diagnostic = diagnostic(plan, main, &breach);
                plan.refusals.push(Refusal { constraint, step: Some(id), diagnostic });
            }
        }
    }
    plan.steps = placed;
}

/// Moves a step to the host for the reason that `note` gives. Says whether card and host let it.
pub(super) fn move_to_host(
    plan: &mut Plan,
    context: &Context<'_>,
    id: StepId,
    note: Diagnostic,
) -> bool {
    let step = &plan.steps[id];
    let allowed = context.engine(step.engine).fallback == Fallback::Host;
    let Some(host) = context.host().filter(|_| allowed) else { return false };
    let Ok(precision) = accept(context.engine(host), &StepLayer::of(&plan.graph, step)) else {
        return false;
    };
    plan.notes.push(note.clone());
    let step = &mut plan.steps[id];
    step.engine = host;
    step.precision = precision;
    step.placement = Placement::Fallback(note);
    true
}

enum Placed {
    On(EngineId, Precision, Placement),
    TakeApart,
    Nowhere(EngineId, Precision, Breach),
}

struct Placer<'a> {
    context: Context<'a>,
    /// Whether an accelerator already runs something.
    has_begun: bool,
    /// The engine with a single partition whose partition has ended.
    ended: Option<EngineId>,
}

impl Placer<'_> {
    fn place(&mut self, plan: &Plan, step: &Step) -> Placed {
        let layer = StepLayer::of(&plan.graph, step);
        if is_view(plan, step) {
            let engine = EngineId::from_u32(0);
            let precision = Precision::of_activations(layer.main.element.bits());
            return Placed::On(engine, precision, Placement::View);
        }
        let host = self.context.host();
        let mut first_breach: Option<(EngineId, Breach)> = None;
        let accelerators = self.context.engines().filter(|(id, _)| Some(*id) != host);
        if let Some(id) = self.ended {
            let engine = self.context.engine(id);
            let is_handed_over = engine.handed_over.contains(&layer.main.kind);
            if engine.fallback == Fallback::Reject && !is_handed_over {
                return Placed::Nowhere(id, assumed_precision(&layer), after_the_end(engine));
            }
        }
        for (id, engine) in accelerators {
            if self.ended.is_some() {
                break;
            }
            match accept(engine, &layer) {
                Ok(precision) => {
                    self.has_begun = true;
                    return Placed::On(id, precision, Placement::Native);
                }
                Err(_) if step.operators.len() > 1 => return Placed::TakeApart,
                Err(breach) => {
                    first_breach.get_or_insert((id, breach));
                }
            }
        }
        let fallback = match &first_breach {
            Some((id, _)) if self.context.engine(*id).handed_over.contains(&layer.main.kind) => {
                Fallback::Host
            }
            Some((id, breach)) => breach.fallback.unwrap_or(self.context.engine(*id).fallback),
            None => Fallback::Host,
        };
        let Some(host) = host.filter(|_| fallback != Fallback::Reject) else {
            let (engine, breach) = first_breach.unwrap_or_else(|| no_engine(&layer));
            return Placed::Nowhere(engine, assumed_precision(&layer), breach);
        };
        match accept(self.context.engine(host), &layer) {
            Ok(precision) => {
                let placement = match &first_breach {
                    Some((_, breach)) => Placement::Fallback(fallback_note(plan, step, breach)),
                    None if self.ended.is_some() => Placement::Fallback(tail_note(plan, step)),
                    None => Placement::Native,
                };
                let is_single = self.context.chip.control.partitions == Partitions::One
                    || fallback == Fallback::PartitionTail;
                let is_handed_over = first_breach.as_ref().is_some_and(|(id, _)| {
                    self.context.engine(*id).handed_over.contains(&layer.main.kind)
                });
                // What is handed over before the engine begins prepares its input.
                if let Some((id, _)) = &first_breach
                    && is_single
                    && (self.has_begun || !is_handed_over)
                {
                    self.ended = Some(*id);
                }
                Placed::On(host, precision, placement)
            }
            Err(_) if step.operators.len() > 1 => Placed::TakeApart,
            Err(breach) => {
                let (engine, breach) = first_breach.unwrap_or((host, breach));
                Placed::Nowhere(engine, assumed_precision(&layer), breach)
            }
        }
    }
}

/// Whether the step only gives its operand another shape.
fn is_view(plan: &Plan, step: &Step) -> bool {
    let kind = plan.graph.operators[step.main].kind();
    step.operators.len() == 1
        && kind != OperatorKind::Shape
        && OperatorClass::of(kind) == OperatorClass::View
        && step.inputs.len() == 1
}

/// Whether `engine` runs the step with everything that was fused into it.
fn accept(engine: &Engine, layer: &StepLayer) -> Result<Precision, Breach> {
    let rule = if engine.flattens {
        rules::accept(engine, &layer.unflattened())?
    } else {
        rules::accept(engine, &layer.main)?
    };
    if rule.fused_only {
        return Err(Breach {
            code: &code::OPERATOR_UNSUPPORTED,
            message: format!("{} runs {} only as part of a layer", engine.id, layer.main.kind),
            why: rule.why.clone(),
            fallback: rule.fallback,
        });
    }
    // Fused neighbours are part of the rule that fused them, but where the engine has limits on
    // their kind those hold as well.
    let neighbours = [&layer.pool_before, &layer.pool_after, &layer.elementwise];
    for neighbour in neighbours.into_iter().flatten() {
        if engine.operators.mentions(neighbour.kind) {
            rules::accept(engine, neighbour)?;
        }
    }
    let is_processor = matches!(engine.kind, EngineKind::Cpu | EngineKind::Simd | EngineKind::Vliw);
    if is_processor && layer.main.is_bookkeeping() {
        return Ok(assumed_precision(layer));
    }
    rules::precision(engine, &layer.main)
}

/// The widths of a step that no engine took, at the native rate.
fn assumed_precision(layer: &StepLayer) -> Precision {
    let weight_bits = layer.main.weight_element.map(cofit_vocab::ElementType::bits);
    Precision {
        weight_bits,
        is_float: layer.main.element.is_float(),
        stored_weight_bits: weight_bits.unwrap_or(0),
        ..Precision::of_activations(layer.main.element.bits())
    }
}

/// The refusal of a card that lists no engine.
fn no_engine(layer: &StepLayer) -> (EngineId, Breach) {
    let breach = Breach {
        code: &code::OPERATOR_UNSUPPORTED,
        message: format!("no engine of the chip runs {}", layer.main.kind),
        why: None,
        fallback: None,
    };
    (EngineId::from_u32(0), breach)
}

/// A breach as a message about an operator.
fn diagnostic(plan: &Plan, operator: OperatorId, breach: &Breach) -> Diagnostic {
    let kind = plan.graph.operators[operator].kind();
    let place = Place::operator(plan.graph.operator_name(operator));
    let diagnostic = Diagnostic::error(breach.code, format!("{kind}: {}", breach.message), place);
    match &breach.why {
        Some(why) => diagnostic.with_help(format!("{why}. {}", breach.code.cure)),
        None => diagnostic,
    }
}

/// The note that the host runs a step, with the breach that made it so.
fn fallback_note(plan: &Plan, step: &Step, breach: &Breach) -> Diagnostic {
    let kind = plan.graph.operators[step.main].kind();
    let place = Place::operator(plan.graph.operator_name(step.main));
    let message = format!("{kind} runs on the host: {} ({})", breach.message, breach.code.id);
    Diagnostic::note(&code::FALLBACK, message, place).with_help(match &breach.why {
        Some(why) => format!("{why}. {}", breach.code.cure),
        None => breach.code.cure.to_owned(),
    })
}

/// The refusal of a step behind the end of the engine's only partition.
fn after_the_end(engine: &Engine) -> Breach {
    Breach {
        code: &code::OPERATOR_UNSUPPORTED,
        message: format!("{} takes one partition, and an earlier operator ended it", engine.id),
        why: None,
        fallback: None,
    }
}

/// The note that the host runs a step because an earlier one ended the engine's partition.
fn tail_note(plan: &Plan, step: &Step) -> Diagnostic {
    let kind = plan.graph.operators[step.main].kind();
    let place = Place::operator(plan.graph.operator_name(step.main));
    let message = format!(
        "{kind} runs on the host: the engine takes one partition, and an earlier operator ended it"
    );
    Diagnostic::note(&code::FALLBACK, message, place)
}

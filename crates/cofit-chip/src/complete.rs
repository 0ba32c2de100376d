//! From a card's tables to a [`Chip`]: the choice of runtime and operating point, and stand-ins
//! for what the card leaves out, each listed as an assumption.

use cofit_vocab::{Bytes, Hertz};

use crate::Sourced;
use crate::card::Selection;
use crate::chip::{
    CardBody, Chip, Domain, Engine, Memory, OperatingPoint, Placement, Planner, Runtime,
    RuntimeCode, RuntimeRam, Tier,
};
use crate::decode::Context;

/// A clock for cards that state none. It has no source; results in cycles do not depend on it.
const ASSUMED_CLOCK: Hertz = Hertz(100e6);

/// Makes the chip of `body`. The selection was found in the card before.
pub(crate) fn complete(
    body: CardBody,
    selection: &Selection,
    sha256: String,
    context: &mut Context<'_>,
) -> Chip {
    let runtimes = body.runtimes.iter().map(|runtime| runtime.id.clone()).collect();
    let wanted = selection.runtime.as_deref();
    let runtime = body.runtimes.into_iter().find(|runtime| {
        wanted.is_none_or(|id| runtime.id == id || runtime.aliases.iter().any(|name| name == id))
    });
    let engines = engines_of(runtime.as_ref(), body.engines);
    let reference = engines.first().map_or(Domain::Cpu, Engine::clock_domain);
    let operating_points = body.operating_points.iter().map(|point| point.id.clone()).collect();
    let wanted = selection.operating_point.as_deref();
    let mut operating_point = body
        .operating_points
        .into_iter()
        .find(|point| wanted.is_none_or(|id| point.id == id))
        .unwrap_or_else(unstated_point);
    complete_clock(&mut operating_point, reference, selection.clock, context);
    let runtime = runtime.unwrap_or_else(|| unstated_runtime(context));
    let mut memories = body.memories;
    for memory in &mut memories {
        complete_memory(memory, context);
    }
    let assumptions =
        relevant(std::mem::take(&mut context.assumptions), &operating_point, &runtime);
    let chip = Chip {
        target: body.target,
        sources: body.sources,
        operating_point,
        operating_points,
        runtime,
        runtimes,
        threads: selection.threads,
        memories,
        layouts: body.layouts,
        links: body.links,
        engines,
        fusions: body.fusions,
        tiling: body.tiling,
        weights: body.weights,
        control: body.control,
        energy: body.energy,
        calibration: body.calibration,
        toolchain: body.toolchain,
        assumptions,
        sha256,
    };
    check_threads(&chip, context);
    chip
}

/// Reports a wish for more threads than the chip can use, or for none.
fn check_threads(chip: &Chip, context: &mut Context<'_>) {
    let most = chip.most_threads();
    if let Some(wanted) = chip.threads.filter(|wanted| !(1..=most).contains(wanted)) {
        let message = format!(
            "{wanted} threads; {} with {} runs 1{}",
            chip.id(),
            chip.runtime.id,
            if most > 1 { format!(" to {most}") } else { String::new() }
        );
        let place = cofit_vocab::Place::key("--threads");
        context.diagnostics.push(cofit_vocab::Diagnostic::error(
            &cofit_vocab::diagnostic::usage::UNUSABLE_THREADS,
            message,
            place,
        ));
    }
}

/// The engines that `runtime` uses, in its order.
fn engines_of(runtime: Option<&Runtime>, mut engines: Vec<Engine>) -> Vec<Engine> {
    match runtime.and_then(|runtime| runtime.engines.as_ref()) {
        None => engines,
        Some(ids) => ids
            .iter()
            .filter_map(|id| {
                let at = engines.iter().position(|engine| engine.id == *id)?;
                Some(engines.remove(at))
            })
            .collect(),
    }
}

fn unstated_point() -> OperatingPoint {
    OperatingPoint {
        id: "assumed".to_owned(),
        cpu: None,
        npu: None,
        memory: None,
        volts: None,
        wake_up: None,
        overlay: None,
    }
}

fn unstated_runtime(context: &mut Context<'_>) -> Runtime {
    let why = "the card names no runtime";
    Runtime {
        id: "generic".to_owned(),
        name: None,
        library: None,
        version: None,
        placement: Placement::PerBuffer,
        planner: Planner::Lowest,
        folds_batch_normalization: true,
        ordering: crate::chip::Ordering::File,
        ram: RuntimeRam {
            fixed: context.assume("runtime.generic.ram.fixed", Bytes::ZERO, why),
            ..RuntimeRam::default()
        },
        code: RuntimeCode {
            fixed: context.assume("runtime.generic.code.fixed", Bytes::ZERO, why),
            ..RuntimeCode::default()
        },
        alignment: None,
        accuracy: None,
        engines: None,
        aliases: Vec::new(),
        overlay: None,
    }
}

fn complete_clock(
    point: &mut OperatingPoint,
    reference: Domain,
    wanted: Option<Hertz>,
    context: &mut Context<'_>,
) {
    let known = Domain::ALL.iter().any(|(_, domain)| point.clock(*domain).is_some());
    let clock = match wanted {
        Some(clock) => Sourced::plain(clock),
        None if known => return,
        None => {
            let key = format!("operating_point.{}.{}", point.id, reference.name());
            context.assume(&key, ASSUMED_CLOCK, "the card states no clock; 100 MHz is taken")
        }
    };
    match reference {
        Domain::Cpu => point.cpu = Some(clock),
        Domain::Npu => point.npu = Some(clock),
        Domain::Memory => point.memory = Some(clock),
    }
}

fn complete_memory(memory: &mut Memory, context: &mut Context<'_>) {
    if memory.bandwidth.is_none() && memory.bytes_per_cycle.is_none() {
        let (rate, why) = match memory.tier {
            Tier::Register | Tier::Scratch | Tier::Sram => {
                (4.0, "no rate is known; a 32-bit word per cycle is taken")
            }
            Tier::Flash | Tier::Dram | Tier::Host => {
                (1.0, "no rate is known; a byte per cycle is taken")
            }
        };
        let key = format!("memory.{}.bytes_per_cycle", memory.id);
        memory.bytes_per_cycle = Some(context.assume(&key, rate, why));
    }
    if memory.holds.is_none() {
        let usual = memory.tier.usual_contents().to_vec();
        let key = format!("memory.{}.holds", memory.id);
        let why = format!("the card does not say; a memory of tier {} usually does", memory.tier);
        memory.holds = Some(context.assume(&key, usual, &why).value);
    }
}

/// The assumptions that bear on this choice: those of other runtimes and points do not.
fn relevant(
    assumptions: Vec<crate::Assumption>,
    point: &OperatingPoint,
    runtime: &Runtime,
) -> Vec<crate::Assumption> {
    assumptions
        .into_iter()
        .filter(|assumption| {
            let mut parts = assumption.key.split('.');
            match (parts.next(), parts.next()) {
                (Some("runtime"), Some(id)) => id == runtime.id,
                (Some("operating_point"), Some(id)) => id == point.id,
                _ => true,
            }
        })
        .collect()
}

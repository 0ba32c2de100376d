//! `cofit pack`: buffers into one memory, without a model.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Instant;

use cofit_pack::{
    Budget, Decision, Incumbent, PackError, Problem, Proof, Solution, Witness, certificate, csv,
    decide, minimise,
};
use cofit_report::pack::{self, Fit, Packed};
use cofit_vocab::diagnostic::packing;
use cofit_vocab::{Bytes, Place};

use super::emit;
use crate::args::{OutputArgs, PackArgs};
use crate::failure::{Failure, SourceText};
use crate::{Outcome, load, output, size};

/// Longest list of buffers that is read.
const CSV_LIMIT: u64 = 1 << 28;

/// Runs the command. What is not known to fit counts as not fitting.
pub fn run(args: &PackArgs) -> Result<Outcome, Failure> {
    let capacity = args.cap.as_deref().map(size::parse).transpose()?.map(Bytes::get);
    let file = args.file.display().to_string();
    let buffers = read(&args.file)?;
    let problem = &buffers.problem;
    let budget = Budget { nodes: args.nodes };
    let start = Instant::now();
    let solved = match capacity {
        None => minimise(problem, budget, &mut progress()).map(lowest),
        Some(capacity) => decided(problem, capacity, budget),
    };
    let seconds = start.elapsed().as_secs_f64();
    let (fit, layout, lower_bound, witness, nodes) =
        solved.map_err(|error| contradiction(error, &buffers, &file))?;
    let packed = Packed {
        file: &file,
        buffers: &buffers,
        capacity,
        fit,
        layout,
        lower_bound,
        witness,
        nodes,
        seconds,
    };
    if let Some(path) = args.output.as_deref().filter(|_| packed.layout.is_some()) {
        output::write_new(path, pack::csv_text(&packed).as_bytes())?;
    }
    let shown = OutputArgs { format: args.format, output: None };
    emit(
        &shown,
        || pack::text(&packed, output::rendering(&shown)),
        || pack::json_value(&packed),
        || pack::csv_text(&packed),
        || pack::markdown(&packed),
    )?;
    Ok(match fit {
        Fit::Unasked | Fit::Fits => Outcome::Holds,
        Fit::Exceeds | Fit::Undecided => Outcome::Violated,
    })
}

/// Whether it fits, the layout, the bound, why, and search nodes.
type Solved = (Fit, Option<Solution>, u64, Witness, u64);

fn lowest(proof: Proof) -> Solved {
    let Proof { solution, witness } = proof;
    (Fit::Unasked, Some(solution.clone()), solution.lower_bound, witness, solution.nodes)
}

fn decided(problem: &Problem, capacity: u64, budget: Budget) -> Result<Solved, PackError> {
    let live = certificate(problem)?;
    let witness = live.witness(problem);
    Ok(match decide(problem, capacity, budget)? {
        Decision::Fits(layout) => {
            let nodes = layout.nodes;
            (Fit::Fits, Some(layout), live.bound, witness, nodes)
        }
        Decision::ExceedsBound(_) => (Fit::Exceeds, None, live.bound, witness, 0),
        Decision::Exhausted { buffers, nodes } => {
            let witness = Witness::Exhausted { buffers, height: capacity, nodes };
            (Fit::Exceeds, None, capacity.saturating_add(1), witness, nodes)
        }
        Decision::Unknown { nodes } => (Fit::Undecided, None, live.bound, witness, nodes),
    })
}

/// Reads the list of buffers.
fn read(path: &Path) -> Result<csv::Table, Failure> {
    let name = path.display().to_string();
    let bytes = load::read(path, CSV_LIMIT)?;
    let place = Place::default().with_file(name.clone());
    let text = String::from_utf8(bytes).map_err(|_| {
        Failure::new(&packing::BROKEN_BUFFERS, "the file is no UTF-8 text", place.clone())
    })?;
    csv::read(&text).map_err(|error| {
        let mut at = 0;
        let mut span = (0, 0);
        for (line, content) in (1..).zip(text.split_inclusive('\n')) {
            if line == error.line {
                span = (at, at + content.trim_end().len());
                break;
            }
            at += content.len();
        }
        let place = place.with_span(span.0, span.1);
        let failure = Failure::new(&packing::BROKEN_BUFFERS, error.to_string(), place);
        failure.in_text(SourceText { name, text: text.clone() })
    })
}

/// Why a problem has no layout at all.
fn contradiction(error: PackError, buffers: &csv::Table, file: &str) -> Failure {
    let id = |buffer: usize| buffers.ids.get(buffer).map_or("", String::as_str);
    let (code, message) = match error {
        PackError::FixedCollision { first, second } => (
            &packing::FIXED_COLLISION,
            format!(
                "`{}` and `{}` are fixed on common bytes while both are live",
                id(first),
                id(second)
            ),
        ),
        PackError::FixedMisaligned { buffer } => (
            &packing::FIXED_MISALIGNED,
            format!("`{}` is fixed at an offset that is no multiple of its alignment", id(buffer)),
        ),
        PackError::AddressRange { buffer } => (
            &packing::ADDRESS_RANGE,
            format!("`{}` would end beyond the 64-bit address range", id(buffer)),
        ),
    };
    Failure::new(code, message, Place::default().with_file(file))
}

/// Tells every new layout on a terminal.
fn progress() -> impl FnMut(&Incumbent<'_>) {
    let is_shown = std::io::stderr().is_terminal();
    let mut count = 0;
    move |incumbent| {
        count += 1;
        // The first is there at once, and most often the last.
        if is_shown && count > 1 {
            let Incumbent { height, lower_bound, nodes, .. } = incumbent;
            output::complain(&format!("{height} B, bound {lower_bound} B, {nodes} nodes\n"));
        }
    }
}

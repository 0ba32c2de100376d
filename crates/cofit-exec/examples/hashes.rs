//! Prints the hash of every tensor that a model computes on a seeded random input, as
//! `checks/tflm_goldens.py` does with the official interpreter.
//!
//! ```sh
//! cargo run -p cofit-exec --example hashes -- MODEL [SEED]
//! ```
#![allow(clippy::print_stdout, reason = "a program for developers")]

use std::ops::ControlFlow;

use cofit_exec::{Network, Observer, Options, Slice, probe};
use cofit_ir::{TensorId, Verified};
use cranelift_entity::EntityRef;

struct Print;

impl Observer for Print {
    fn tensor(&mut self, id: TensorId, values: Slice<'_>) -> ControlFlow<()> {
        println!("{} {:016x} {}", id.index(), probe::hash(values), values.len());
        ControlFlow::Continue(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("which model?")?;
    let seed = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let (model, diagnostics) = cofit_import::load(std::fs::read(&path)?.into(), &path);
    let model = model.ok_or_else(|| format!("{diagnostics:?}"))?;
    let model = Verified::new(model).map_err(|found| format!("{found:?}"))?;
    let network =
        Network::prepare(&model, &Options::default()).map_err(|found| format!("{found:?}"))?;
    let inputs: Option<Vec<_>> = probe::inputs(model.main_graph(), seed).into_iter().collect();
    let inputs = inputs.ok_or("an input has a type without kernels")?;
    let mut state = network.state();
    network.run(&mut state, &inputs, &mut Print).map_err(|found| format!("{found:?}"))?;
    Ok(())
}

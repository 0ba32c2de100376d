//! Prints the seconds of one inference on one core, the least of several.
//!
//! ```sh
//! cargo run --release -p cofit-exec --example speed -- MODEL [INFERENCES]
//! ```
//! `checks/execution_speed.py` puts LiteRT's kernels beside it.
#![allow(clippy::print_stdout, reason = "a program for developers")]

use std::time::Instant;

use cofit_exec::{Network, Options, probe};
use cofit_ir::Verified;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("which model?")?;
    let inferences: u32 = arguments.next().map_or(Ok(10), |text| text.parse())?;
    let (model, diagnostics) = cofit_import::load(std::fs::read(&path)?.into(), &path);
    let model = model.ok_or_else(|| format!("{diagnostics:?}"))?;
    let model = Verified::new(model).map_err(|found| format!("{found:?}"))?;
    let network =
        Network::prepare(&model, &Options::default()).map_err(|found| format!("{found:?}"))?;
    let inputs: Option<Vec<_>> = probe::inputs(model.main_graph(), 0).into_iter().collect();
    let inputs = inputs.ok_or("an input has a type without kernels")?;
    let mut state = network.state();
    let mut least = f64::INFINITY;
    for _ in 0..inferences.max(1) {
        let start = Instant::now();
        network.run(&mut state, &inputs, &mut ()).map_err(|found| format!("{found:?}"))?;
        least = least.min(start.elapsed().as_secs_f64());
    }
    println!("{least:.6}");
    Ok(())
}

//! Models of one operator, for the tests beside the kernels.

use cofit_ir::{Verified, text};
use cofit_vocab::Diagnostics;

use crate::arithmetic::Rounding;
use crate::buffer::Buffer;
use crate::network::{Network, Options};

/// Runs a graph of these statements and returns its last output; the messages where it is refused.
pub(crate) fn run(graph: &str, inputs: &[Buffer], rounding: Rounding) -> Result<Buffer, String> {
    let model = format!("model \"trial\"\ngraph \"main\" {{\n{graph}\n}}\n");
    let model = text::parse(&model, None).map_err(|found| messages(&found))?;
    let model = Verified::new(model).map_err(|found| messages(&found))?;
    let options = Options { rounding, ..Options::default() };
    let network = Network::prepare(&model, &options).map_err(|found| messages(&found))?;
    let results = network.run(&mut network.state(), inputs, &mut ());
    let results = results.map_err(|found| messages(&found))?;
    results.and_then(|mut found| found.pop()).ok_or_else(|| "no result".to_owned())
}

fn messages(found: &Diagnostics) -> String {
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    texts.join("\n")
}

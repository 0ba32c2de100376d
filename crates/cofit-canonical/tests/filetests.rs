//! Models before and after a pass.
//!
//! `tests/passes/PASS/*.txt` is a model as text, a line `----`, and the model after the pass, or
//! `unchanged`; tensors that are left unused are not shown. Below `canonicalise` all passes run, below
//! `spell_out_padding` the way back from explicit padding.
//! `UPDATE=1` rewrites what is below the line.
//!
//! Every model is executed before and after on the same random inputs; the results have to be equal,
//! integers to the bit. Those with constants whose values are absent cannot be, nor those that say
//! `# not executed: REASON`. The pass has nothing left to do when it has run, and names, types and
//! shapes of inputs and outputs are what they were.

mod support;

use std::path::{Path, PathBuf};

use cofit_canonical::{PASSES, canonicalise, remove_unused_tensors, spell_out_padding};
use cofit_exec::{Network, Options};
use cofit_ir::text::parse;
use cofit_ir::{Graph, Model, Tensor, Verified};
use libtest_mimic::{Arguments, Failed, Trial};

use support::{Against, same_results};

/// The fewest cases of a pass.
const FEWEST: usize = 3;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/passes");
    let mut trials = Vec::new();
    for name in PASSES.iter().map(|pass| pass.name).chain(["canonicalise", "spell_out_padding"]) {
        let mut files: Vec<PathBuf> = std::fs::read_dir(root.join(name))
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        files.sort();
        assert!(files.len() >= FEWEST, "{name} has {} cases", files.len());
        trials.extend(files.into_iter().map(|path| {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            Trial::test(format!("{name}/{stem}"), move || check(name, &path))
        }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Runs one case and compares, or rewrites its expectation.
fn check(pass: &str, path: &Path) -> Result<(), Failed> {
    let text = std::fs::read_to_string(path).map_err(|fault| fault.to_string())?;
    let (source, expected) = text.split_once("----\n").unwrap_or((&text, ""));
    let model = parse(source, None).map_err(|found| format!("{found:#?}"))?;
    let before = Verified::new(model).map_err(|found| format!("before: {found:#?}"))?;
    let mut changed = before.clone().into_model();
    run(pass, &mut changed);
    let mut again = changed.clone();
    run(pass, &mut again);

    let actual =
        if changed == **before.model() { "unchanged\n".to_owned() } else { shown(&changed) };
    if std::env::var_os("UPDATE").is_some() {
        let rewritten = format!("{}\n----\n{actual}", source.trim_end());
        std::fs::write(path, rewritten).map_err(|fault| fault.to_string())?;
    } else if actual != expected {
        return Err(format!("expected\n{expected}but it is\n{actual}").into());
    }
    if again != changed {
        return Err(format!("run again it makes\n{}of\n{actual}", shown(&again)).into());
    }
    let after = Verified::new(changed).map_err(|found| format!("after: {found:#?}"))?;
    if surface(before.main_graph()) != surface(after.main_graph()) {
        return Err("the inputs or outputs are others".into());
    }
    let is_stated = source.lines().any(|line| line.starts_with("# not executed: "));
    let is_executable = Network::prepare(&before, &Options::default()).is_ok();
    match (is_executable, is_stated || has_absent_values(before.main_graph())) {
        (true, true) => Err("it can be executed, and says that it cannot".into()),
        (false, true) => Ok(()),
        (_, false) => Ok(same_results(&before, &after, Against::Output)?),
    }
}

fn run(pass: &str, model: &mut Model) {
    let Some(graph) = model.main_mut() else { return };
    match (pass, PASSES.iter().find(|known| known.name == pass)) {
        (_, Some(pass)) => {
            (pass.run)(graph);
        }
        ("spell_out_padding", None) => {
            spell_out_padding(graph);
        }
        (_, None) => {
            canonicalise(graph);
        }
    }
}

/// A model as text, without tensors that nobody names.
fn shown(model: &Model) -> String {
    let mut model = model.clone();
    model.graphs.values_mut().for_each(remove_unused_tensors);
    model.to_string()
}

/// What the outside sees of a graph.
fn surface(graph: &Graph) -> [Vec<Tensor>; 2] {
    [&graph.inputs, &graph.outputs]
        .map(|ids| ids.iter().map(|&id| graph.tensors[id].clone()).collect())
}

/// Whether a graph reads constants whose values are absent, so that it cannot be executed.
fn has_absent_values(graph: &Graph) -> bool {
    graph.operators.values().any(|operator| {
        operator.inputs.iter().flatten().any(|&input| {
            let tensor = &graph.tensors[input];
            tensor.is_constant() && tensor.data().is_none()
        })
    })
}

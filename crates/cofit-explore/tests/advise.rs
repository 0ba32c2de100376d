//! Small models on chips, with what is suggested for them.
//!
//! Every file of `tests/advise` is one case: a model as a sketch or as text, and directions in
//! comments:
//!
//! | line | meaning |
//! |---|---|
//! | `# chip: ID` | a card of the catalogue |
//! | `# runtime: ID`, `# set: KEY=VALUE` | how the chip runs |
//! | `# only: ID, …` | the kinds of suggestions |
//! | `# latency: SECONDS` | the longest time of an inference |
//! | `# seed: N` | a sketch has random weights |
//! | `# until-fits` | a chain instead of a list |
//! | `# show` | the changed models too |
//! | `> TEXT` | what is suggested; `UPDATE=1` in the environment writes it anew |
//!
//! Every changed model is verified, and evaluated again here: the figures are those shown. What claims
//! to be exact is executed before and after on the same inputs: integers are equal to the bit.

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use cofit_chip::{Card, Selection};
use cofit_explore::Budget;
use cofit_explore::advise::{
    Edit, Figures, Kind, Options, Setting, Suggestion, advise, until_fits,
};
use cofit_import::sketch::{self, SketchOptions, Weights};
use cofit_ir::Verified;
use cofit_vocab::Seconds;
use libtest_mimic::{Arguments, Failed, Trial};

use support::{holds, same_results};

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/advise");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the folder of cases")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    assert!(files.len() > 10, "there are cases");
    let trials = files
        .into_iter()
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Trial::test(name, move || check(&path))
        })
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Runs one case and compares, or rewrites its expectation.
fn check(path: &Path) -> Result<(), Failed> {
    let text = std::fs::read_to_string(path).map_err(|fault| fault.to_string())?;
    let (quoted, kept): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.starts_with('>'));
    let source = kept.join("\n");
    let actual: String = run(&source)?
        .lines()
        .map(|line| format!("> {line}").trim_end().to_owned() + "\n")
        .collect();
    if std::env::var_os("UPDATE").is_some() {
        let whole = format!("{}\n\n{actual}", source.trim_end());
        return std::fs::write(path, whole).map_err(|fault| fault.to_string().into());
    }
    let expected = quoted.join("\n");
    if actual.trim_end() == expected.trim_end() {
        return Ok(());
    }
    Err(format!("expected\n{expected}\nbut it is\n{actual}").into())
}

/// What a case says.
fn run(source: &str) -> Result<String, Failed> {
    let one = |key: &str| {
        let lead = format!("# {key}: ");
        source.lines().find_map(|line| line.strip_prefix(&lead)).map(str::trim)
    };
    let has = |key: &str| source.lines().any(|line| line == format!("# {key}"));
    let card = Card::from_catalogue(one("chip").ok_or("no chip")?).ok_or("no such card")?;
    let mut card = card.map_err(|rejected| rejected.render())?;
    if let Some(change) = one("set") {
        card.set(change).map_err(|rejected| rejected.render())?;
    }
    let selection =
        Selection { runtime: one("runtime").map(ToOwned::to_owned), ..Selection::default() };
    let chip = card.resolve(&selection).map_err(|rejected| rejected.render())?;
    let latency = one("latency").and_then(|text| text.parse().ok()).map(Seconds);
    let budget = Budget { latency, energy: None };
    let setting = Setting::new(model(source, one("seed"))?, card, selection, chip, budget)
        .map_err(|found| format!("{found:#?}"))?;
    let mut only = BTreeSet::new();
    for id in one("only").into_iter().flat_map(|list| list.split(',')) {
        only.insert(Kind::find(id.trim()).ok_or_else(|| format!("no kind {id}"))?);
    }
    let options = Options { only, ..Options::default() };
    let mut text = String::new();
    print_figures(&mut text, &setting.figures());
    if has("until-fits") {
        let chain = until_fits(&setting, &options).map_err(|found| format!("{found:#?}"))?;
        let mut from = setting;
        for step in &chain.steps {
            print(&mut text, &from, step, has("show"))?;
            match &step.setting {
                Some(next) => from = (**next).clone(),
                None => break,
            }
        }
        let _ = writeln!(text, "{:?} cost {}", chain.ending, chain.cost);
    } else {
        let advice = advise(&setting, &options).map_err(|found| format!("{found:#?}"))?;
        for suggestion in &advice.suggestions {
            print(&mut text, &setting, suggestion, has("show"))?;
        }
        for (kind, reason) in &advice.refused {
            let _ = writeln!(text, "no {kind}: {reason}");
        }
        let _ = writeln!(text, "{} of {} help", advice.suggestions.len(), advice.tried);
    }
    Ok(text)
}

fn model(source: &str, seed: Option<&str>) -> Result<Verified, Failed> {
    let model = if source.lines().any(|line| line.starts_with("sketch =")) {
        let weights = match seed.and_then(|text| text.parse().ok()) {
            Some(seed) => Weights::Random { seed },
            None => Weights::Absent,
        };
        let options = SketchOptions { parameters: Vec::new(), weights };
        sketch::expand(source, "case.toml", &options).map_err(|found| format!("{found:#?}"))?
    } else {
        cofit_ir::text::parse(source, None).map_err(|found| format!("{found:#?}"))?
    };
    Verified::new(model).map_err(|found| format!("{found:#?}").into())
}

/// A suggestion, after it has been proved.
fn print(
    text: &mut String,
    from: &Setting,
    suggestion: &Suggestion,
    shows: bool,
) -> Result<(), Failed> {
    holds(from, suggestion)?;
    let candidate = &suggestion.candidate;
    let _ = writeln!(text, "{} at {}: {}", candidate.kind, candidate.place, candidate.change);
    let _ = writeln!(text, "  {}", candidate.keeps.words());
    print_figures(text, &suggestion.after);
    let Edit::Model(after) = &candidate.edit else { return Ok(()) };
    if candidate.keeps.is_exact() {
        same_results(&from.model, after)?;
    }
    if shows {
        let graph = after.main_graph();
        for (id, operator) in &graph.operators {
            let shape = operator.outputs.first().map(|&output| &graph.tensors[output].shape);
            let shape = shape.map_or_else(String::new, ToString::to_string);
            let _ = writeln!(text, "    {} {shape} {}", operator.kind(), graph.operator_name(id));
        }
    }
    Ok(())
}

fn print_figures(text: &mut String, figures: &Figures) {
    let whole = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |it| it.to_string());
    let joules = figures.energy.figure().map(|figure| figure.value);
    let joules = joules.map_or_else(|| "?".to_owned(), |it| format!("{:.1}", it * 1e6));
    let _ = write!(
        text,
        "  {} cycles, {joules} uJ, ram {}, stored {}",
        whole(figures.cycles),
        figures.ram.get(),
        figures.stored.get()
    );
    for (memory, moved) in figures.traffic.iter().flatten().filter(|(_, it)| !it.is_zero()) {
        let _ = write!(text, ", {memory} {}", moved.get());
    }
    let _ = writeln!(text, "; {} violated", figures.violations);
}

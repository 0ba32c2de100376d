//! Small models on chips, with what the compiler, the simulator and the verdict say about them.
//!
//! Every file of `tests/filetests` is one case: a model as a sketch or as text, and directions in
//! comments:
//!
//! | line | meaning |
//! |---|---|
//! | `# chip: ID` | a card of the catalogue |
//! | `\| TOML` | the lines of a card of the case's own, instead of `# chip:` |
//! | `# runtime: ID`, `# op-point: ID`, `# threads: N`, `# set: KEY=VALUE` | how the chip runs |
//! | `# model: PATH` | a file of the folder of shared models, instead of a model in the case |
//! | `# print: WHAT, …` | `after PASS`, `plan`, `distribution`, `memory`, `profile`, `transfers`, `verdict`, `refusals`, `notes`, `assumptions` |
//! | `> TEXT` | what is printed; `UPDATE=1` in the environment writes it anew |

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cofit_chip::{Card, Chip, Selection};
use cofit_compile::{Observer, Plan, compile, dump};
use cofit_explore::{Budget, Evaluation, Measure, evaluate};
use cofit_import::sketch::{self, SketchOptions, Weights};
use cofit_ir::Verified;
use cofit_shared::shared_dir;
use cofit_vocab::{Diagnostics, Quantity, Unit};
use cranelift_entity::EntityRef;
use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/filetests");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the folder of cases")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "there are cases");
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
    let case = Case::parse(&text)?;
    let Some(actual) = case.run()? else { return Ok(()) };
    if std::env::var_os("UPDATE").is_some() {
        let quoted: String = actual.lines().map(|line| format!("> {line}\n")).collect();
        let kept = case.source.trim_end();
        return std::fs::write(path, format!("{kept}\n\n{quoted}").replace("> \n", ">\n"))
            .map_err(|fault| fault.to_string().into());
    }
    if actual.trim_end() == case.expected.trim_end() {
        return Ok(());
    }
    Err(format!("expected\n{}\nbut it is\n{actual}", case.expected).into())
}

/// One file, taken apart.
struct Case {
    directions: Vec<(String, String)>,
    card: String,
    /// The file without the expectation.
    source: String,
    expected: String,
}

const DIRECTIONS: [&str; 7] = ["chip", "runtime", "op-point", "threads", "set", "model", "print"];

impl Case {
    fn parse(text: &str) -> Result<Self, Failed> {
        let mut case = Self {
            directions: Vec::new(),
            card: String::new(),
            source: String::new(),
            expected: String::new(),
        };
        for line in text.lines() {
            if let Some(expected) = line.strip_prefix('>') {
                case.expected.push_str(expected.strip_prefix(' ').unwrap_or(expected));
                case.expected.push('\n');
                continue;
            }
            case.source.push_str(line);
            case.source.push('\n');
            if let Some(card) = line.strip_prefix('|') {
                case.card.push_str(card);
                case.card.push('\n');
            } else if let Some((key, value)) =
                line.strip_prefix("# ").and_then(|line| line.split_once(": "))
                && DIRECTIONS.contains(&key)
            {
                case.directions.push((key.to_owned(), value.trim().to_owned()));
            }
        }
        if case.all("print").next().is_none() {
            return Err("the case prints nothing".into());
        }
        Ok(case)
    }

    fn all(&self, key: &'static str) -> impl Iterator<Item = &str> {
        self.directions.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn one(&self, key: &'static str) -> Option<&str> {
        self.all(key).next()
    }

    /// What the case prints; nothing where its model is absent.
    fn run(&self) -> Result<Option<String>, Failed> {
        let chip = self.chip()?;
        let Some(model) = self.model()? else { return Ok(None) };
        let compiled = compile(model.model(), &chip, &mut ());
        if !compiled.mistakes.is_empty() {
            return Err(words(&compiled.mistakes).into());
        }
        let evaluation = evaluate(&model, &chip, &Budget::default()).map_err(|e| words(&e))?;
        let mut text = String::new();
        for what in self.all("print").flat_map(|list| list.split(',')).map(str::trim) {
            match what.strip_prefix("after ") {
                Some(pass) => print_after(pass, &model, &chip, &mut text)?,
                None => print(what, &evaluation, &chip, &mut text)?,
            }
        }
        Ok(Some(text))
    }

    fn chip(&self) -> Result<Chip, Failed> {
        let card = match self.one("chip") {
            Some(id) => Card::from_catalogue(id).ok_or("no such card")?,
            None => Card::parse(&self.card, "case.toml", &|_| None),
        };
        let mut card = card.map_err(|rejected| rejected.render())?;
        for change in self.all("set") {
            card.set(change).map_err(|rejected| rejected.render())?;
        }
        let selection = Selection {
            runtime: self.one("runtime").map(str::to_owned),
            operating_point: self.one("op-point").map(str::to_owned),
            threads: self.one("threads").map(str::parse).transpose().map_err(|_| "no number")?,
            ..Selection::default()
        };
        card.resolve(&selection).map_err(|rejected| rejected.render().into())
    }

    fn model(&self) -> Result<Option<Verified>, Failed> {
        let loaded = match self.one("model") {
            Some(file) => {
                let Some(shared) = shared_dir() else { return Ok(None) };
                let bytes =
                    std::fs::read(shared.join("models").join(file)).map_err(|e| e.to_string())?;
                let (model, faults) = cofit_import::load(bytes.into(), file);
                model.ok_or_else(|| words(&faults))?
            }
            None => {
                let body: String = self
                    .source
                    .lines()
                    .filter(|line| !line.starts_with('|'))
                    .map(|line| format!("{line}\n"))
                    .collect();
                if sketch::recognises(&body) {
                    let options =
                        SketchOptions { parameters: Vec::new(), weights: Weights::Absent };
                    sketch::expand(&body, "case", &options).map_err(|faults| words(&faults))?
                } else {
                    cofit_ir::text::parse(&body, None).map_err(|faults| words(&faults))?
                }
            }
        };
        Verified::new(loaded).map(Some).map_err(|faults| words(&faults).into())
    }
}

fn words(faults: &Diagnostics) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Dumps the plan as it stands after a pass.
fn print_after(pass: &str, model: &Verified, chip: &Chip, text: &mut String) -> Result<(), Failed> {
    struct Watcher<'a>(&'a str, &'a Chip, Option<String>);
    impl Observer for Watcher<'_> {
        fn after(&mut self, pass: &'static str, plan: &Plan, _: Duration) -> bool {
            if pass == self.0 {
                self.2 = Some(dump::dump(plan, self.1));
            }
            self.2.is_none()
        }
    }
    let mut watcher = Watcher(pass, chip, None);
    compile(model.model(), chip, &mut watcher);
    text.push_str(&watcher.2.ok_or_else(|| format!("there is no pass {pass}"))?);
    Ok(())
}

fn print(what: &str, it: &Evaluation, chip: &Chip, text: &mut String) -> Result<(), Failed> {
    // Writing to a string does not fail.
    let plan = &it.plan;
    match what {
        "plan" => text.push_str(&dump::dump(plan, chip)),
        "memory" => {
            for (id, used) in plan.memories.iter().filter(|(_, used)| !used.need().is_zero()) {
                let card = &chip.memories[id.index()];
                let _ = write!(text, "memory {}: need {} =", card.id, used.need().get());
                let parts = [
                    ("activations", used.activations),
                    ("scratch", used.scratch),
                    ("runtime", used.runtime),
                    ("constants", used.constants),
                    ("code", used.code),
                ];
                for (name, bytes) in parts.iter().filter(|(_, bytes)| !bytes.is_zero()) {
                    let _ = write!(text, " {name} {}", bytes.get());
                }
                let available = used.available.map_or_else(String::new, |it| it.get().to_string());
                let _ = writeln!(text, " of {available}");
            }
        }
        "profile" => {
            for (id, step) in &it.profile.steps {
                let _ = write!(text, "{id} {} cycles", step.cycles().get());
                for (cause, cycles) in step.causes.iter().filter(|(_, it)| !it.is_zero()) {
                    let _ = write!(text, " {cause}={}", cycles.get());
                }
                let _ = writeln!(text, " \"{}\"", plan.step_name(id));
            }
            let _ = writeln!(text, "total {}", it.profile.cycles.get());
        }
        "distribution" => {
            let proof = plan.distribution;
            let word = if proof.is_optimal() { "least" } else { "not proved least" };
            let _ = writeln!(text, "slow traffic {} bytes, {word}", proof.slow_traffic.get());
        }
        "transfers" => {
            for (id, one) in &it.profile.transfers {
                let _ = writeln!(
                    text,
                    "{id} {}..{} window {} unhidden {} for \"{}\"",
                    one.start.get(),
                    one.end.get(),
                    one.window.get(),
                    one.unhidden.get(),
                    plan.step_name(plan.transfers[id].step)
                );
            }
        }
        "verdict" => {
            let _ = writeln!(text, "{}", it.verdict.status.name());
            for one in &it.verdict.constraints {
                let _ = write!(
                    text,
                    "{} {}: {} / {} at {}",
                    one.status.name(),
                    one.name,
                    measure(&one.need),
                    measure(&one.limit),
                    one.place
                );
                let _ = writeln!(
                    text,
                    "{}",
                    one.rule.map_or(String::new(), |it| format!(" ({})", it.id))
                );
            }
        }
        "notes" => {
            for note in &plan.notes {
                let _ = writeln!(text, "{note}");
            }
        }
        "refusals" => {
            for refusal in &plan.refusals {
                let _ = writeln!(text, "refused: {}", refusal.diagnostic);
            }
        }
        "assumptions" => {
            for one in &chip.assumptions {
                let _ = writeln!(text, "assumed {} = {}", one.key, one.value);
            }
        }
        other => return Err(format!("nothing is called {other}").into()),
    }
    Ok(())
}

/// A need or limit, bytes counted out.
fn measure(measure: &Measure) -> String {
    match measure {
        Measure::Words(words) => words.clone(),
        Measure::Figure(Quantity::Known(figure)) if figure.unit == Unit::Bytes => {
            format!("{} B", figure.value)
        }
        Measure::Figure(Quantity::Known(figure)) => {
            format!("{} {}", figure.value, figure.unit.symbol())
        }
        Measure::Figure(Quantity::Unavailable(reason)) => reason.clone(),
    }
}

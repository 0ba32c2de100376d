//! `cofit search`: a sketch's parameters and chips searched, and what is done with studies.

use std::path::Path;
use std::time::Duration;

use cofit_explore::Status;
use cofit_explore::search::{Evaluated, Search};
use cofit_import::sketch::Weights;
use cofit_import::tflite;
use cofit_ir::text::{ConstantText, print};
use cofit_report::Subject;
use cofit_report::check;
use cofit_report::search::{self as report, Found};
use cofit_study::Study;
use cofit_vocab::Place;
use cofit_vocab::diagnostic::{search as codes, usage};

use super::emit;
use crate::args::{Format, OutputArgs, SearchArgs, SearchCommand};
use crate::failure::Failure;
use crate::progress::Bar;
use crate::search::{Driver, Evaluator, Question, Setting, Waiting};
use crate::{Outcome, output};

/// The seed of the weights of a model that is made again.
const WEIGHTS: Weights = Weights::Random { seed: 1 };

/// Runs the command. That nothing fits is a violation, unless the search is not over.
pub fn run(args: &SearchArgs) -> Result<Outcome, Failure> {
    match &args.command {
        None => search(args),
        Some(SearchCommand::Show { study, output }) => show(study, output),
        Some(SearchCommand::Make { study, id, output, format }) => {
            make(study, *id, output, *format)
        }
        Some(SearchCommand::Ask { study, count }) => ask(study, *count),
        Some(SearchCommand::Tell { study, id, accuracy }) => tell(study, *id, *accuracy),
    }
}

fn search(args: &SearchArgs) -> Result<Outcome, Failure> {
    let (question, study) = match &args.resume {
        Some(path) => {
            let (question, study) = open(path)?;
            (question, Some(study))
        }
        None => {
            let question = Question::new(args)?;
            let study = args.study.as_deref().map(|path| keep(path, &question)).transpose()?;
            (question, study)
        }
    };
    let setting = Setting::new(question)?;
    let has_source = setting.proxy.is_some() || args.evaluator.is_some() || study.is_some();
    if setting.wants_accuracy() && !has_source {
        let message = "accuracy is asked for, and there is no evaluator, proxy or study";
        return Err(Failure::new(&codes::NO_ACCURACY, message, Place::default()));
    }
    let evaluator = args.evaluator.as_ref().map(|command| Evaluator {
        command: command.clone(),
        timeout: Duration::from_secs(args.evaluator_timeout),
    });
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.unwrap_or_else(cores).clamp(1, 256);
    let mut driver = Driver { setting, study, evaluator, jobs };
    let mut bar = Bar::new("searching");
    let (search, waiting) = driver.run(&mut |search, done| {
        let _ = bar.step(done, search.planned());
    })?;
    drop(bar);
    let is_done = waiting.is_empty();
    present(&driver, &search, &waiting, is_done, &args.output)
}

/// Writes the front.
fn present(
    driver: &Driver,
    search: &Search,
    waiting: &Waiting,
    is_done: bool,
    output: &OutputArgs,
) -> Result<Outcome, Failure> {
    let found = Found {
        search,
        sketch: &driver.setting.question.file,
        proxy: driver.setting.proxy,
        waiting: waiting.len(),
        is_done,
    };
    emit(
        output,
        || report::text(&found, output::rendering(output)),
        || report::json_value(&found),
        || report::csv(&found),
        || report::markdown(&found),
    )?;
    let is_empty = is_done && search.front().is_empty();
    Ok(if is_empty { Outcome::Violated } else { Outcome::Holds })
}

/// The study at a path: a new one, or the one that asks the same.
fn keep(path: &Path, question: &Question) -> Result<Study, Failure> {
    if !path.exists() || Study::is_blank(path) {
        // A question that cannot be asked leaves no file behind.
        Setting::new(question.clone())?;
        return Ok(Study::create(path, &question.text())?);
    }
    let (stored, study) = open(path)?;
    question.require(&stored, &path.display().to_string())?;
    Ok(study)
}

fn open(path: &Path) -> Result<(Question, Study), Failure> {
    let study = Study::open(path)?;
    let question = Question::parse(&study.question()?, &path.display().to_string())?;
    Ok((question, study))
}

fn driver(path: &Path) -> Result<Driver, Failure> {
    let (question, study) = open(path)?;
    let setting = Setting::new(question)?;
    Ok(Driver { setting, study: Some(study), evaluator: None, jobs: 1 })
}

fn show(path: &Path, output: &OutputArgs) -> Result<Outcome, Failure> {
    let driver = driver(path)?;
    let (search, waiting, is_done) = driver.replay()?;
    present(&driver, &search, &waiting, is_done, output)?;
    Ok(Outcome::Holds)
}

/// The point of a number, evaluated or waiting.
fn numbered(driver: &Driver, id: u64) -> Result<Evaluated, Failure> {
    let (search, waiting, _) = driver.replay()?;
    let known = search.evaluated().iter().chain(&waiting).find(|one| one.id == id);
    known.cloned().ok_or_else(|| {
        let message = format!("the study has no point {id} so far");
        Failure::new(&codes::UNKNOWN_POINT, message, Place::default())
    })
}

fn make(path: &Path, id: u64, file: &Path, format: Format) -> Result<Outcome, Failure> {
    let driver = driver(path)?;
    let setting = &driver.setting;
    let one = numbered(&driver, id)?;
    let Some(chip) = setting.chip(&one.point) else {
        let message = format!("point {id} has no target");
        return Err(Failure::new(&codes::UNKNOWN_POINT, message, Place::default()));
    };
    let model = setting.model(&one.point, WEIGHTS)?;
    let bytes = match file.extension().and_then(std::ffi::OsStr::to_str) {
        Some("toml") => setting.fixed_sketch(&one.point).into_bytes(),
        Some("tflite") => tflite::write(model.model())?,
        Some("cofit") => print(model.model(), ConstantText::Whole).into_bytes(),
        _ => {
            let message = "the new file's name ends in `.toml`, `.tflite` or `.cofit`";
            let place = Place::default().with_file(file.display().to_string());
            return Err(Failure::new(&usage::BAD_ARGUMENT, message, place));
        }
    };
    // The plan of the network without weights is the one that the search checked.
    let model = setting.model(&one.point, Weights::Absent)?;
    let evaluation = setting.plan(&model, chip)?;
    output::write_new(file, &bytes)?;
    let subject = Subject { model: model.model(), chip, evaluation: &evaluation };
    let printed = OutputArgs { format, output: None };
    emit(
        &printed,
        || check::text(&subject, output::rendering(&printed)),
        || check::json_value(&subject),
        || check::csv(&subject),
        || check::markdown(&subject),
    )?;
    Ok(match evaluation.verdict.status {
        Status::Pass | Status::Unknown => Outcome::Holds,
        Status::Fail => Outcome::Violated,
    })
}

/// Prints candidates that wait, one a line, after evaluating whatever needs no accuracy.
fn ask(path: &Path, count: usize) -> Result<Outcome, Failure> {
    let mut driver = driver(path)?;
    let (_, waiting) = driver.run(&mut |_, _| {})?;
    let mut text = String::new();
    for one in waiting.iter().take(count) {
        text.push_str(&format!("{}\n", driver.candidate(one)));
    }
    output::write(&text, None)?;
    Ok(Outcome::Holds)
}

fn tell(path: &Path, id: u64, accuracy: f64) -> Result<Outcome, Failure> {
    if !accuracy.is_finite() {
        let message = format!("`{accuracy}` is no accuracy");
        return Err(Failure::new(&usage::BAD_ARGUMENT, message, Place::default()));
    }
    let mut driver = driver(path)?;
    let (_, waiting, _) = driver.replay()?;
    if !waiting.iter().any(|one| one.id == id) {
        let message = format!("point {id} does not wait for an accuracy");
        return Err(Failure::new(&codes::UNKNOWN_POINT, message, Place::default()));
    }
    if let Some(study) = &mut driver.study {
        study.tell(id, accuracy)?;
    }
    Ok(Outcome::Holds)
}

//! How wrong simulated times were: by chip and runtime, by class of operators, row by row.

use std::fmt::Write as _;

use cofit_calibrate::validation::{Score, Statistics, pairs};
use cofit_vocab::Seconds;
use serde_json::{Map, Value, json};

use crate::scatter::{self, Point};
use crate::table::{ColumnKind, Table};
use crate::{Rendering, json, words};

/// What was found.
pub struct Validation {
    /// Every row with its prediction.
    pub scores: Vec<Score>,
    /// Rows that took no part: why, and how many.
    pub others: Vec<(&'static str, usize)>,
    /// The coverage that intervals are made for.
    pub nominal: f64,
}

/// Networks that a pair of chip and runtime needs for a figure of generalisation.
const NETWORKS: usize = 2;

impl Validation {
    fn whole(&self) -> impl Iterator<Item = &Score> {
        self.scores.iter().filter(|score| score.is_whole)
    }

    fn of_pair<'a>(&'a self, card: &'a str, runtime: &'a str) -> impl Iterator<Item = &'a Score> {
        self.whole().filter(move |score| score.card == card && score.runtime == runtime)
    }

    /// The rows of all pairs with several networks.
    fn judged(&self) -> Vec<&Score> {
        let pairs = pairs(&self.scores, NETWORKS);
        self.whole()
            .filter(|score| {
                pairs.binary_search(&(score.card.clone(), score.runtime.clone())).is_ok()
            })
            .collect()
    }

    fn classes(&self) -> Vec<&str> {
        let mut classes: Vec<&str> =
            self.scores.iter().filter_map(|score| score.class.as_deref()).collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }
}

const COLUMNS: [(&str, ColumnKind); 9] = [
    ("CHIP", ColumnKind::Name),
    ("RUNTIME", ColumnKind::Name),
    ("ROWS", ColumnKind::Number),
    ("NETS", ColumnKind::Number),
    ("MEDIAN", ColumnKind::Number),
    ("P90", ColumnKind::Number),
    ("WORST", ColumnKind::Number),
    ("LEAN", ColumnKind::Number),
    ("HELD", ColumnKind::Number),
];

fn cells(first: &str, second: &str, statistics: &Statistics) -> Vec<String> {
    let percent = |share: f64| format!("{:.0}%", share * 100.0);
    vec![
        first.to_owned(),
        second.to_owned(),
        statistics.rows.to_string(),
        statistics.networks.to_string(),
        percent(statistics.median),
        percent(statistics.ninetieth),
        percent(statistics.worst),
        format!("{:+.0}%", statistics.lean * 100.0),
        percent(statistics.coverage),
    ]
}

/// One line a pair of chip and runtime.
fn by_pair(validation: &Validation) -> Table {
    let mut table = Table::new(&COLUMNS);
    for (card, runtime) in pairs(&validation.scores, 1) {
        if let Some(statistics) = Statistics::of(validation.of_pair(&card, &runtime)) {
            table.row(cells(&card, &runtime, &statistics));
        }
    }
    table
}

/// One line a class of operators, by rows of layers.
fn by_class(validation: &Validation) -> Table {
    let mut columns = COLUMNS;
    columns[0].0 = "CLASS";
    columns[1].0 = "";
    let mut table = Table::new(&columns);
    for class in validation.classes() {
        let own = validation.scores.iter().filter(|score| score.class.as_deref() == Some(class));
        if let Some(statistics) = Statistics::of(own) {
            table.row(cells(class, "", &statistics));
        }
    }
    table
}

/// The sentence that sums it up.
fn summary(validation: &Validation) -> String {
    let judged = validation.judged();
    let Some(statistics) = Statistics::of(judged.iter().copied()) else {
        return "No chip and runtime has rows of two networks.".to_owned();
    };
    format!(
        "Latency of networks that took no part in any fit, over {} rows of {} networks on {} pairs of \
         chip and runtime: median error {:.1} %, 90th percentile {:.1} %; {:.0} % of the intervals \
         hold the measured time (nominal {:.0} %).",
        statistics.rows,
        statistics.networks,
        pairs(&validation.scores, NETWORKS).len(),
        statistics.median * 100.0,
        statistics.ninetieth * 100.0,
        statistics.coverage * 100.0,
        validation.nominal * 100.0,
    )
}

fn left_out(validation: &Validation) -> String {
    let reasons: Vec<String> =
        validation.others.iter().map(|(reason, count)| format!("{count} with {reason}")).collect();
    if reasons.is_empty() {
        return String::new();
    }
    format!("Rows that took no part: {}.", reasons.join(", "))
}

/// For a terminal.
pub fn text(validation: &Validation, rendering: Rendering) -> String {
    let mut text = words::wrapped(&summary(validation), rendering.width.min(100), 0);
    // Writing to a string does not fail.
    let _ = write!(text, "\n{}", by_pair(validation).text(rendering.width));
    let classes = by_class(validation);
    if !classes.is_empty() {
        let _ = write!(text, "\n{}", classes.text(rendering.width));
    }
    let _ =
        write!(text, "\n{}", words::wrapped(&left_out(validation), rendering.width.min(100), 0));
    text
}

/// The machine contract.
pub fn json_value(validation: &Validation) -> Value {
    let statistics = |scores: Vec<&Score>| -> Value {
        Statistics::of(scores).map_or(Value::Null, |one| {
            json!({
                "rows": one.rows,
                "networks": one.networks,
                "median_error": one.median,
                "p90_error": one.ninetieth,
                "worst_error": one.worst,
                "median_signed_error": one.lean,
                "coverage": one.coverage,
            })
        })
    };
    let mut root = Map::new();
    root.insert("schema".to_owned(), json!("cofit/1"));
    root.insert("tool".to_owned(), json::tool());
    root.insert("nominal_coverage".to_owned(), json!(validation.nominal));
    root.insert("total".to_owned(), statistics(validation.judged()));
    let of_pairs: Vec<Value> = pairs(&validation.scores, 1)
        .iter()
        .map(|(card, runtime)| {
            json!({
                "chip": card,
                "runtime": runtime,
                "statistics": statistics(validation.of_pair(card, runtime).collect()),
            })
        })
        .collect();
    root.insert("pairs".to_owned(), Value::Array(of_pairs));
    let classes: Vec<Value> = validation
        .classes()
        .iter()
        .map(|class| {
            let own = validation.scores.iter().filter(|one| one.class.as_deref() == Some(class));
            json!({ "class": class, "statistics": statistics(own.collect()) })
        })
        .collect();
    root.insert("classes".to_owned(), Value::Array(classes));
    let rows: Vec<Value> = validation
        .scores
        .iter()
        .map(|score| {
            json!({
                "chip": score.card,
                "runtime": score.runtime,
                "release": score.release,
                "model": score.model,
                "method": score.method.name(),
                "measured_cycles": score.measured.round(),
                "predicted_cycles": score.predicted.round(),
                "low": score.interval.0.round(),
                "high": score.interval.1.round(),
                "error": score.error(),
            })
        })
        .collect();
    root.insert("rows".to_owned(), Value::Array(rows));
    let others: Map<String, Value> =
        validation.others.iter().map(|(why, count)| ((*why).to_owned(), json!(count))).collect();
    root.insert("others".to_owned(), Value::Object(others));
    Value::Object(root)
}

/// One line a row.
pub fn csv(validation: &Validation) -> String {
    let mut table = Table::new(&[
        ("chip", ColumnKind::Word),
        ("runtime", ColumnKind::Word),
        ("release", ColumnKind::Name),
        ("model", ColumnKind::Name),
        ("method", ColumnKind::Word),
        ("measured_cycles", ColumnKind::Number),
        ("predicted_cycles", ColumnKind::Number),
        ("low", ColumnKind::Number),
        ("high", ColumnKind::Number),
        ("error", ColumnKind::Number),
    ]);
    for score in &validation.scores {
        table.row(vec![
            score.card.clone(),
            score.runtime.clone(),
            score.release.clone(),
            score.model.clone(),
            score.method.name().to_owned(),
            format!("{:.0}", score.measured),
            format!("{:.0}", score.predicted),
            format!("{:.0}", score.interval.0),
            format!("{:.0}", score.interval.1),
            format!("{:.4}", score.error()),
        ]);
    }
    table.csv()
}

/// Markdown tables.
pub fn markdown(validation: &Validation) -> String {
    let mut page = format!("{}\n\n{}", summary(validation), by_pair(validation).markdown());
    let classes = by_class(validation);
    if !classes.is_empty() {
        let _ = write!(
            page,
            "\nBy class of operators, over measured layers:\n\n{}",
            classes.markdown()
        );
    }
    let _ = write!(page, "\n{}\n", left_out(validation));
    page
}

/// Rows of whole networks that a runtime needs for a plot of its own.
const PLOTTED: usize = 10;

/// The page of the documentation: how the figures came about, the tables, and the plots.
pub fn page(validation: &Validation) -> String {
    let mut page = String::from(PREFACE);
    page += &markdown(validation);
    page += "\n## Predicted against measured\n\nOne plot a runtime, one colour a chip; whiskers are the \
             intervals, the band is 25 % either way.\n";
    for (name, _) in plots(validation) {
        let runtime = name.trim_start_matches("accuracy-").trim_end_matches(".svg");
        let _ = write!(page, "\n![Predicted against measured times of {runtime}]({name})\n");
    }
    page
}

const PREFACE: &str = "# How wrong cofit is\n\n\
    Written by `cofit validate --page docs`; not to be edited. CI fails where it is stale.\n\n\
    Every row is a time that a vendor, a benchmark organisation or a user published for a chip. It is \
    compared with what cofit predicts when **every row of that network, on every chip, is left out of \
    the fit**; networks that differ in name or training only count as one. Times of processors are fitted \
    by kernel library, core and chip together (`crates/cofit-calibrate`). Accelerators with a timing \
    model of their own (Ethos-U, MAX7800x, NE16, K210, Edge TPU, GAP) are predicted by equations, which \
    no fit of this page touches; a few parameters of the Edge TPU and of GAP8 and GAP9 were chosen by \
    hand with the same rows at hand, so that their figures are not of unseen networks. MEDIAN, P90 and \
    WORST are of the size of the relative error, LEAN is its median with sign, HELD the share of rows \
    that their interval holds. A row's release of the library is known here; who names none gets the \
    middle of the releases, and an interval that holds them.\n\n";

/// File name and SVG of the plot of each runtime with rows enough.
pub fn plots(validation: &Validation) -> Vec<(String, String)> {
    let mut runtimes: Vec<&str> = validation.whole().map(|score| score.runtime.as_str()).collect();
    runtimes.sort_unstable();
    runtimes.dedup();
    runtimes
        .into_iter()
        .filter_map(|runtime| {
            let points: Vec<Point> = validation
                .whole()
                .filter(|score| score.runtime == runtime)
                .map(|score| Point {
                    label: format!("{} {} {}", score.model, score.card, score.release),
                    series: score.card.clone(),
                    measured: seconds(score.measured, score),
                    predicted: seconds(score.predicted, score),
                    low: seconds(score.interval.0, score),
                    high: seconds(score.interval.1, score),
                })
                .collect();
            let name = format!("accuracy-{runtime}.svg");
            (points.len() >= PLOTTED).then(|| (name, scatter::svg(runtime, &points)))
        })
        .collect()
}

fn seconds(cycles: f64, score: &Score) -> Seconds {
    Seconds(cycles / score.clock.get())
}

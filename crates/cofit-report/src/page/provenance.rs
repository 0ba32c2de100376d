//! How each figure of the page is known, in sentences, and what exactly was looked at.

use cofit_explore::verdict::energy_quantity;
use cofit_vocab::{FigureKind, Quantity, units};

use crate::markup::{escaped, put, tail};
use crate::{Subject, words};

/// The paragraph and the identities.
pub(super) fn html(subject: &Subject<'_>) -> String {
    format!("<p>{}</p>{}", escaped(&sentence(subject), 2000), identities(subject))
}

/// Which figures are exact, planned, simulated, calibrated or assumed, with their intervals.
pub(super) fn sentence(subject: &Subject<'_>) -> String {
    let profile = &subject.evaluation.profile;
    let accuracy = &profile.accuracy;
    let mut text = String::from(
        "Shapes, multiply-accumulates and constants are exact: they follow from the model's file. \
         Addresses and peaks are planned: a verifier has checked that nothing alive overlaps. ",
    );
    let interval = if accuracy.low == accuracy.high {
        String::new()
    } else {
        format!(
            "; the truth is taken to lie between {:+.0} % and {:+.0} % of the figure",
            (accuracy.low - 1.0) * 100.0,
            (accuracy.high - 1.0) * 100.0
        )
    };
    text += &match accuracy.kind {
        FigureKind::Exact => "Cycles are exact: the vendor's own formula. ".to_owned(),
        FigureKind::Calibrated => format!(
            "Cycles are calibrated: the runtime's costs were fitted to measured rows{interval}. "
        ),
        FigureKind::Simulated => {
            format!(
                "Cycles are simulated with the card's timing model, which was not fitted to silicon{interval}. "
            )
        }
        FigureKind::Assumed => {
            format!("Cycles rest in part on assumed rates{interval}. ")
        }
        FigureKind::Measured => format!("Cycles are measured{interval}. "),
        FigureKind::Sampled | FigureKind::Planned => {
            format!("Cycles are {}{interval}. ", accuracy.kind.name())
        }
    };
    if accuracy.is_structural {
        text += "The model of time is structural only: it ranks layers and names what binds, and \
                 gives no milliseconds. ";
    }
    text += &match energy_quantity(profile) {
        Quantity::Known(energy) => format!("Energy is {}. ", energy.kind.name()),
        Quantity::Unavailable(reason) => format!("Energy is unknown: {reason}. "),
    };
    let assumed = subject.assumptions().count();
    text += &match assumed {
        0 => "Nothing was assumed.".to_owned(),
        1 => "One value that nobody published was assumed; it is listed below.".to_owned(),
        count => {
            format!("{count} values that nobody published were assumed; they are listed below.")
        }
    };
    text
}

fn identities(subject: &Subject<'_>) -> String {
    let (model, chip) = (subject.model, subject.chip);
    let mut html = String::from("<dl class=\"facts\">");
    let mut fact = |name: &str, value: &str| {
        put(&mut html, format_args!("<div><dt>{name}</dt><dd>{}</dd></div>", escaped(value, 200)));
    };
    fact("model", &model.name);
    if let Some(graph) = model.main() {
        fact(
            "size",
            &format!(
                "{} MACs, {} of constants, {} operators",
                units::grouped(graph.total_macs().get()),
                graph.constant_bytes().human(),
                units::grouped(graph.operators.len() as u64),
            ),
        );
    }
    if !model.source.sha256.is_empty() {
        fact("model SHA-256", &model.source.sha256);
    }
    fact("chip", &format!("{} ({})", chip.name(), chip.id()));
    fact("runtime", &chip.runtime.id);
    let clock = chip
        .reference_clock()
        .map_or_else(|| "of unknown clock".to_owned(), |clock| format!("at {}", clock.value));
    fact("operating point", &format!("{} {clock}", chip.operating_point.id));
    fact("card SHA-256", &chip.sha256);
    fact("made by", concat!("cofit ", env!("CARGO_PKG_VERSION")));
    let hot: Vec<String> = subject
        .evaluation
        .verdict
        .hotspots
        .iter()
        .map(|spot| {
            let name = subject.evaluation.plan.step_name(spot.step);
            let name = tail(words::short_name(&name), 32);
            let number = spot.step.as_u32();
            let cause = super::figure::cause_words(spot.cause);
            format!("{number} {name} {} ({cause})", words::percent(spot.share))
        })
        .collect();
    if !hot.is_empty() {
        fact("most cycles", &hot.join("; "));
    }
    html + "</dl>\n"
}

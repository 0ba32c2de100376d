//! What the energy of one inference is made of.

use cofit_explore::verdict::energy_quantity;
use cofit_vocab::PicoJoules;

use super::figure::{self, Details, LEFT, Mark, PLOT, Picture};
use crate::{Subject, words};

/// Height of the bar.
const BAR: f64 = 34.0;

/// The picture, or nothing where the energy is unknown.
pub(super) fn pictures(subject: &Subject<'_>) -> Vec<Picture> {
    let profile = &subject.evaluation.profile;
    let Ok(energy) = &profile.energy else { return Vec::new() };
    let whole = energy.total().get();
    let quantity = energy_quantity(profile);
    let Some(figure) = quantity.figure().filter(|_| whole > 0.0 && whole.is_finite()) else {
        return Vec::new();
    };
    let parts: [(&str, &str, PicoJoules); 4] = [
        ("k0", "switching, by cycle", energy.by_cycle),
        ("k1", "multiply-accumulates", energy.by_mac),
        ("k2", "bytes moved", energy.by_byte),
        ("k7", "being on, by time", energy.leakage),
    ];
    let mut body = String::new();
    let mut x = LEFT;
    let mut entries: Vec<(&str, String)> = Vec::new();
    for (class, name, joules) in parts {
        let share = joules.get() / whole;
        if !(share.is_finite() && share > 0.0) {
            continue;
        }
        let said = format!("{joules}, {}", words::percent(share));
        body += &Mark {
            class: &format!("{class} part"),
            place: (x, 8.0, (share * PLOT).max(0.5), BAR),
            steps: "",
            details: Details::of(name)
                .with("energy", &joules.to_string())
                .with("share", &words::percent(share)),
        }
        .svg();
        x += share * PLOT;
        entries.push((class, format!("{name} {said}")));
    }
    let entries: Vec<(&str, &str)> =
        entries.iter().map(|(class, words)| (*class, words.as_str())).collect();
    let (legend, height) = figure::legend(&entries, 8.0 + BAR + 14.0);
    let borrowed =
        if energy.is_borrowed { " The card borrows its figures from a similar chip." } else { "" };
    vec![Picture {
        title: "Energy of one inference".to_owned(),
        description: format!("{}, {}.{borrowed}", words::figure(figure), figure.kind),
        width: figure::WIDTH,
        height: 8.0 + BAR + 14.0 + height,
        body: body + &legend,
        role: "",
    }]
}

//! `cofit validate`: how wrong simulated times are, by measured rows whose network is left out.

use cofit_calibrate::conformal;
use cofit_calibrate::leave_out::leave_networks_out;
use cofit_calibrate::pool::Pool;

use crate::args::ValidateArgs;
use crate::failure::Failure;
use crate::measured::{self, Networks};
use crate::progress::Bar;
use crate::{Outcome, output};

/// Runs the command.
pub fn run(args: &ValidateArgs) -> Result<Outcome, Failure> {
    let folder = args.rows.parent().and_then(|folder| folder.parent());
    let models = args
        .models
        .clone()
        .unwrap_or_else(|| folder.map(|folder| folder.join("models")).unwrap_or_default());
    let measured = measured::read(&args.rows, &mut Networks::in_folder(&models))?;
    let mut pool = Pool::default();
    let mut kept = Vec::new();
    for one in &measured.rows {
        if one.sample.terms.others == 0 && pool.add(one.sample.clone()) {
            kept.push(one);
        }
    }
    let mut bar = Bar::new("leaving networks out");
    let full = pool.fit();
    let predictions = leave_networks_out(&pool, &full, |done, all| {
        let _ = bar.step(done, all);
    });
    drop(bar);
    let mut text = format!("{:?}\n", measured.others);
    for p in &predictions {
        let r = &kept[p.row].row;
        text += &format!(
            "{} {} {} {} {:+.0}% dev {:.2}\n",
            r.card,
            r.runtime,
            r.network(),
            r.release,
            100.0 * p.relative(),
            p.deviation
        );
    }
    let mut errors: Vec<f64> = predictions.iter().map(|p| p.relative().abs()).collect();
    errors.sort_by(f64::total_cmp);
    text += &format!(
        "{} median {:?} p90 {:?} factor {:?}\n",
        errors.len(),
        errors.get(errors.len() / 2),
        errors.get(errors.len() * 9 / 10),
        conformal::factor(&predictions, 0.9)
    );
    output::write(&text, None)?;
    Ok(Outcome::Holds)
}

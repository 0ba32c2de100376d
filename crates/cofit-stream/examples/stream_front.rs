//! temp
#![allow(clippy::print_stdout)]
use cofit_stream::*;
fn main() {
    for path in std::env::args().skip(1) {
        let mut parts = path.split('?');
        let file = parts.next().unwrap();
        let parameters = parts
            .map(|p| p.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap())
            .collect();
        let bytes = std::fs::read(file).unwrap();
        let model = if file.ends_with("toml") {
            let o = cofit_import::sketch::SketchOptions {
                parameters,
                weights: cofit_import::sketch::Weights::Absent,
            };
            cofit_import::sketch::expand(&String::from_utf8(bytes).unwrap(), file, &o).unwrap()
        } else {
            let (model, d) = cofit_import::load(bytes.into(), file);
            model.unwrap_or_else(|| panic!("{d:?}"))
        };
        let graph = model.main().unwrap();
        let network = Network::of(graph);
        for (inputs, outputs) in [
            (Side::Outside, Side::Outside),
            (Side::Outside, Side::Arena),
            (Side::Arena, Side::Arena),
        ] {
            for may_recompute in [false, true] {
                let t = std::time::Instant::now();
                let f =
                    front(graph, &network, Question { inputs, outputs, may_recompute }, &by_macs);
                println!(
                    "{path} {inputs:?} {outputs:?} recompute {may_recompute}: {} points {:?} base macs {}",
                    f.points.len(),
                    t.elapsed(),
                    network.macs()
                );
                let t = std::time::Instant::now();
                if std::env::var("V").is_ok() {
                    for p in &f.points {
                        if let Err(b) = verify(&network, &p.schedule) {
                            println!("BREACH {b} {}", p.schedule.arena);
                        }
                    }
                    println!("verified in {:?}", t.elapsed());
                }
                let k: usize = std::env::var("K").ok().and_then(|k| k.parse().ok()).unwrap_or(8);
                for p in f.points.iter().step_by((f.points.len() / k).max(1)) {
                    let text: Vec<String> = p
                        .schedule
                        .groups
                        .iter()
                        .filter(|g| g.first != g.last)
                        .map(|g| {
                            format!("{}-{}{}{}", g.first, g.last, g.pieces.name(), g.strips.len())
                        })
                        .collect();
                    println!(
                        "  {} {:.2} KiB factor {:.3} weights {} KiB {}",
                        p.schedule.arena.get(),
                        p.schedule.arena.get() as f64 / 1024.,
                        p.effort.macs as f64 / network.macs().get() as f64,
                        p.effort.constant_bytes / 1024,
                        text.join(" ").replace("stage", "").chars().take(120).collect::<String>()
                    );
                }
            }
        }
    }
}

//! Any text is read as rows or refused: no panic, every number a measurement, names bounded.

use std::path::Path;

use cofit_calibrate::rows::{self, Layout};
use cofit_vocab::Fault;
use proptest::prelude::*;

/// The texts of the file tests, without their names and expectations.
fn samples() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rows");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of the tests")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort();
    let text = |path: &std::path::PathBuf| {
        let case = std::fs::read_to_string(path).expect("a readable file");
        let (input, _) = case.split_once("\n----\n").expect("an expectation");
        input.split_once('\n').expect("a name").1.to_owned()
    };
    files.iter().map(text).collect()
}

/// Reads a text and holds the result to what every reader promises.
fn check(text: &str) {
    match rows::read(text, "rows.txt") {
        Ok((_, rows, messages)) => {
            assert!(!rows.is_empty() && !messages.has_errors());
            let lines = u32::try_from(text.lines().count()).expect("a short text");
            for row in &rows {
                assert!((1..=lines).contains(&row.line), "{row:?}");
                let costs = [
                    row.latency.map(|latency| latency.get()),
                    row.cycles,
                    row.energy.map(|energy| energy.get()),
                ];
                assert!(costs.iter().any(Option::is_some), "{row:?}");
                let clock = row.clock.map(|clock| clock.get());
                for value in costs.into_iter().chain([clock]).flatten() {
                    assert!(value.is_finite() && value > 0.0, "{row:?}");
                }
                assert!(row.resolution.get() >= 0.0 && row.resolution.get().is_finite());
            }
        }
        Err(messages) => {
            assert!(messages.has_errors());
            for message in messages.iter() {
                assert_eq!(message.code.fault, Fault::Usage);
                assert!(message.to_string().len() < 4096);
            }
        }
    }
}

#[test]
fn every_layout_has_a_sample() {
    let samples = samples();
    for layout in Layout::ALL {
        let is_read = |text: &String| rows::read(text, "").is_ok_and(|read| read.0 == layout);
        assert!(samples.iter().any(is_read), "{} has none", layout.name());
    }
}

#[test]
fn samples_may_end_anywhere() {
    for sample in samples() {
        for (end, _) in sample.char_indices() {
            check(&sample[..end]);
        }
    }
}

#[test]
fn a_byte_order_mark_is_no_text() {
    let text = "layer,cycles\nconv,5\n";
    let marked = rows::read(&format!("\u{feff}{text}"), "").expect("rows");
    assert_eq!(marked, rows::read(text, "").expect("rows"));
}

#[test]
fn a_file_of_too_many_rows_is_read_in_part() {
    let text = format!("layer,ms\n{}", "a,1\n".repeat(100_010));
    let (_, rows, messages) = rows::read(&text, "").expect("rows");
    assert_eq!((rows.len(), messages.len()), (100_000, 1));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_words_of_the_layouts_are_read_or_refused(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "model,latency_ms,cycles,level\n", "layer,cycles\n", "c_id m_id type dur (ms) %\n",
                "Clayer id desc oshape ms\n", "cycles/MACC : 2\n", "duration : 3 ms\n", "@480/240MHz\n",
                "| name | type | latency |\n", "| total | | 7us |\n", "| a | Conv | 3cycle |\n",
                "CONV_2D took 12 ticks (1 ms).\n", "\"Event\",\"Tag\",\"Ticks\"\n", "0,ADD,4\n",
                "\"Unique Tag\",\"\"\n", "X(0) took 5 ticks\n", "NNG Operator,Op Cycles\n", "a,1,2,layer\n",
                "accelerator_configuration,cycles_total,batch_size\n", "x,1e308,1e-308\n", "0 0 Conv 1.5\n",
                "-1", "1e309", "nan", "inf", ",", "\"", "|", "\n", "(", ")", ":", "@", "/", " ", "\u{b5}s",
                "9999999999999999999999",
            ]),
            0..40,
        ),
    ) {
        check(&words.concat());
    }

    #[test]
    fn damaged_samples_are_read_or_refused(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::sample::select(vec![
                "", "-", "0", "9", ".", ",", "|", "\"", "\n", "e", "(", ")", ":", "%", "/", "@", "\u{e9}",
            ])),
            1..12,
        ),
    ) {
        let samples = samples();
        let mut text: Vec<String> = which.get(&samples).chars().map(String::from).collect();
        for (place, with) in changes {
            if !text.is_empty() {
                let place = place.index(text.len());
                with.clone_into(&mut text[place]);
            }
        }
        check(&text.concat());
    }
}

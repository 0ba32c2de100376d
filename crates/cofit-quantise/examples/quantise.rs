//! Quantises a `.tflite` file on `.npz` samples, for checks against the official interpreter:
//! `quantise MODEL.tflite SAMPLES.npz SCHEME OUTPUT.tflite`. `SAMPLES.npz` holds integer codes
//! `inputs` and the real `scale` of a code, as those of `examples/models/data` do; `random` stands for
//! seeded random samples. The model may be a model text too.

#![allow(clippy::print_stderr, reason = "a tool for developers")]

use std::error::Error;

use cofit_exec::{Buffer, Options, probe};
use cofit_ir::Verified;
use cofit_quantise::quantise::Settings;
use cofit_quantise::{Scheme, calibrate, canonical, quantise, unwatched};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, samples, scheme, output] = arguments.as_slice() else {
        return Err("quantise MODEL.tflite SAMPLES.npz SCHEME OUTPUT.tflite".into());
    };
    let (read, found) = cofit_import::load(std::fs::read(model)?.into(), model);
    let model = Verified::new(read.ok_or_else(|| format!("{found:?}"))?)
        .map_err(|found| format!("{found:?}"))?;
    let model = canonical(&model).map_err(|found| format!("{found:?}"))?;
    let samples = match samples.as_str() {
        "random" => (0..32)
            .map(|seed| probe::inputs(model.main_graph(), seed).into_iter().flatten().collect())
            .collect(),
        path => samples_of(path)?,
    };
    let scheme: Scheme = scheme.parse()?;
    let calibration = calibrate(&model, &samples, &Options::default(), &mut unwatched)
        .map_err(|found| format!("{found:?}"))?;
    let quantised = quantise(&model, &calibration, &scheme, &Settings::default())
        .map_err(|found| format!("{found:?}"))?;
    for note in &quantised.notes {
        eprintln!("{note}");
    }
    let bytes =
        cofit_import::tflite::write(&quantised.model).map_err(|found| format!("{found:?}"))?;
    Ok(std::fs::write(output, bytes)?)
}

fn samples_of(path: &str) -> Result<Vec<Vec<Buffer>>, Box<dyn Error>> {
    let mut archive = npyz::npz::NpzArchive::open(path)?;
    let scale = archive.by_name("scale")?.ok_or("no `scale`")?.into_vec::<f32>()?;
    let inputs = archive.by_name("inputs")?.ok_or("no `inputs`")?;
    let shape = inputs.shape().to_vec();
    let codes: Vec<f32> = match inputs.dtype().descr().as_str() {
        "'|u1'" => inputs.into_vec::<u8>()?.into_iter().map(f32::from).collect(),
        "'|i1'" => inputs.into_vec::<i8>()?.into_iter().map(f32::from).collect(),
        _ => inputs.into_vec::<i16>()?.into_iter().map(f32::from).collect(),
    };
    let each = shape.iter().skip(1).product::<u64>().max(1) as usize;
    let real = |codes: &[f32]| codes.iter().map(|code| code * scale[0]).collect();
    Ok(codes.chunks_exact(each).map(|codes| vec![Buffer::F32(real(codes))]).collect())
}

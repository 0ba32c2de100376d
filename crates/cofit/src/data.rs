//! User data: samples and labels from arrays, tables and images.
//!
//! A [`Dataset`] is opened for a model: every sample comes out as one [`Buffer`] for each input of
//! the model, so that whoever runs the model needs to know no file. Arrays and tables are held as the
//! file has them and fitted sample by sample; images are decoded only when their sample is asked for.
//!
//! What values mean: stored number times scale is the real number that the model was trained with,
//! and that is what a sample holds, for quantised inputs too; whoever runs an integer model
//! quantises them. Integers of a quantised input's own type, without a scale, are its codes. Inputs
//! of integers that mean themselves, such as indices, hold integers.

mod csv;
mod fit;
mod images;
mod labels;
mod npz;

use std::ops::Range;
use std::path::Path;

use cofit_exec::Buffer;
use cofit_ir::Verified;
use cofit_vocab::diagnostic::{data as rules, usage};
use cofit_vocab::{Code, Diagnostic, Diagnostics, Place};

pub use self::labels::Labels;
use crate::args::DataArgs;
use crate::arrays::Array;
use crate::failure::{Failure, SHOWN, render};
use crate::output;
use fit::Need;
use images::Images;

/// The most bytes of samples that are held at once, fitted to the model.
const HELD_LIMIT: u64 = 2 << 30;

/// Samples for one model, with labels if there are any.
pub struct Dataset {
    /// The file or folder, as the user named it.
    name: String,
    needs: Vec<Need>,
    source: Source,
    labels: Option<Labels>,
    /// Which of the source's samples are taken.
    window: Range<usize>,
    /// What the numbers of arrays are multiplied by.
    scale: Option<f32>,
}

/// Where samples come from.
enum Source {
    /// One array for each input, whose first axis is the samples.
    Arrays(Vec<Array>),
    /// Files that are decoded one by one.
    Images(Images),
}

/// What a reader found in a file.
struct Found {
    /// One array for each input, whose first axis is the samples.
    inputs: Vec<Array>,
    /// One label a sample.
    labels: Option<Labels>,
    /// What the inputs are to be multiplied by.
    scale: Option<f32>,
}

impl Dataset {
    /// Opens the data that the command line names, for this model.
    ///
    /// # Errors
    /// Files that cannot be read, and data that does not suit the model.
    pub fn open(args: &DataArgs, model: &Verified) -> Result<Self, Failure> {
        let path = &args.data;
        let name = path.display().to_string();
        let graph = model.main_graph();
        let needs: Vec<Need> =
            graph.inputs.iter().map(|&id| Need::of(&graph.tensors[id])).collect();
        let scale = args.input_scale.map(|scale| checked_scale(scale, &name)).transpose()?;
        let mut dataset = if path.is_dir() {
            refuse_array_options(args)?;
            let images = Images::open(path, args.pixels.unwrap_or_default(), &needs)?;
            Self {
                labels: images.labels(),
                window: 0..images.len(),
                source: Source::Images(images),
                scale: None,
                name,
                needs,
            }
        } else {
            let found = match extension(path).as_str() {
                "npz" => npz::read_npz(path, &needs)?,
                "npy" => npz::read_inputs(path)?,
                "csv" | "tsv" => csv::read(path, args.label_column.as_deref(), &needs)?,
                other => {
                    let message = match other {
                        "" => "its name has no ending".to_owned(),
                        other => format!("`.{other}` is no ending of a data file"),
                    };
                    return Err(fault(&rules::UNKNOWN_DATA_FORMAT, message, &name));
                }
            };
            refuse_other_options(args)?;
            Self::of_arrays(found, needs, name, scale)?
        };
        if let Some(path) = &args.labels {
            dataset.labels = Some(npz::read_labels(path, dataset.window.end)?);
        }
        dataset.select(args)?;
        dataset.warn_of_odd_ranges(args)?;
        Ok(dataset)
    }

    /// The samples of arrays whose shapes suit the model.
    fn of_arrays(
        found: Found,
        needs: Vec<Need>,
        name: String,
        scale: Option<f32>,
    ) -> Result<Self, Failure> {
        let mut count = None;
        for (array, need) in found.inputs.iter().zip(&needs) {
            let Some((&samples, sample)) = array.shape.split_first() else {
                let message = format!(
                    "the array for `{}` is a single number, without an axis of samples",
                    need.name
                );
                return Err(fault(&rules::SHAPE_MISMATCH, message, &name));
            };
            need.check_shape(sample, samples)
                .map_err(|mistake| mistake.in_file(&rules::SHAPE_MISMATCH, &name))?;
            let samples = samples as usize;
            if count.is_some_and(|count| count != samples) {
                let message = format!(
                    "the array for `{}` has {samples} samples, the one before {}",
                    need.name,
                    count.unwrap_or_default()
                );
                return Err(fault(&rules::SHAPE_MISMATCH, message, &name));
            }
            count = Some(samples);
        }
        Ok(Self {
            name,
            needs,
            window: 0..count.unwrap_or(0),
            source: Source::Arrays(found.inputs),
            labels: found.labels,
            scale: scale.or(found.scale),
        })
    }

    /// Takes the part of the samples that `--skip` and `--samples` leave.
    fn select(&mut self, args: &DataArgs) -> Result<(), Failure> {
        let all = self.window.end;
        let start = args.skip.min(all);
        let end = args.samples.map_or(all, |count| start.saturating_add(count).min(all));
        if start >= end {
            let message = match (all, args.skip) {
                (0, _) => "it holds no samples".to_owned(),
                (all, skip) if skip >= all => {
                    format!("it holds {all} samples, and {skip} are skipped")
                }
                _ => "`--samples 0` takes none".to_owned(),
            };
            return Err(fault(&rules::NO_SAMPLES, message, &self.name));
        }
        self.window = start..end;
        Ok(())
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.window.len()
    }

    /// The arrays of one sample, one for each input of the model.
    ///
    /// # Errors
    /// A value that the model cannot take, or an image that cannot be read.
    pub fn sample(&self, index: usize) -> Result<Vec<Buffer>, Failure> {
        let at = self.window.start.saturating_add(index);
        let fitted = |mistake: fit::Mistake| {
            let mut mistake = mistake;
            mistake.message = format!("sample {at}: {}", mistake.message);
            mistake.in_file(&rules::BAD_VALUE, &self.name)
        };
        match &self.source {
            Source::Arrays(arrays) => arrays
                .iter()
                .zip(&self.needs)
                .map(|(array, need)| {
                    let each = need.elements();
                    let start = at.saturating_mul(each);
                    let values = array.values.as_slice().range(start, start.saturating_add(each));
                    let fitted = need.fit(values, self.scale).map_err(fitted)?;
                    Ok(need.stored(array.shape.get(1..).unwrap_or_default(), fitted))
                })
                .collect(),
            Source::Images(images) => {
                let values = Buffer::F32(images.decode(at)?);
                let need = self.needs.first().into_iter();
                need.map(|need| need.fit(values.as_slice(), Some(1.0)).map_err(fitted)).collect()
            }
        }
    }

    /// All samples, as [`Dataset::sample`] gives them.
    ///
    /// # Errors
    /// Also more bytes than are held at once.
    pub fn samples(&self) -> Result<Vec<Vec<Buffer>>, Failure> {
        let each: u64 = self.needs.iter().map(Need::bytes).fold(0, u64::saturating_add);
        let bytes = each.saturating_mul(self.len() as u64);
        if bytes > HELD_LIMIT {
            let message = format!(
                "{} samples of {each} bytes are {bytes} bytes, and {HELD_LIMIT} are held at once",
                self.len()
            );
            let diagnostic = Diagnostic::error(&rules::DATA_TOO_LARGE, message, self.place());
            let most = HELD_LIMIT / each.max(1);
            return Err(diagnostic
                .with_help(format!("take a part with `--samples {most}`"))
                .into());
        }
        (0..self.len()).map(|index| self.sample(index)).collect()
    }

    /// The labels of the samples, in their order.
    pub fn labels(&self) -> Option<Labels> {
        self.labels.as_ref().map(|labels| labels.range(self.window.clone()))
    }

    /// The file or folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The data, as a place of a message.
    pub fn place(&self) -> Place {
        Place::default().with_file(self.name.clone())
    }

    /// Warns where the first samples lie outside the range of a quantised input, or fill little of
    /// it. Data that was scaled in another way than in training is the usual cause of an accuracy
    /// that makes no sense.
    fn warn_of_odd_ranges(&self, args: &DataArgs) -> Result<(), Failure> {
        /// Samples that are looked at.
        const LOOKED_AT: usize = 16;
        let mut warnings = Diagnostics::new();
        for (position, need) in self.needs.iter().enumerate() {
            let mut range: Option<(f32, f32)> = None;
            for index in 0..self.len().min(LOOKED_AT) {
                let at = self.window.start + index;
                let found = match &self.source {
                    Source::Arrays(arrays) => {
                        let start = at.saturating_mul(need.elements());
                        let values = arrays[position].values.as_slice();
                        let values = values.range(start, start.saturating_add(need.elements()));
                        need.real_range(values, self.scale)
                    }
                    Source::Images(_) => Some(args.pixels.unwrap_or_default().range()),
                };
                range = match (range, found) {
                    (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
                    (range, found) => range.or(found),
                };
            }
            if let Some(message) = range.and_then(|range| need.odd_range(range)) {
                warnings.push(Diagnostic::warning(&rules::ODD_RANGE, message, self.place()));
            }
        }
        output::complain(&render(&warnings, &[], SHOWN));
        Ok(())
    }
}

/// The ending of the name, in lower case.
fn extension(path: &Path) -> String {
    path.extension().map_or_else(String::new, |ending| ending.to_string_lossy().to_lowercase())
}

/// A message about a data file.
fn fault(code: &'static Code, message: impl Into<String>, file: &str) -> Failure {
    Failure::new(code, message, Place::default().with_file(file))
}

/// A factor for the inputs.
fn checked_scale(scale: f32, file: &str) -> Result<f32, Failure> {
    if scale.is_normal() && scale > 0.0 {
        return Ok(scale);
    }
    Err(fault(&rules::BAD_SCALE, format!("the scale is {scale}"), file))
}

/// Images have their own range and their own labels.
fn refuse_array_options(args: &DataArgs) -> Result<(), Failure> {
    let mistake = match (&args.label_column, args.input_scale) {
        (Some(_), _) => "`--label-column` is for tables, and the data is a folder",
        (_, Some(_)) => "`--input-scale` is for arrays; the range of images is set by `--pixels`",
        (None, None) => return Ok(()),
    };
    Err(Failure::new(&usage::BAD_ARGUMENT, mistake, Place::default()))
}

/// Arrays have no pixels, and only tables have columns.
fn refuse_other_options(args: &DataArgs) -> Result<(), Failure> {
    let is_table = matches!(extension(&args.data).as_str(), "csv" | "tsv");
    let mistake = if args.pixels.is_some() {
        "`--pixels` is for a folder of images; arrays are scaled by `--input-scale`"
    } else if args.label_column.is_some() && !is_table {
        "`--label-column` is for tables; an array of labels is given by `--labels`"
    } else {
        return Ok(());
    };
    Err(Failure::new(&usage::BAD_ARGUMENT, mistake, Place::default()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use cofit_exec::probe::SplitMix64;
    use cofit_ir::{Graph, Model, Shape, Tensor};
    use cofit_vocab::ElementType;
    use image::{ImageFormat, Rgb, RgbImage};

    use super::*;

    /// A model that takes an array of this shape and gives it back.
    fn model(shape: &[u32]) -> Verified {
        let mut graph = Graph::default();
        let tensor = Tensor::activation("point", ElementType::Float32, Shape::new(shape));
        let id = graph.tensor(tensor);
        graph.inputs.push(id);
        graph.outputs.push(id);
        let mut model = Model::default();
        model.graphs.push(graph);
        Verified::new(model).expect("a sound model")
    }

    fn args(data: PathBuf) -> DataArgs {
        DataArgs {
            data,
            labels: None,
            label_column: None,
            pixels: None,
            input_scale: None,
            samples: None,
            skip: 0,
        }
    }

    /// Damages bytes in up to four places.
    fn damage(bytes: &mut Vec<u8>, draws: &mut SplitMix64) {
        for _ in 0..=draws.next() % 4 {
            let at = (draws.next() % bytes.len().max(1) as u64) as usize;
            match draws.next() % 8 {
                0 => bytes.truncate(at.max(1)),
                1..4 => bytes[at] ^= 1 << (draws.next() % 8),
                4..6 => bytes[at] = draws.next() as u8,
                6 => bytes.splice(at..at, [b'9'; 12]).for_each(drop),
                _ => bytes.drain(at..(at + 4).min(bytes.len())).for_each(drop),
            }
            if bytes.is_empty() {
                return;
            }
        }
    }

    #[test]
    fn damaged_files_are_refused_or_read() {
        /// Damaged copies of every file.
        const CASES: u64 = 150;
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let folder = tempfile::tempdir().expect("a folder");
        let image = RgbImage::from_fn(8, 8, |x, y| Rgb([(x * 30) as u8, (y * 30) as u8, 9]));
        let mut files = vec![("npz", fs::read(tests.join("far_labels.npz")).expect("a file"))];
        files.push(("csv", fs::read(tests.join("plane.csv")).expect("a file")));
        let array = Buffer::F32(vec![1.0, 2.0, 3.0, 4.0]);
        let npy = crate::arrays::write_npy(ElementType::Float32, &[2, 2], array.as_slice());
        files.push(("npy", npy.expect("an array")));
        for (ending, format) in [("png", ImageFormat::Png), ("jpg", ImageFormat::Jpeg)] {
            let mut bytes = std::io::Cursor::new(Vec::new());
            image.write_to(&mut bytes, format).expect("an image");
            files.push((ending, bytes.into_inner()));
        }
        let (point, picture) = (model(&[1, 2]), model(&[1, 4, 4, 3]));
        for (ending, whole) in &files {
            let is_image = matches!(*ending, "png" | "jpg");
            let (mut read, mut refused) = (0, 0);
            for case in 0..CASES {
                let mut bytes = whole.clone();
                damage(&mut bytes, &mut SplitMix64(case));
                let inside = folder.path().join(ending);
                fs::create_dir_all(&inside).expect("a folder");
                let file = inside.join(format!("data.{ending}"));
                fs::write(&file, &bytes).expect("a file");
                let (path, model) = if is_image { (inside, &picture) } else { (file, &point) };
                match Dataset::open(&args(path), model).and_then(|data| data.samples()) {
                    Ok(_) => read += 1,
                    Err(failure) => {
                        assert!([2, 3].contains(&failure.exit_code()), "{}", failure.render());
                        refused += 1;
                    }
                }
            }
            // Damage that is always refused, or never, would test nothing.
            assert!(read > 0 && refused > 0, "{ending}: {read} read, {refused} refused");
        }
    }
}

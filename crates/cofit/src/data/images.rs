//! Folders of images.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use cofit_vocab::diagnostic::data as rules;
use image::imageops::FilterType;
use image::{DynamicImage, ImageReader, Limits};

use super::fault;
use super::fit::{Need, shape_text};
use super::labels::Labels;
use crate::args::Pixels;
use crate::failure::Failure;
use crate::load;

/// The most bytes of one image file.
const FILE_LIMIT: u64 = 256 << 20;

/// The most bytes that decoding one image may take.
const DECODED_LIMIT: u64 = 512 << 20;

/// The longest side of an image.
const LONGEST_SIDE: u32 = 1 << 15;

/// The most images of one folder.
const MOST_IMAGES: usize = 1 << 20;

/// Endings of image files.
const ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];

/// Images that are decoded when they are asked for.
pub struct Images {
    files: Vec<PathBuf>,
    /// The class of every image, where subfolders are classes.
    classes: Option<Vec<u32>>,
    frame: Frame,
    pixels: Pixels,
}

/// What the model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frame {
    height: u32,
    width: u32,
    is_colour: bool,
    /// Whether channels are the first axis.
    is_planar: bool,
}

impl Images {
    /// Lists the images of a folder. Names that begin with a dot and files that are no images are
    /// passed over.
    pub fn open(folder: &Path, pixels: Pixels, needs: &[Need]) -> Result<Self, Failure> {
        let name = folder.display().to_string();
        let frame = Frame::of(needs)
            .ok_or_else(|| fault(&rules::NO_IMAGE_INPUT, inputs_text(needs), &name))?;
        let (flat, subfolders) = list(folder)?;
        let mut files = Vec::new();
        let mut classes = Vec::new();
        for (class, subfolder) in subfolders.iter().enumerate() {
            let (inner, _) = list(subfolder)?;
            classes.extend(std::iter::repeat_n(class as u32, inner.len()));
            files.extend(inner);
        }
        let message = match (files.is_empty(), flat.is_empty()) {
            (true, true) => "there are no .png or .jpg images in it or its subfolders",
            (false, false) => "there are images both in the folder and in its subfolders",
            (true, false) => {
                return Ok(Self { files: flat, classes: None, frame, pixels });
            }
            (false, true) if files.len() > MOST_IMAGES => "it holds more than a million images",
            (false, true) => {
                return Ok(Self { files, classes: Some(classes), frame, pixels });
            }
        };
        Err(fault(&rules::BAD_IMAGE_FOLDER, message, &name))
    }

    /// Number of images.
    pub const fn len(&self) -> usize {
        self.files.len()
    }

    /// The class of every image, where subfolders are classes: their places in sorted order.
    pub fn labels(&self) -> Option<Labels> {
        self.classes.clone().map(Labels::Classes)
    }

    /// One image in the model's size, channels and order, its values in the chosen range.
    ///
    /// # Errors
    /// The file is damaged or too large.
    pub fn decode(&self, index: usize) -> Result<Vec<f32>, Failure> {
        let Some(path) = self.files.get(index) else { return Ok(Vec::new()) };
        let name = path.display().to_string();
        let refuse = |error: image::ImageError| fault(&rules::BAD_IMAGE, error.to_string(), &name);
        let bytes = load::read(path, FILE_LIMIT)?;
        let mut reader = ImageReader::new(Cursor::new(bytes));
        let mut limits = Limits::default();
        limits.max_image_width = Some(LONGEST_SIDE);
        limits.max_image_height = Some(LONGEST_SIDE);
        limits.max_alloc = Some(DECODED_LIMIT);
        reader.limits(limits);
        let reader = reader
            .with_guessed_format()
            .map_err(|error| fault(&rules::BAD_IMAGE, error.to_string(), &name))?;
        let decoded = reader.decode().map_err(refuse)?;
        Ok(self.frame.fit(&decoded, self.pixels))
    }
}

impl Frame {
    /// The image that the model takes: one input of height, width and 1 or 3 channels, these last
    /// or first.
    fn of(needs: &[Need]) -> Option<Self> {
        let [need] = needs else { return None };
        let lengths: Vec<u32> =
            need.sample_shape().iter().map(|&n| u32::try_from(n).ok()).collect::<Option<_>>()?;
        let (height, width, channels, is_planar) = match *lengths.as_slice() {
            [height, width] => (height, width, 1, false),
            [height, width, channels @ (1 | 3)] => (height, width, channels, false),
            [channels @ (1 | 3), height, width] => (height, width, channels, true),
            _ => return None,
        };
        let is_sized = (1..=LONGEST_SIDE).contains(&height) && (1..=LONGEST_SIDE).contains(&width);
        is_sized.then_some(Self { height, width, is_colour: channels == 3, is_planar })
    }

    /// The image in this frame. Transparency is dropped; grey is the luma of colour.
    fn fit(self, image: &DynamicImage, pixels: Pixels) -> Vec<f32> {
        let is_same = (image.width(), image.height()) == (self.width, self.height);
        let resized;
        let image = if is_same {
            image
        } else {
            // A triangle as wide as the step between samples: bilinear, and an average where the
            // image shrinks.
            resized = image.resize_exact(self.width, self.height, FilterType::Triangle);
            &resized
        };
        let (bytes, channels) = match self.is_colour {
            true => (image.to_rgb8().into_raw(), 3),
            false => (image.to_luma8().into_raw(), 1),
        };
        let real = |byte: u8| pixels.real(byte);
        match self.is_planar {
            false => bytes.into_iter().map(real).collect(),
            true => (0..channels)
                .flat_map(|channel| bytes.iter().skip(channel).step_by(channels).copied())
                .map(real)
                .collect(),
        }
    }
}

/// The images and the subfolders of a folder, both sorted by name.
fn list(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Failure> {
    let name = folder.display().to_string();
    let refuse = |error: std::io::Error| fault(&rules::BAD_IMAGE_FOLDER, error.to_string(), &name);
    let (mut images, mut folders) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(refuse)? {
        let path = entry.map_err(refuse)?.path();
        let is_hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes()[0] == b'.');
        if is_hidden {
            continue;
        }
        if path.is_dir() {
            folders.push(path);
        } else if ENDINGS.contains(&super::extension(&path).as_str()) {
            images.push(path);
        }
        if images.len() + folders.len() > MOST_IMAGES {
            let message = "it holds more than a million images";
            return Err(fault(&rules::BAD_IMAGE_FOLDER, message, &name));
        }
    }
    images.sort_unstable();
    folders.sort_unstable();
    Ok((images, folders))
}

/// What the model takes instead of an image.
fn inputs_text(needs: &[Need]) -> String {
    match needs {
        [need] => format!("`{}` takes the shape {}", need.name, shape_text(need.sample_shape())),
        _ => format!("the model has {} inputs", needs.len()),
    }
}

#[cfg(test)]
mod tests {
    use cofit_ir::{Shape, Tensor};
    use cofit_vocab::ElementType;
    use image::{Rgb, RgbImage};

    use super::*;

    fn need(shape: &[u32]) -> Vec<Need> {
        vec![Need::of(&Tensor::activation("image", ElementType::Float32, Shape::new(shape)))]
    }

    /// A folder with two classes, of one and two images of 2 x 1 pixels.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let pixels =
            |left, right| RgbImage::from_fn(2, 1, |x, _| Rgb(if x == 0 { left } else { right }));
        for (class, name, left) in [("b", "1.png", 0), ("a", "2.PNG", 255), ("b", "0.png", 51)] {
            let inside = folder.path().join(class);
            fs::create_dir_all(&inside).expect("a folder");
            let image = pixels([left, 0, 255], [0, 255, 0]);
            image.save_with_format(inside.join(name), image::ImageFormat::Png).expect("an image");
        }
        fs::write(folder.path().join("a/notes.txt"), "no image").expect("a file");
        folder
    }

    #[test]
    fn subfolders_are_classes_in_sorted_order() {
        let folder = folder();
        let images = Images::open(folder.path(), Pixels::Unit, &need(&[1, 1, 2, 3])).unwrap();
        assert_eq!((images.len(), images.labels()), (3, Some(Labels::Classes(vec![0, 1, 1]))));
        // b/0.png comes before b/1.png.
        assert_eq!(images.decode(1).unwrap(), [0.2, 0.0, 1.0, 0.0, 1.0, 0.0]);
        let planar = Images::open(folder.path(), Pixels::Byte, &need(&[1, 3, 1, 2])).unwrap();
        assert_eq!(planar.decode(0).unwrap(), [255.0, 0.0, 0.0, 255.0, 255.0, 0.0]);
        let flat = folder.path().join("b");
        let flat = Images::open(&flat, Pixels::Symmetric, &need(&[1, 1, 2, 3])).unwrap();
        assert_eq!((flat.len(), flat.labels()), (2, None));
        assert_eq!(flat.decode(1).unwrap(), [-1.0, -1.0, 1.0, -1.0, 1.0, -1.0]);
    }

    #[test]
    fn images_take_the_size_and_the_channels_of_the_model() {
        let folder = folder();
        let grey = Images::open(folder.path(), Pixels::Byte, &need(&[1, 4, 4, 1])).unwrap();
        let decoded = grey.decode(2).unwrap();
        assert_eq!(decoded.len(), 16);
        // Enlarged twofold, a quarter and three quarters of the way between blue's and green's luma.
        assert!(decoded.windows(2).take(3).all(|pair| pair[0] <= pair[1]), "{decoded:?}");
        assert!(decoded[0] < 25.0 && decoded[3] > 170.0, "{decoded:?}");
    }

    #[test]
    fn what_is_no_image_is_refused() {
        let folder = folder();
        let open = |shape: &[u32]| Images::open(folder.path(), Pixels::Unit, &need(shape));
        assert!(open(&[1, 4, 4, 2]).is_err(), "two channels");
        fs::write(folder.path().join("a/2.PNG"), b"\x89PNG\r\n\x1a\nnothing").unwrap();
        assert!(open(&[1, 1, 2, 3]).unwrap().decode(0).is_err());
        fs::write(folder.path().join("stray.png"), b"").unwrap();
        assert!(open(&[1, 1, 2, 3]).is_err(), "an image beside the classes");
        let empty = tempfile::tempdir().unwrap();
        assert!(Images::open(empty.path(), Pixels::Unit, &need(&[1, 1, 2, 3])).is_err());
    }
}

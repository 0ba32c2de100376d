//! Published networks as sketches, found by the names that measured rows give them.
//!
//! [`find`] takes a name such as `stzoo_mobilenet_v1_0.25_96_grayscale_tfs__flowers` and gives the sketch
//! of the architecture with the values of its parameters. It knows schemes of names and no list of
//! networks: a sibling with another width, resolution or data set is found as well.
//!
//! One architecture is one file under `networks/`, written from the publication that its first lines
//! name. `tests/published.rs` holds parameters and multiply-accumulates to published figures.

/// A network: a sketch and values for its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The architecture's name.
    pub architecture: &'static str,
    /// The sketch's text.
    pub sketch: &'static str,
    /// Values of parameters, by name.
    pub parameters: Vec<(String, String)>,
}

macro_rules! architectures {
    ($($name:literal = $path:literal;)*) => {
        /// Name and sketch of every architecture.
        static ARCHITECTURES: &[(&str, &str)] = &[$(($name, include_str!($path)),)*];
    };
}

architectures! {
    "alexnet" = "../networks/alexnet.toml";
    "densenet121" = "../networks/densenet121.toml";
    "fdmobilenet" = "../networks/fdmobilenet.toml";
    "googlenet" = "../networks/googlenet.toml";
    "mcunet_320kb" = "../../../examples/sketches/mcunet_320kb.toml";
    "mnasnet" = "../networks/mnasnet.toml";
    "mobilenet_v1" = "../../../examples/sketches/mobilenet_v1.toml";
    "mobilenet_v2" = "../../../examples/sketches/mobilenet_v2.toml";
    "resnet18" = "../networks/resnet18.toml";
    "resnet_bottleneck" = "../networks/resnet_bottleneck.toml";
    "resnet_cifar" = "../../../examples/sketches/resnet8.toml";
    "squeezenet_v1.0" = "../networks/squeezenet_v1.0.toml";
    "squeezenet_v1.1" = "../../../examples/sketches/squeezenet.toml";
    "ssd_mobilenet_v1" = "../networks/ssd_mobilenet_v1.toml";
    "ssd_mobilenet_v2" = "../networks/ssd_mobilenet_v2.toml";
    "ssd_mobilenet_v2_fpnlite" = "../networks/ssd_mobilenet_v2_fpnlite.toml";
    "st_fdmobilenet_v1" = "../networks/st_fdmobilenet_v1.toml";
    "vgg" = "../networks/vgg.toml";
    "yolov2_tiny" = "../../../examples/sketches/yolov2_tiny.toml";
}

/// The schemes of names.
const NAMES: &str = include_str!("../names.txt");

/// Classes of the data sets that names end with.
const CLASSES: &[(&str, &str)] = &[
    ("cifar10", "10"),
    ("cifar100", "100"),
    ("emnist_byclass", "62"),
    ("flowers", "5"),
    ("food-101", "101"),
    ("imagenet", "1000"),
    ("plant-village", "39"),
    ("coco_2017_person", "1"),
    ("coco_2017_80_classes", "80"),
];

/// Words in names that tell how a network was trained, not what it is.
const TRAINING: &[&str] = &["_tfs", "_fft", "_tl"];

/// The names of all architectures.
pub fn architectures() -> impl Iterator<Item = (&'static str, &'static str)> {
    ARCHITECTURES.iter().copied()
}

/// The network that `model` names, if its scheme is known.
pub fn find(model: &str) -> Option<Instance> {
    let (name, data) = match model.split_once("__") {
        Some((name, data)) => (name, Some(data)),
        None => (model, None),
    };
    let mut name = name.to_owned();
    for word in TRAINING {
        name = name.replace(&format!("{word}_"), "_");
        name = name.strip_suffix(word).unwrap_or(&name).to_owned();
    }
    let lines = NAMES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        let mut words = line.split_whitespace();
        let (Some(scheme), Some(architecture)) = (words.next(), words.next()) else { continue };
        let Some(values) = matches(scheme, &name) else { continue };
        let &(architecture, sketch) =
            ARCHITECTURES.iter().find(|(known, _)| *known == architecture)?;
        let mut parameters: Vec<(String, String)> = words
            .filter_map(|word| word.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        parameters.extend(values.into_iter().filter(|(name, _)| name != "again"));
        let classes = data.and_then(|data| {
            CLASSES.iter().find(|(known, _)| *known == data).map(|&(_, classes)| classes)
        });
        if let Some(classes) = classes {
            parameters.retain(|(name, _)| name != "classes");
            parameters.push(("classes".to_owned(), classes.to_owned()));
        }
        return Some(Instance { architecture, sketch, parameters });
    }
    None
}

/// The values of a scheme's placeholders in a name: numbers, nothing else.
fn matches(scheme: &str, name: &str) -> Option<Vec<(String, String)>> {
    let Some((before, rest)) = scheme.split_once('{') else {
        return (scheme == name).then(Vec::new);
    };
    let (placeholder, after) = rest.split_once('}')?;
    let tail = name.strip_prefix(before)?;
    let length = tail.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(tail.len());
    let (number, tail) = tail.split_at(length);
    if number.is_empty() {
        return None;
    }
    let mut values = vec![(placeholder.to_owned(), number.to_owned())];
    values.extend(matches(after, tail)?);
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(model: &str, expected: &str) {
        let found = find(model).map_or_else(
            || "nothing".to_owned(),
            |instance| {
                let parameters: Vec<String> = instance
                    .parameters
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                format!("{} {}", instance.architecture, parameters.join(" "))
            },
        );
        assert_eq!(found.trim_end(), expected, "{model}");
    }

    #[test]
    fn names_are_read_by_their_scheme() {
        check(
            "stzoo_mobilenet_v1_0.25_96_grayscale_tfs__flowers",
            "mobilenet_v1 colours=1 width=0.25 resolution=96 classes=5",
        );
        check(
            "stzoo_mobilenet_v2_0.35_128_fft__food-101",
            "mobilenet_v2 width=0.35 resolution=128 classes=101",
        );
        check("stzoo_fdmobilenet_0.25_tfs_224", "fdmobilenet classes=5 width=0.25 resolution=224");
        check("mobilenet_v2_0.75_160", "mobilenet_v2 width=0.75 resolution=160");
        check("ncnn_resnet50", "resnet_bottleneck");
        check("resnet152_v2_299", "resnet_bottleneck second=8 third=36 resolution=299");
        check("mobilenet_v2_0.75_160_and_more", "nothing");
        check("mobilenet_v2__160", "mobilenet_v2");
        check("", "nothing");
    }

    #[test]
    fn every_scheme_names_an_architecture() {
        for line in NAMES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let architecture = line.split_whitespace().nth(1);
            assert!(
                ARCHITECTURES.iter().any(|(name, _)| Some(*name) == architecture),
                "{line}: no such architecture"
            );
        }
    }
}

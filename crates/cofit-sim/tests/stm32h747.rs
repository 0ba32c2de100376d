//! The `simd` model with the STM32H747's fitted costs against the published rows.
//!
//! The features and the fit are of calibration/stm32h747.py. This test holds what was published:
//! the costs, and the error of every row.

use cofit_shared::shared_dir;
use cofit_sim::simd::{Costs, Kernel, Wait};
use cofit_sim::work::{Access, Work};
use cofit_vocab::{Bytes, Hertz, Macs};

/// Releases of the vendor's runtime in the rows: kernels became faster with each, and the use of
/// SDRAM better with the last.
#[derive(Clone, Copy)]
enum Release {
    Seven,
    Eight,
    Ten,
}

impl Release {
    /// Cycles relative to release 10, SDRAM aside.
    const fn factor(self) -> f64 {
        match self {
            Self::Seven => 1.207,
            Self::Eight => 1.143,
            Self::Ten => 1.0,
        }
    }

    /// Wait cycles of a byte in SDRAM.
    const fn sdram(self) -> f64 {
        match self {
            Self::Seven | Self::Eight => 8.879 * 2.219,
            Self::Ten => 8.879,
        }
    }
}

/// Convolutions by class, in the order of the arrays of [`Network`]: name and cycles per MAC.
const CLASSES: [(&str, f64); 5] = [
    ("pointwise", 0.827),
    ("convolution", 0.802),
    ("shallow", 1.463),
    ("depthwise", 3.565),
    ("dense", 4.176),
];

/// Cycles of an output of any of them.
const PER_OUTPUT: f64 = 14.12;

fn costs(release: Release) -> Costs {
    let factor = release.factor();
    let mut kernels: Vec<Kernel> = Vec::new();
    for (name, per_mac) in CLASSES {
        let mut kernel = Kernel::named(name);
        kernel.per_mac = per_mac * factor;
        kernel.per_output = PER_OUTPUT * factor;
        kernels.push(kernel);
    }
    let mut pooling = Kernel::named("pooling");
    pooling.per_input = 4.0 * factor;
    let mut elementwise = Kernel::named("elementwise");
    elementwise.per_output = 8.0 * factor;
    let mut movement = Kernel::named("movement");
    movement.per_output = factor;
    kernels.extend([pooling, elementwise, movement]);
    let mut flash = Wait::none("flash");
    flash.weight_read = factor;
    let mut sdram = Wait::none("sdram");
    sdram.read = release.sdram();
    sdram.write = release.sdram();
    Costs { per_inference: 0.0, per_operator: 1500.0 * factor, kernels, waits: vec![flash, sdram] }
}

/// A network as counts.
struct Network {
    name: &'static str,
    operators: u32,
    /// Multiply-accumulates by class.
    macs: [u64; 5],
    /// Output elements by class.
    outputs: [u64; 5],
    /// Input elements of pools.
    pooled: u64,
    /// Output elements of sums.
    added: u64,
    /// Elements copied.
    moved: u64,
    /// Bytes of weights.
    weights: u64,
    /// Bytes of activations to or from SDRAM.
    sdram: u64,
}

impl Network {
    /// The network's latency in milliseconds at 400 MHz.
    fn latency(&self, release: Release) -> f64 {
        let costs = costs(release);
        let mut works: Vec<(usize, Work)> = Vec::new();
        for (kernel, (macs, outputs)) in self.macs.into_iter().zip(self.outputs).enumerate() {
            works.push((kernel, Work { macs: Macs(macs), outputs, ..Work::default() }));
        }
        works.push((5, Work { inputs: self.pooled, ..Work::default() }));
        works.push((6, Work { outputs: self.added, ..Work::default() }));
        let copies = Work { outputs: self.moved, ..Work::default() }
            .with(0, Access::WeightRead, Bytes(self.weights))
            .with(1, Access::Read, Bytes(self.sdram));
        works.push((7, copies));
        // Classes stand for many operators, so dispatch is counted by operators and not by works.
        let dispatches = f64::from(self.operators) - works.len() as f64;
        let cycles = works
            .iter()
            .map(|(kernel, work)| costs.cost(*kernel, work).expect("the kernel exists").sum())
            .sum::<cofit_vocab::Cycles>();
        let clock = Hertz(400e6);
        (cycles.at(clock).0 + dispatches * costs.per_operator / clock.0) * 1e3
    }
}

/// Model of the data file, network, release, milliseconds measured, error in per cent.
type Row = (&'static str, &'static str, Release, f64, f64);

const NETWORKS: &[Network] = &[
    Network {
        name: "fdmobilenet_0.25_224",
        operators: 25,
        macs: [8_028_160, 0, 2_709_504, 1_044_288, 1280],
        outputs: [169_344, 0, 100_352, 116_032, 5],
        pooled: 12_544,
        added: 0,
        moved: 0,
        weights: 123_504,
        sdram: 0,
    },
    Network {
        name: "st_fdmobilenet_v1_224",
        operators: 25,
        macs: [17_059_840, 0, 5_419_008, 1_947_456, 1280],
        outputs: [338_688, 0, 200_704, 216_384, 5],
        pooled: 12_544,
        added: 0,
        moved: 0,
        weights: 139_296,
        sdram: 0,
    },
    Network {
        name: "mobilenet_v1_0.25_224",
        operators: 29,
        macs: [33_718_272, 0, 2_709_504, 4_346_496, 1280],
        outputs: [677_376, 0, 100_352, 482_944, 5],
        pooled: 12_544,
        added: 0,
        moved: 0,
        weights: 208_880,
        sdram: 0,
    },
    Network {
        name: "mobilenet_v1_0.25_224_imagenet",
        operators: 29,
        macs: [33_718_272, 0, 2_709_504, 4_346_496, 256_000],
        outputs: [677_376, 0, 100_352, 482_944, 1000],
        pooled: 12_544,
        added: 0,
        moved: 0,
        weights: 463_600,
        sdram: 0,
    },
    Network {
        name: "mobilenet_v1_0.25_96_grayscale",
        operators: 29,
        macs: [6_193_152, 0, 165_888, 798_336, 1280],
        outputs: [124_416, 0, 18_432, 88_704, 5],
        pooled: 2304,
        added: 0,
        moved: 0,
        weights: 208_736,
        sdram: 0,
    },
    Network {
        name: "mobilenet_v2_0.35_128",
        operators: 64,
        macs: [14_362_624, 0, 1_769_472, 2_808_576, 6400],
        outputs: [557_184, 0, 65_536, 312_064, 5],
        pooled: 20_480,
        added: 26_880,
        moved: 0,
        weights: 388_448,
        sdram: 0,
    },
    Network {
        name: "mobilenet_v2_0.35_128_imagenet",
        operators: 64,
        macs: [14_362_624, 0, 1_769_472, 2_808_576, 1_280_000],
        outputs: [557_184, 0, 65_536, 312_064, 1000],
        pooled: 20_480,
        added: 26_880,
        moved: 0,
        weights: 1_662_048,
        sdram: 0,
    },
    Network {
        name: "mobilenet_v2_1.0_224_imagenet",
        operators: 64,
        macs: [267_939_840, 0, 10_838_016, 20_716_416, 1_280_000],
        outputs: [3_974_880, 0, 401_408, 2_301_824, 1000],
        pooled: 62_720,
        added: 216_384,
        moved: 0,
        weights: 3_469_760,
        sdram: 5_870_592,
    },
    Network {
        name: "squeezenet_v1.0_128",
        operators: 34,
        macs: [32_622_592, 118_407_168, 52_510_752, 0, 0],
        outputs: [476_376, 380_928, 357_216, 0, 0],
        pooled: 688_184,
        added: 0,
        moved: 761_856,
        weights: 538_912,
        sdram: 0,
    },
    Network {
        name: "squeezenet_v1.1_224",
        operators: 38,
        macs: [54_386_176, 187_379_712, 21_290_688, 0, 0],
        outputs: [907_405, 725_248, 788_544, 0, 0],
        pooled: 1_363_213,
        added: 0,
        moved: 1_450_496,
        weights: 722_112,
        sdram: 2_351_488,
    },
    Network {
        name: "resnet_v1_32_32",
        operators: 50,
        macs: [262_144, 68_419_584, 442_368, 0, 6400],
        outputs: [12_288, 286_720, 16_384, 0, 100],
        pooled: 4096,
        added: 143_360,
        moved: 0,
        weights: 470_192,
        sdram: 0,
    },
    Network {
        name: "ssd_mobilenet_v2_fpnlite_035_224",
        operators: 137,
        macs: [143_581_568, 0, 5_419_008, 17_003_952, 0],
        outputs: [2_534_646, 0, 200_704, 1_889_328, 0],
        pooled: 0,
        added: 207_760,
        moved: 125_440,
        weights: 1_003_616,
        sdram: 1_204_224,
    },
    Network {
        name: "ssd_mobilenet_v2_fpnlite_035_416",
        operators: 137,
        macs: [494_868_608, 0, 18_690_048, 58_614_192, 0],
        outputs: [8_739_276, 0, 692_224, 6_512_688, 0],
        pooled: 0,
        added: 716_560,
        moved: 432_640,
        weights: 1_003_616,
        sdram: 14_536_704,
    },
];

const ROWS: &[Row] = &[
    ("stzoo_fdmobilenet_0.25_224_tfs__flowers", "fdmobilenet_0.25_224", Release::Ten, 53.52, -6.6),
    (
        "stzoo_mobilenet_v1_0.25_224__imagenet",
        "mobilenet_v1_0.25_224_imagenet",
        Release::Ten,
        166.75,
        0.1,
    ),
    (
        "stzoo_mobilenet_v1_0.25_224_fft__flowers",
        "mobilenet_v1_0.25_224",
        Release::Ten,
        163.78,
        -0.1,
    ),
    (
        "stzoo_mobilenet_v1_0.25_96_grayscale_tfs__flowers",
        "mobilenet_v1_0.25_96_grayscale",
        Release::Ten,
        28.34,
        3.6,
    ),
    (
        "stzoo_mobilenet_v2_0.35_128__imagenet",
        "mobilenet_v2_0.35_128_imagenet",
        Release::Ten,
        116.13,
        -2.9,
    ),
    ("stzoo_mobilenet_v2_0.35_128_fft__flowers", "mobilenet_v2_0.35_128", Release::Ten, 94.34, 2.0),
    (
        "stzoo_mobilenet_v2_1.0_224__imagenet",
        "mobilenet_v2_1.0_224_imagenet",
        Release::Ten,
        1106.64,
        5.9,
    ),
    ("stzoo_squeezenetv1.1_224_tfs__flowers", "squeezenet_v1.1_224", Release::Ten, 693.3, 4.3),
    (
        "stzoo_ssd_mobilenet_v2_fpnlite_035_224__coco_2017_person",
        "ssd_mobilenet_v2_fpnlite_035_224",
        Release::Ten,
        673.19,
        -1.1,
    ),
    (
        "stzoo_ssd_mobilenet_v2_fpnlite_035_416__coco_2017_person",
        "ssd_mobilenet_v2_fpnlite_035_416",
        Release::Ten,
        2684.93,
        -6.2,
    ),
    (
        "stzoo_st_fdmobilenet_v1_224_tfs__flowers",
        "st_fdmobilenet_v1_224",
        Release::Ten,
        102.0,
        -2.2,
    ),
    ("stzoo_fdmobilenet_0.25_224", "fdmobilenet_0.25_224", Release::Seven, 63.19, -4.5),
    ("stzoo_fdmobilenet_0.25_tfs_224", "fdmobilenet_0.25_224", Release::Eight, 59.96, -4.7),
    ("stzoo_mobilenet_v1_0.25_224__flowers", "mobilenet_v1_0.25_224", Release::Seven, 183.88, 7.4),
    (
        "stzoo_mobilenet_v1_0.25_224_fft__flowers",
        "mobilenet_v1_0.25_224",
        Release::Eight,
        181.47,
        3.1,
    ),
    (
        "stzoo_mobilenet_v1_0.25_96_grayscale__flowers",
        "mobilenet_v1_0.25_96_grayscale",
        Release::Seven,
        37.64,
        -5.8,
    ),
    (
        "stzoo_mobilenet_v1_0.25_96_grayscale_tfs__flowers",
        "mobilenet_v1_0.25_96_grayscale",
        Release::Eight,
        30.99,
        8.3,
    ),
    ("stzoo_mobilenet_v2_0.35_128__flowers", "mobilenet_v2_0.35_128", Release::Seven, 110.27, 5.3),
    (
        "stzoo_mobilenet_v2_0.35_128_fft__flowers",
        "mobilenet_v2_0.35_128",
        Release::Eight,
        101.11,
        8.8,
    ),
    ("stzoo_resnet_v1_32_32__cifar100", "resnet_v1_32_32", Release::Seven, 192.0, -2.7),
    ("stzoo_resnet_v1_32_32_tfs__cifar100", "resnet_v1_32_32", Release::Eight, 177.7, -0.4),
    ("stzoo_squeezenet_v1.0_128__flowers", "squeezenet_v1.0_128", Release::Seven, 648.0, 2.5),
    ("stzoo_squeezenet_v1.1_224__flowers", "squeezenet_v1.1_224", Release::Seven, 977.8, -5.4),
    ("stzoo_squeezenetv1.1_224_tfs__flowers", "squeezenet_v1.1_224", Release::Eight, 863.11, 2.2),
    (
        "stzoo_ssd_mobilenet_v2_fpnlite_035_224__coco_2017_person",
        "ssd_mobilenet_v2_fpnlite_035_224",
        Release::Eight,
        902.24,
        -12.5,
    ),
    (
        "stzoo_ssd_mobilenet_v2_fpnlite_035_416__coco_2017_person",
        "ssd_mobilenet_v2_fpnlite_035_416",
        Release::Eight,
        3184.82,
        1.3,
    ),
    ("stzoo_st_fdmobilenet_v1_224", "st_fdmobilenet_v1_224", Release::Seven, 117.3, 2.6),
    ("stzoo_st_fdmobilenet_v1_tfs_224", "st_fdmobilenet_v1_224", Release::Eight, 112.77, 1.1),
];

#[test]
fn every_published_row_has_its_known_error() {
    let Some(shared) = shared_dir() else { return };
    let data = std::fs::read_to_string(shared.join("silicon/open.csv")).expect("the rows");
    for &(model, name, release, measured, known) in ROWS {
        let is_row = |line: &&str| {
            let fields: Vec<&str> = line.split(',').collect();
            fields[..3] == ["stm32h747", "st-edge-ai", model]
                && fields[5] == "400"
                && fields[6].parse() == Ok(measured)
        };
        assert_eq!(data.lines().filter(is_row).count(), 1, "{model} at {measured} ms");
        let network = NETWORKS.iter().find(|network| network.name == name).expect("a network");
        let error = (network.latency(release) / measured - 1.0) * 100.0;
        assert!((error - known).abs() < 0.06, "{model} at {measured} ms: {error:.2} %");
    }
}

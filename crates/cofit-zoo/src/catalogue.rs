//! The architectures, by name.

/// An architecture: a sketch of a network with parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Architecture {
    /// Its name, that of its file in `networks/`.
    pub name: &'static str,
    /// The sketch.
    pub text: &'static str,
}

/// Every architecture, in alphabetical order.
pub const fn architectures() -> &'static [Architecture] {
    &[
        Architecture {
            name: "ai85_cats_dogs",
            text: include_str!("../networks/ai85_cats_dogs.toml"),
        },
        Architecture {
            name: "ai85_kws20_v3",
            text: include_str!("../networks/ai85_kws20_v3.toml"),
        },
        Architecture { name: "ai85_net5", text: include_str!("../networks/ai85_net5.toml") },
        Architecture {
            name: "ai87_mobilenet_v2_0.5",
            text: include_str!("../networks/ai87_mobilenet_v2_0.5.toml"),
        },
        Architecture {
            name: "ai87_mobilenet_v2_0.75",
            text: include_str!("../networks/ai87_mobilenet_v2_0.75.toml"),
        },
        Architecture { name: "alexnet", text: include_str!("../networks/alexnet.toml") },
        Architecture { name: "densenet121", text: include_str!("../networks/densenet121.toml") },
        Architecture {
            name: "efficientnet_b0",
            text: include_str!("../networks/efficientnet_b0.toml"),
        },
        Architecture {
            name: "efficientnet_edgetpu",
            text: include_str!("../networks/efficientnet_edgetpu.toml"),
        },
        Architecture { name: "fc_10_50", text: include_str!("../networks/fc_10_50.toml") },
        Architecture { name: "fc_chain", text: include_str!("../networks/fc_chain.toml") },
        Architecture { name: "fd_mobilenet", text: include_str!("../networks/fd_mobilenet.toml") },
        Architecture { name: "gmp", text: include_str!("../networks/gmp.toml") },
        Architecture { name: "googlenet", text: include_str!("../networks/googlenet.toml") },
        Architecture { name: "ign", text: include_str!("../networks/ign.toml") },
        Architecture { name: "inception_v3", text: include_str!("../networks/inception_v3.toml") },
        Architecture { name: "inception_v4", text: include_str!("../networks/inception_v4.toml") },
        Architecture { name: "mcunet_in3", text: include_str!("../networks/mcunet_in3.toml") },
        Architecture { name: "mcunet_vww1", text: include_str!("../networks/mcunet_vww1.toml") },
        Architecture {
            name: "miniresnet_v2",
            text: include_str!("../networks/miniresnet_v2.toml"),
        },
        Architecture { name: "mnasnet_b1", text: include_str!("../networks/mnasnet_b1.toml") },
        Architecture { name: "mobilenet_v1", text: include_str!("../networks/mobilenet_v1.toml") },
        Architecture { name: "mobilenet_v2", text: include_str!("../networks/mobilenet_v2.toml") },
        Architecture {
            name: "mobilenet_v3_large",
            text: include_str!("../networks/mobilenet_v3_large.toml"),
        },
        Architecture {
            name: "mobilenet_v3_small",
            text: include_str!("../networks/mobilenet_v3_small.toml"),
        },
        Architecture {
            name: "proxylessnas_mobile",
            text: include_str!("../networks/proxylessnas_mobile.toml"),
        },
        Architecture { name: "resnet101", text: include_str!("../networks/resnet101.toml") },
        Architecture { name: "resnet152", text: include_str!("../networks/resnet152.toml") },
        Architecture { name: "resnet18", text: include_str!("../networks/resnet18.toml") },
        Architecture { name: "resnet50", text: include_str!("../networks/resnet50.toml") },
        Architecture {
            name: "resnet_v1_cifar",
            text: include_str!("../networks/resnet_v1_cifar.toml"),
        },
        Architecture {
            name: "shufflenet_v2",
            text: include_str!("../networks/shufflenet_v2.toml"),
        },
        Architecture {
            name: "squeezenet_v1.0",
            text: include_str!("../networks/squeezenet_v1.0.toml"),
        },
        Architecture {
            name: "squeezenet_v1.1",
            text: include_str!("../networks/squeezenet_v1.1.toml"),
        },
        Architecture {
            name: "ssd_mobilenet_v1",
            text: include_str!("../networks/ssd_mobilenet_v1.toml"),
        },
        Architecture {
            name: "ssd_mobilenet_v2",
            text: include_str!("../networks/ssd_mobilenet_v2.toml"),
        },
        Architecture {
            name: "ssd_mobilenet_v2_fpnlite",
            text: include_str!("../networks/ssd_mobilenet_v2_fpnlite.toml"),
        },
        Architecture {
            name: "st_efficientnet_lc_v1",
            text: include_str!("../networks/st_efficientnet_lc_v1.toml"),
        },
        Architecture {
            name: "st_fdmobilenet_v1",
            text: include_str!("../networks/st_fdmobilenet_v1.toml"),
        },
        Architecture { name: "st_mnist_v1", text: include_str!("../networks/st_mnist_v1.toml") },
        Architecture {
            name: "st_resnet_8_hybrid",
            text: include_str!("../networks/st_resnet_8_hybrid.toml"),
        },
        Architecture {
            name: "st_squeezenet_v1.0",
            text: include_str!("../networks/st_squeezenet_v1.0.toml"),
        },
        Architecture {
            name: "st_ssd_mobilenet_v1_192",
            text: include_str!("../networks/st_ssd_mobilenet_v1_192.toml"),
        },
        Architecture {
            name: "st_ssd_mobilenet_v1_224",
            text: include_str!("../networks/st_ssd_mobilenet_v1_224.toml"),
        },
        Architecture {
            name: "st_ssd_mobilenet_v1_256",
            text: include_str!("../networks/st_ssd_mobilenet_v1_256.toml"),
        },
        Architecture {
            name: "st_yolo_lc_v1",
            text: include_str!("../networks/st_yolo_lc_v1.toml"),
        },
        Architecture { name: "tiny_yolo_v2", text: include_str!("../networks/tiny_yolo_v2.toml") },
        Architecture { name: "vgg16", text: include_str!("../networks/vgg16.toml") },
        Architecture { name: "vgg19", text: include_str!("../networks/vgg19.toml") },
        Architecture { name: "yamnet_256", text: include_str!("../networks/yamnet_256.toml") },
        Architecture { name: "yolov4_tiny", text: include_str!("../networks/yolov4_tiny.toml") },
        Architecture { name: "yolov5", text: include_str!("../networks/yolov5.toml") },
        Architecture { name: "yolov8", text: include_str!("../networks/yolov8.toml") },
        Architecture { name: "yolov8_m", text: include_str!("../networks/yolov8_m.toml") },
    ]
}

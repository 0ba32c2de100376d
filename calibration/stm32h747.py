#!/usr/bin/env python3
"""Fits the `simd` costs of the STM32H747 (Cortex-M7, 400 MHz, st-edge-ai) to published rows.

    python3 calibration/stm32h747.py SHARED_DIRECTORY     # needs numpy and scipy

The networks are built here from their public definitions; a network takes part only if the bytes
of its weights and biases equal the flash size that the row reports, which pins down widths,
classes and variants. Latencies come from SHARED_DIRECTORY/silicon/open.csv and from nowhere else.

Prints the features of every network (the table in crates/cofit-sim/tests/stm32h747.rs), the
fitted costs, the residual of every row, and the errors with one network and with one family of
networks left out.
"""

import csv
import math
import re
import sys
from collections import Counter

import numpy as np
from scipy.optimize import least_squares

CLOCK_KHZ = 400e3
# The largest contiguous internal memory (AXI SRAM): a layer whose input and output together are
# larger keeps the larger of the two in SDRAM.
INTERNAL = 512 * 1024
# SIMD lanes over channels: convolutions over fewer input channels cannot fill them.
SHALLOW = 4


class Network:
    """Layers as counts; methods append a layer and move the current shape on."""

    def __init__(self, height, width, channels):
        self.shape = (height, width, channels)
        self.counts = Counter()
        self.anchors = 0  # four coordinates each, stored as floats or as bytes
        self.weight_bytes = 0  # weights of one byte and biases of four, as flash reports them

    def _layer(self, kind, macs, outputs, inputs, weights):
        self.counts[kind + ".macs"] += macs
        self.counts[kind + ".outputs"] += outputs
        self.counts[kind + ".inputs"] += inputs
        self.counts["weights"] += weights
        self.counts["operators"] += 1
        if inputs + outputs > INTERNAL:
            self.counts["sdram"] += max(inputs, outputs)

    def convolution(self, filters, kernel, stride=1, padding="same"):
        height, width, channels = self.shape
        inputs = height * width * channels
        if padding == "same":
            height, width = -(-height // stride), -(-width // stride)
        else:
            height, width = (height - kernel) // stride + 1, (width - kernel) // stride + 1
        outputs = height * width * filters
        taps = kernel * kernel * channels
        kind = "pointwise" if kernel == 1 else "shallow" if channels < SHALLOW else "convolution"
        self._layer(kind, outputs * taps, outputs, inputs, filters * taps)
        self.weight_bytes += filters * taps + 4 * filters
        self.shape = (height, width, filters)
        return self

    def depthwise(self, kernel, stride=1):
        height, width, channels = self.shape
        inputs = height * width * channels
        height, width = -(-height // stride), -(-width // stride)
        outputs = height * width * channels
        taps = kernel * kernel
        self._layer("depthwise", outputs * taps, outputs, inputs, channels * taps)
        self.weight_bytes += channels * taps + 4 * channels
        self.shape = (height, width, channels)
        return self

    def pool(self, kernel, stride):
        height, width, channels = self.shape
        inputs = height * width * channels
        height, width = (height - kernel) // stride + 1, (width - kernel) // stride + 1
        self._layer("pooling", 0, height * width * channels, inputs, 0)
        self.shape = (height, width, channels)
        return self

    def global_pool(self):
        height, width, channels = self.shape
        self._layer("pooling", 0, channels, height * width * channels, 0)
        self.shape = (1, 1, channels)
        return self

    def dense(self, outputs):
        inputs = math.prod(self.shape)
        self._layer("dense", inputs * outputs, outputs, inputs, inputs * outputs)
        self.weight_bytes += inputs * outputs + 4 * outputs
        self.shape = (1, 1, outputs)
        return self

    def add(self):
        size = math.prod(self.shape)
        self._layer("elementwise", 0, size, 2 * size, 0)
        return self

    def move(self, channels):
        self.shape = (*self.shape[:2], channels)
        size = math.prod(self.shape)
        self._layer("movement", 0, size, size, 0)
        return self


def rounded(channels):
    """MobileNetV2's rounding of widths to a multiple of 8."""
    result = max(8, int(channels + 4) // 8 * 8)
    return result + 8 if result < 0.9 * channels else result


def mobilenet_v1(width, side, channels, classes):
    net = Network(side, side, channels).convolution(int(32 * width), 3, 2)
    blocks = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
    for filters, stride in blocks + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]:
        net.depthwise(3, stride).convolution(int(filters * width), 1)
    return net.global_pool().dense(classes)


MOBILENET_V2 = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]


def mobilenet_v2_features(net, width):
    """The convolutional part; returns the shapes after each group of blocks."""
    net.convolution(rounded(32 * width), 3, 2)
    shapes = []
    for expansion, filters, repeats, stride in MOBILENET_V2:
        for repeat in range(repeats):
            channels = net.shape[2]
            if expansion != 1:
                net.convolution(channels * expansion, 1)
            net.depthwise(3, stride if repeat == 0 else 1)
            net.convolution(rounded(filters * width), 1)
            if repeat > 0:
                net.add()
        shapes.append(net.shape)
    net.convolution(1280, 1)
    return shapes


def mobilenet_v2(width, side, classes):
    net = Network(side, side, 3)
    mobilenet_v2_features(net, width)
    return net.global_pool().dense(classes)


def ssd_mobilenet_v2_fpnlite(side):
    """Width 0.35, five levels of 128 channels, five anchors, two classes."""
    net = Network(side, side, 3)
    shapes = mobilenet_v2_features(net, 0.35)

    def level(shape):
        net.shape = shape
        for _ in range(4):
            net.depthwise(3).convolution(128, 1)
        tower = net.shape
        for outputs in (10, 20):
            net.shape = tower
            net.depthwise(3).convolution(outputs, 1)
        net.shape = tower
        return tower[0] * tower[1] * 5

    net.convolution(128, 1)
    anchors = level(net.shape)
    for _ in range(2):
        net.depthwise(3, 2).convolution(128, 1)
        anchors += level(net.shape)
    for shape in (shapes[4], shapes[2]):
        net.shape = shape
        net.convolution(128, 1).move(128).add().depthwise(3).convolution(128, 1)
        anchors += level(net.shape)
    net.anchors = anchors
    return net


def fire(net, squeeze, expand):
    net.convolution(squeeze, 1)
    shape = net.shape
    net.convolution(expand, 1)
    net.shape = shape
    return net.convolution(expand, 3).move(2 * expand)


def squeezenet_1_0(side, classes):
    """Without the ninth fire module, as the flash size shows."""
    net = Network(side, side, 3).convolution(96, 7, 2, "valid").pool(3, 2)
    for squeeze, expand in [(16, 64), (16, 64), (32, 128)]:
        fire(net, squeeze, expand)
    net.pool(3, 2)
    for squeeze, expand in [(32, 128), (48, 192), (48, 192), (64, 256)]:
        fire(net, squeeze, expand)
    return net.pool(3, 2).convolution(classes, 1).global_pool()


def squeezenet_1_1(side, classes):
    net = Network(side, side, 3).convolution(64, 3, 2, "valid").pool(3, 2)
    for pair in [[(16, 64)] * 2, [(32, 128)] * 2]:
        for squeeze, expand in pair:
            fire(net, squeeze, expand)
        net.pool(3, 2)
    for squeeze, expand in [(48, 192), (48, 192), (64, 256), (64, 256)]:
        fire(net, squeeze, expand)
    return net.convolution(classes, 1).global_pool()


def resnet_v1_32(classes):
    net = Network(32, 32, 3).convolution(16, 3)
    for group, filters in enumerate((16, 32, 64)):
        for block in range(5):
            stride = 2 if group > 0 and block == 0 else 1
            before = net.shape
            net.convolution(filters, 3, stride).convolution(filters, 3)
            if stride == 2:
                net.shape = before
                net.convolution(filters, 1, 2)
            net.add()
    return net.pool(8, 8).dense(classes)


def fast_down_mobilenet(first, filters, classes):
    net = Network(224, 224, 3).convolution(first, 3, 2)
    strides = [2, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1]
    for count, stride in zip(filters, strides):
        net.depthwise(3, stride).convolution(count, 1)
    return net.global_pool().dense(classes)


NETWORKS = {
    "fdmobilenet_0.25_224": fast_down_mobilenet(8, [16, 32, 32, 64, 64] + [128] * 5 + [256], 5),
    "st_fdmobilenet_v1_224": fast_down_mobilenet(16, [48, 80, 64, 96, 64] + [128] * 5 + [256], 5),
    "mobilenet_v1_0.25_224": mobilenet_v1(0.25, 224, 3, 5),
    "mobilenet_v1_0.25_224_imagenet": mobilenet_v1(0.25, 224, 3, 1000),
    "mobilenet_v1_0.25_96_grayscale": mobilenet_v1(0.25, 96, 1, 5),
    "mobilenet_v2_0.35_128": mobilenet_v2(0.35, 128, 5),
    "mobilenet_v2_0.35_128_imagenet": mobilenet_v2(0.35, 128, 1000),
    "mobilenet_v2_1.0_224_imagenet": mobilenet_v2(1.0, 224, 1000),
    "squeezenet_v1.0_128": squeezenet_1_0(128, 6),
    "squeezenet_v1.1_224": squeezenet_1_1(224, 5),
    "resnet_v1_32_32": resnet_v1_32(100),
    "ssd_mobilenet_v2_fpnlite_035_224": ssd_mobilenet_v2_fpnlite(224),
    "ssd_mobilenet_v2_fpnlite_035_416": ssd_mobilenet_v2_fpnlite(416),
}

# What is left out of the errors together with a network.
NETWORK_OF = {
    "mobilenet_v1_0.25_224_imagenet": "mobilenet_v1_0.25_224",
    "mobilenet_v2_0.35_128_imagenet": "mobilenet_v2_0.35_128",
}
FAMILIES = ["mobilenet_v1", "mobilenet_v2", "ssd_mobilenet_v2", "squeezenet", "resnet"]


def network_of(name):
    return NETWORK_OF.get(name, name)


def family_of(name):
    return next((family for family in FAMILIES if name.startswith(family)), "fdmobilenet")


def canonical(model):
    """The network that a model identifier of the data file stands for, or nothing."""
    dataset = model.partition("__")[2]
    name = model.removeprefix("stzoo_").partition("__")[0]
    name = re.sub(r"_(tfs|fft)(?=_|$)", "", name).replace("squeezenetv1", "squeezenet_v1")
    name += "_imagenet" if dataset == "imagenet" else ""
    return name if name in NETWORKS else None


def rows(shared):
    """Rows of (network, major version of the runtime, milliseconds), weight sizes checked."""
    result = []
    with open(f"{shared}/silicon/open.csv", newline="") as file:
        for row in csv.DictReader(file):
            if (row["card"], row["runtime_id"]) != ("stm32h747", "st-edge-ai"):
                continue
            name = canonical(row["model"])
            if name is None or row["precision"] != "int8":
                continue
            flash = re.search(r"weights flash ([0-9.]+)", row["note"])
            net = NETWORKS[name]
            built = [(net.weight_bytes + size * net.anchors) / 1024 for size in (4, 16)]
            # Early rows round to whole KiB.
            if not flash or min(abs(float(flash[1]) - size) for size in built) > 0.75:
                print(f"left out: {row['model']} {flash and flash[1]} KiB, built {built[0]:.2f}")
                continue
            version = re.search(r"[A-Za-z] (\d+)\.", row["runtime"])
            # Where the version is not stated, the folder of the model tells: `models` is of the
            # collection for 7.3, `pretrained_models` of the one for 8.1.
            unstated = 8 if "/pretrained_models/" in row["note"] else 7
            version = int(version[1]) if version else unstated
            result.append((name, version, float(row["latency_ms"])))
    return result


# name: lower bound, upper bound, prior, relative width of the prior (as a log-normal). The bounds
# are physical: a dual 16-bit multiply-accumulate each cycle is 0.5 cycles per MAC, the plain C
# kernels of the same library family stay under 4, requantising takes a multiply, shifts and
# a clamp, SDRAM without bursts takes tens of cycles a word.
PARAMETERS = {
    "pointwise": (0.5, 4, 1.0, 0.7),
    "convolution": (0.5, 4, 0.8, 0.7),
    "shallow extra": (0.05, 8, 0.8, 0.7),
    "depthwise": (0.5, 12, 2.0, 0.7),
    "dense": (0.5, 12, 4.0, 0.7),
    "output": (0.5, 60, 12, 0.7),
    "sdram": (0.1, 60, 6, 0.7),
    "version 8": (0.9, 1.6, 1.1, 0.1),
    "version 7": (0.9, 1.8, 1.2, 0.1),
    "old sdram": (0.8, 5, 1.6, 0.4),
}
# Too small in these networks to be told apart; assumed.
PER_OPERATOR = 1500.0
PER_WEIGHT = 1.0
PER_POOLED_INPUT = 4.0
PER_ADDED_OUTPUT = 8.0
PER_MOVED_OUTPUT = 1.0
ROW_ERROR = 0.06


def cycles(values, net, version):
    count = net.counts
    kernels = ("pointwise", "convolution", "shallow", "depthwise", "dense")
    core = (
        values["pointwise"] * count["pointwise.macs"]
        + values["convolution"] * (count["convolution.macs"] + count["shallow.macs"])
        + values["shallow extra"] * count["shallow.macs"]
        + values["depthwise"] * count["depthwise.macs"]
        + values["dense"] * count["dense.macs"]
        + values["output"] * sum(count[kernel + ".outputs"] for kernel in kernels)
        + PER_POOLED_INPUT * count["pooling.inputs"]
        + PER_ADDED_OUTPUT * count["elementwise.outputs"]
        + PER_MOVED_OUTPUT * count["movement.outputs"]
        + PER_WEIGHT * count["weights"]
        + PER_OPERATOR * count["operators"]
    )
    factor = {7: values["version 7"], 8: values["version 8"]}.get(version, 1.0)
    sdram = values["sdram"] * (1.0 if version >= 10 else values["old sdram"])
    return factor * core + sdram * count["sdram"]


def latency(values, name, version):
    return cycles(values, NETWORKS[name], version) / CLOCK_KHZ


def fit(data):
    """Regularised least squares of log errors, every network with about equal weight."""
    lower, upper, prior = (np.log([row[i] for row in PARAMETERS.values()]) for i in range(3))
    width = np.array([row[3] for row in PARAMETERS.values()])
    members = Counter(network_of(name) for name, _, _ in data)

    def residuals(logs):
        values = dict(zip(PARAMETERS, np.exp(logs)))
        errors = [
            math.log(latency(values, name, version) / measured)
            / (ROW_ERROR * math.sqrt(members[network_of(name)] / 1.5))
            for name, version, measured in data
        ]
        return np.concatenate([errors, (logs - prior) / width])

    solution = least_squares(residuals, prior, bounds=(lower - 1e-6, upper + 1e-6))
    curvature = solution.jac.T @ solution.jac
    informed = curvature - np.diag(1 / width**2)
    effective = float(np.trace(np.linalg.solve(curvature, informed)))
    return dict(zip(PARAMETERS, map(float, np.exp(solution.x)))), effective


def left_out(data, group_of):
    """Signed error of every row, predicted without its group."""
    errors = {}
    for group in dict.fromkeys(group_of(name) for name, _, _ in data):
        values, _ = fit([row for row in data if group_of(row[0]) != group])
        for name, version, measured in data:
            if group_of(name) == group:
                errors[name, version, measured] = latency(values, name, version) / measured - 1
    return errors


def summary(title, errors):
    size = np.abs(list(errors.values()))
    print(
        f"{title}: median {np.median(size):.1%}, p90 {np.quantile(size, 0.9):.1%}, "
        f"worst {size.max():.1%}, from {min(errors.values()):+.1%} to {max(errors.values()):+.1%}"
    )


def main():
    data = rows(sys.argv[1])
    print("features:")
    for name, net in NETWORKS.items():
        print(f"  {name} {dict(sorted(net.counts.items()))}")
    values, effective = fit(data)
    networks = len({network_of(name) for name, _, _ in data})
    print(f"{len(data)} rows, {networks} networks, {effective:.1f} effective parameters")
    for name, value in values.items():
        print(f"  {name:14} {value:.3f}")
    by_network = left_out(data, network_of)
    by_family = left_out(data, family_of)
    print("network, version, measured ms, fitted ms, error, without the network, the family")
    for row in data:
        name, version, measured = row
        fitted = latency(values, name, version)
        print(
            f"  {name:34} {version:3} {measured:9.2f} {fitted:9.2f} {fitted / measured - 1:+7.1%}"
            f" {by_network[row]:+7.1%} {by_family[row]:+7.1%}"
        )
    summary("one network left out", by_network)
    summary("one family left out", by_family)


if __name__ == "__main__":
    main()

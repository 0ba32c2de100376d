"""The training and test data of the example models, all made from what pinned packages ship."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import vibration

DATA = Path(__file__).parent / "data"
VIBRATION_SEED = 20
TRAIN_STREAM, TEST_STREAM = 0, 1
CALIBRATION_SAMPLES, CALIBRATION_SEED = 100, 7


@dataclass(frozen=True)
class Split:
    """Samples as the integer codes of a sensor; a float model sees `codes * scale`."""

    codes: np.ndarray  # [n, ...input shape without the batch]
    labels: np.ndarray  # uint8 [n]
    scale: np.float32

    def inputs(self) -> np.ndarray:
        """The samples as float32."""
        return self.codes.astype(np.float32) * self.scale


def upscale_digits(images: np.ndarray) -> np.ndarray:
    """8x8 images of 0..16 to 32x32x1 images of 0..16, bilinear with half-pixel centres.

    Integer arithmetic throughout, so the result is the same everywhere; rounded to the source's own
    grey levels, so that the test data packs small.
    """

    def along(axis: int, values: np.ndarray) -> np.ndarray:
        # Output sample i lies at (i + 1/2) / 4 - 1/2 = (2 i - 3) / 8 input samples.
        eighths = np.clip(2 * np.arange(32) - 3, 0, 56)
        low, fraction = eighths // 8, eighths % 8
        high = np.minimum(low + 1, 7)
        shape = [1] * values.ndim
        shape[axis] = 32
        fraction = fraction.reshape(shape)
        return values.take(low, axis) * (8 - fraction) + values.take(high, axis) * fraction

    grey = along(2, along(1, images.astype(np.int64)))  # 0 to 16 * 64
    return ((grey + 32) // 64).astype(np.uint8)[..., np.newaxis]


def digits() -> tuple[Split, Split]:
    """scikit-learn's copy of the UCI handwritten digits; a fifth, stratified, is held out."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bunch = load_digits()
    codes = upscale_digits(bunch.images)
    labels = bunch.target.astype(np.uint8)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=0.2, random_state=0, stratify=labels
    )
    scale = np.float32(1.0 / 16.0)
    return Split(codes[train], labels[train], scale), Split(codes[test], labels[test], scale)


def mnist1d() -> tuple[Split, Split]:
    """MNIST-1D with the package's default arguments: 4000 samples to train, 1000 to test."""
    from mnist1d.data import get_dataset_args, make_dataset

    made = make_dataset(get_dataset_args())
    scale = np.float32(1.0 / 4096.0)

    def split(x: np.ndarray, y: np.ndarray) -> Split:
        codes = np.clip(np.rint(x * 4096.0), -32768, 32767).astype(np.int16)
        return Split(codes[:, np.newaxis, :, np.newaxis], y.astype(np.uint8), scale)

    return split(made["x"], made["y"]), split(made["x_test"], made["y_test"])


def vibration_windows() -> tuple[Split, Split]:
    """Windows of `vibration.py`: 500 a class to train, 50 a class to test."""

    def split(stream: int, per_class: int) -> Split:
        codes, labels = vibration.windows(VIBRATION_SEED, stream, per_class)
        codes = codes[:, np.newaxis, :, np.newaxis]
        return Split(codes, labels, np.float32(vibration.G_PER_CODE))

    return split(TRAIN_STREAM, 500), split(TEST_STREAM, 50)


def vibration_spectra() -> tuple[Split, Split]:
    """The spectra of the same windows; to train, those of the healthy state only."""
    train, test = vibration_windows()
    healthy = train.labels == vibration.CLASSES.index("normal")
    scale = np.float32(1.0 / 255.0)

    def split(codes: np.ndarray, labels: np.ndarray) -> Split:
        return Split(vibration.spectrum(codes[:, 0, :, 0]), labels, scale)

    return split(train.codes[healthy], train.labels[healthy]), split(test.codes, test.labels)


MAKERS = {
    "digits": digits,
    "mnist1d": mnist1d,
    "vibration": vibration_windows,
    "vibration_spectrum": vibration_spectra,
}


def data_path(name: str) -> Path:
    """Where the test split of data set `name` is kept."""
    return DATA / f"{name}.npz"


def save_test(name: str, split: Split) -> None:
    """Write a test split: arrays `inputs` (integer codes), `labels` and the scalar `scale`."""
    DATA.mkdir(exist_ok=True)
    np.savez_compressed(
        data_path(name), inputs=split.codes, labels=split.labels, scale=np.float32(split.scale)
    )


def load_test(name: str) -> Split:
    """Read a test split that `save_test` wrote."""
    with np.load(data_path(name)) as arrays:
        return Split(arrays["inputs"], arrays["labels"], np.float32(arrays["scale"]))


def calibration_path(name: str) -> Path:
    """Where the samples for calibrating models of data set `name` are kept."""
    return data_path(f"{name}_calibration")


def save_calibration(name: str, train: Split) -> None:
    """Write CALIBRATION_SAMPLES random samples of a training split, in the form of `save_test`.

    Quantisation measures ranges on them: test data would flatter the quantised model.
    """
    order = np.random.Generator(np.random.PCG64(CALIBRATION_SEED)).permutation(len(train.labels))
    chosen = np.sort(order[:CALIBRATION_SAMPLES])
    np.savez_compressed(
        calibration_path(name),
        inputs=train.codes[chosen],
        labels=train.labels[chosen],
        scale=np.float32(train.scale),
    )

"""What every way of making a model hands over."""

import dataclasses
import zlib

import numpy as np
import onnx


@dataclasses.dataclass
class Case:
    """A model, its inputs by name, and the data files that belong beside it.

    `runs` is false where onnxruntime cannot run it, which is then the point of the case.
    """

    name: str
    model: onnx.ModelProto
    inputs: dict
    files: dict = dataclasses.field(default_factory=dict)
    runs: bool = True


def random(name: str) -> np.random.Generator:
    """The same numbers at every run, and others for every name."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def normal(name: str, *shape) -> np.ndarray:
    """Floats around zero."""
    return random(name).standard_normal(shape).astype(np.float32)

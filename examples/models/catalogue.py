"""What is trained on what: one `Recipe` for each network."""

from dataclasses import dataclass
from enum import Enum


class Task(Enum):
    """What a model is for, and so how its output is scored."""

    CLASSIFICATION = "classification"  # score: accuracy
    ANOMALY_DETECTION = "anomaly detection"  # score: area under the ROC curve


@dataclass(frozen=True)
class Recipe:
    """How one network is trained and which files it becomes."""

    network: str  # a function of networks.py
    data: str  # a key of datasets.MAKERS
    task: Task
    element_types: tuple[str, ...]
    epochs: int
    batch: int
    learning_rate: float


RECIPES = (
    Recipe("digits_cnn", "digits", Task.CLASSIFICATION, ("int8", "float32"), 40, 32, 2e-3),
    Recipe("digits_separable", "digits", Task.CLASSIFICATION, ("int8",), 40, 32, 4e-3),
    Recipe("mnist1d_cnn", "mnist1d", Task.CLASSIFICATION, ("int8",), 60, 64, 2e-3),
    Recipe("vibration_cnn", "vibration", Task.CLASSIFICATION, ("int8", "float32"), 40, 50, 2e-3),
    Recipe(
        "vibration_autoencoder",
        "vibration_spectrum",
        Task.ANOMALY_DETECTION,
        ("float32",),
        300,
        25,
        3e-3,
    ),
)

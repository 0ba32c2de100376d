"""Classical models as skl2onnx exports them."""

import warnings

import numpy as np
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from .case import Case, random


def cases():
    warnings.filterwarnings("ignore")
    generator = random("sklearn")
    data = generator.standard_normal((60, 5)).astype(np.float32)
    classes = (data[:, 0] > 0).astype(np.int64) + (data[:, 1] > 0.5)
    estimators = {
        "logistic": LogisticRegression(),
        "logistic_two": LogisticRegression(),
        "mlp": MLPClassifier((6,), max_iter=50, random_state=0),
        "mlp_tanh": MLPClassifier((6, 4), activation="tanh", max_iter=50, random_state=0),
        "mlp_regressor": MLPRegressor(
            hidden_layer_sizes=(6,), activation="logistic", max_iter=50, random_state=0
        ),
        "scaled_mlp": make_pipeline(
            StandardScaler(), MLPClassifier((6,), max_iter=50, random_state=0)
        ),
        "linear": LinearRegression(),
        "scaler": StandardScaler(),
        "min_max": MinMaxScaler(),
    }
    for name, estimator in estimators.items():
        target = classes.clip(0, 1) if name == "logistic_two" else classes
        estimator.fit(data, target)
        classifies = hasattr(estimator, "predict_proba")
        # Maps of probabilities are no tensors.
        options = {"zipmap": False} if classifies else None
        for suffix, extra in (
            ("", {}),
            ("_no_ml", {"black_op": {"LinearClassifier", "LinearRegressor", "Scaler"}}),
        ):
            try:
                model = to_onnx(
                    estimator,
                    data[:1],
                    options={id(estimator): options} if options else None,
                    target_opset={"": 17, "ai.onnx.ml": 3},
                    **extra,
                )
            except Exception as error:  # the exporter's own, of many kinds
                print(f"sklearn_{name}{suffix}: the exporter refuses: {str(error).splitlines()[0]}")
                continue
            yield Case(f"sklearn_{name}{suffix}", model, {"X": data[:3]})

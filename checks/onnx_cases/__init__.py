"""The models of `checks/onnx_models.py`, one file for each way of making them."""

"""The cases of `checks/operator_goldens.py`: small models, mostly of one operator."""

"""Benchmarks against NumPy, PyTorch and JAX: ``python -m benchmarks`` writes a table and a plot."""

"""Runs: train, compare, benchmarks."""

import os

# Waiting threads that spin stop everything else on a shared machine, and two trainings stop each other.
# It must be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

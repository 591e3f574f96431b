"""Runs: train, compare, benchmarks."""

import os
import sys

# Waiting threads that spin stop everything else on a shared machine, and two trainings stop each other.
# It must be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if sys.argv[:1] == ["-m"]:  # what Python has there while it looks for the module of `python -m experiments.…`
    _report = sys.excepthook

    def _one_line(kind, error, trace):  # type: ignore[no-untyped-def]
        """Ctrl-C while libraries are loaded, which takes seconds, is no fault to trace."""
        if issubclass(kind, KeyboardInterrupt):
            print("stopped", file=sys.stderr)
        else:
            _report(kind, error, trace)

    sys.excepthook = _one_line

"""Execute notebooks and keep outputs: `python -m experiments.notebook notebooks/01_data.ipynb`, or all."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from experiments.notebook.execute import execute_in_place

if __name__ == "__main__":
    for path in [Path(name) for name in sys.argv[1:]] or sorted(Path("notebooks").glob("*.ipynb")):
        began = time.perf_counter()
        execute_in_place(path)
        print(f"{path}: {time.perf_counter() - began:.0f} s")

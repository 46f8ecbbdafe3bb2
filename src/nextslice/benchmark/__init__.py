"""Many runs: a grid of strategies, seeds and settings, as data.

- ``recipe.py``  ``recipes/*.yaml``: a grid as a file
- ``executor.py``: what a run is to whoever does it, and the work itself
- ``grid.py``: a recipe -> its runs
- ``folder.py``: what lies in a benchmark's folder
- ``local.py``: runs in processes of this machine
- ``connecting.py``  ``cluster.py``: runs on a Ray cluster
- ``running.py``: a benchmark from its recipe to its last run
"""

from nextslice.benchmark.cluster import RayCluster
from nextslice.benchmark.executor import Executor, Job, Outcome
from nextslice.benchmark.grid import jobs_of, part_of
from nextslice.benchmark.local import LocalProcesses
from nextslice.benchmark.recipe import Recipe, read_recipe, shipped_recipes
from nextslice.benchmark.running import open_benchmark, prepare_data, run_benchmark

__all__ = [
    "Executor",
    "Job",
    "LocalProcesses",
    "Outcome",
    "RayCluster",
    "Recipe",
    "jobs_of",
    "open_benchmark",
    "part_of",
    "prepare_data",
    "read_recipe",
    "run_benchmark",
    "shipped_recipes",
]

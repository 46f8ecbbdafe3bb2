"""Many runs: the same data, other strategies and other seeds.

- ``executor.py``: runs on local processes, side by side
"""

from nextslice.benchmark.executor import Job, Outcome, run_jobs

__all__ = ["Job", "Outcome", "run_jobs"]

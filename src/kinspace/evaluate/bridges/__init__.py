"""Bridges to other people's benchmarks."""

from kinspace.evaluate.bridges.mteb import as_mteb
from kinspace.evaluate.bridges.mteb_data import from_mteb
from kinspace.evaluate.bridges.mteb_tasks import to_mteb_task

__all__ = ["as_mteb", "from_mteb", "to_mteb_task"]

"""The systems that are judged: ways of retrieving, and how a name stands for one."""

from kinspace.evaluate.systems.collected import Hybrid, Keyword
from kinspace.evaluate.systems.dense import Dense
from kinspace.evaluate.systems.names import as_system, as_systems
from kinspace.evaluate.systems.reranked import Reranked
from kinspace.search.rerank import Reranker

__all__ = ["Dense", "Hybrid", "Keyword", "Reranked", "Reranker", "as_system", "as_systems"]

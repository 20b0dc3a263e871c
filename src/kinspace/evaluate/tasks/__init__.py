"""Tasks: each judges a system on one shape of data, by one protocol."""

from kinspace.evaluate.tasks.analogies import AnalogyTask
from kinspace.evaluate.tasks.bitext import BitextTask
from kinspace.evaluate.tasks.classification import ClassificationTask, Training
from kinspace.evaluate.tasks.clustering import Clusterings, ClusteringTask
from kinspace.evaluate.tasks.dictionary import WordTranslationTask
from kinspace.evaluate.tasks.duplicates import DuplicateTask
from kinspace.evaluate.tasks.outliers import OutlierTask
from kinspace.evaluate.tasks.pair_classification import PairClassificationTask
from kinspace.evaluate.tasks.reranking import RerankingTask
from kinspace.evaluate.tasks.retrieval import RetrievalTask
from kinspace.evaluate.tasks.similarity import SimilarityTask
from kinspace.evaluate.tasks.topics import TopicTask
from kinspace.evaluate.tasks.word_similarity import WordSimilarityTask

__all__ = [
    "AnalogyTask",
    "BitextTask",
    "ClassificationTask",
    "ClusteringTask",
    "Clusterings",
    "DuplicateTask",
    "OutlierTask",
    "PairClassificationTask",
    "RerankingTask",
    "RetrievalTask",
    "SimilarityTask",
    "TopicTask",
    "Training",
    "WordSimilarityTask",
    "WordTranslationTask",
]

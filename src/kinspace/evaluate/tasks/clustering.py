"""Clustering: whether texts of a class lie together, without being told the classes."""

from __future__ import annotations

import random
import warnings
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kinspace.datasets.content import LabelledSet
from kinspace.encoder import Progress
from kinspace.errors import InvalidJudgements, InvalidParameter
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.system import System
from kinspace.evaluate.task import Outcome, Task
from kinspace.evaluate.tasks.identity import identity
from kinspace.evaluate.tasks.influence import (
    Floats,
    adjusted_rand,
    contingency,
    spread,
    summed,
    v_measure,
)
from kinspace.evaluate.tasks.sampling import class_codes
from kinspace.evaluate.tasks.threads import one_thread
from kinspace.evaluate.tasks.words import told_apart

_FIGURES = {"v_measure": v_measure, "ari": adjusted_rand}
_STATISTICS = {"v_measure": "influence", "ari": "adjusted_influence"}


@dataclass(frozen=True)
class Clusterings:
    """How texts are drawn and clustered; the defaults are MTEB's.

    Parameters
    ----------
    documents : int, optional
        How many texts are encoded, drawn without replacement where there are more; all by
        default. (MTEB: ``max_document_to_embed``.)
    size : int
        How many of those one experiment clusters, drawn with replacement
        (``max_documents_per_cluster``).
    experiments : int
        ``n_clusters``, which counts experiments.
    batch_size : int
        Of mini-batch k-means (``k_mean_batch_size``).
    seed : int

    Raises
    ------
    InvalidParameter
        If a number is not positive.
    """

    documents: int | None = None
    size: int = 16_384
    experiments: int = 10
    batch_size: int = 512
    seed: int = 42

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if name != "seed" and value is not None and value < 1:
                raise InvalidParameter(f"{name} is {value}.", "Give 1 or more.")


class ClusteringTask(Task):
    """Clusters texts by k-means, with as many clusters as there are classes.

    The protocol is that of MTEB's ``AbsTaskClustering``: 10 experiments, each draws 16,384 texts
    with replacement and clusters them with mini-batch k-means; ``v_measure`` is the mean of the
    ten (MTEB's ``v_measure``; its own default encodes a 25th of the texts, but its tasks set that
    aside). ``nmi`` is the same figure under its other name; ``ari`` is the mean adjusted Rand
    index. MTEB's ``ami`` is left out: it costs more than the clustering, and says what ``ari``
    says.

    Rows of the samples are texts. An experiment's figure belongs to no single text; each text's
    value is the mean figure plus the influence of that text on it, the clusters staying as they
    are (:mod:`kinspace.evaluate.tasks.influence`). So an interval says what other texts of the
    same kind would change; the ten experiments repeat the same texts, and resampling them would
    say only how much k-means depends on its draws, which the notes tell.

    Parameters
    ----------
    content : LabelledSet
    name : str, optional
        By default that of the content.
    main : {"v_measure", "nmi", "ari"}
    clusterings : Clusterings

    Raises
    ------
    InvalidJudgements
        If all texts have one label, or each a label of its own.

    Examples
    --------
    >>> from kinspace.evaluate.systems import as_system
    >>> texts = ["cats sleep", "a cat", "stocks fell", "a stock"]
    >>> task = ClusteringTask(LabelledSet("mine", texts, ["pets", "pets", "money", "money"]))
    >>> outcome = task.run(as_system("default"))
    >>> sorted(outcome.samples)
    ['ari', 'nmi', 'v_measure']
    """

    kind = "clustering"

    def __init__(
        self,
        content: LabelledSet,
        *,
        name: str | None = None,
        main: str = "v_measure",
        clusterings: Clusterings | None = None,
    ) -> None:
        self.content = content
        self.name = name or content.name
        self.main = main
        self.clusterings = clusterings or Clusterings()
        classes = len(set(content.labels))
        if not 1 < classes < len(content):
            raise InvalidJudgements(
                f"{self.name} has {len(content)} texts of {classes} classes.",
                "Give at least two classes, and more texts than classes.",
            )

    @cached_property
    def fingerprint(self) -> str:
        """A hash of texts, labels, protocol and settings."""
        return identity("clustering-1", [self.content], asdict(self.clusterings))

    def run(self, system: System, *, progress: Progress | None = None) -> Outcome:
        """Encode the texts once, and cluster draws of them."""
        content, settings = self.content, self.clusterings
        rng = random.Random(settings.seed)
        rows = list(range(len(content)))
        if settings.documents is not None:
            rows = rng.sample(rows, k=min(len(content), settings.documents))
        texts = [content.texts[row] for row in rows]
        classes, (gold,) = class_codes([content.labels[row] for row in rows])
        encoder = system.need_encoder(self.name)
        vectors = encoder.encode(texts, progress=progress).vectors
        values: dict[str, list[float]] = {name: [] for name in _FIGURES}
        moved = {name: np.zeros(len(texts)) for name in _FIGURES}
        with one_thread():
            for _ in range(settings.experiments):
                drawn = np.array(rng.choices(range(len(texts)), k=settings.size))
                assigned = _clusters(vectors[drawn], len(classes), settings)
                table = contingency(gold[drawn], assigned, (len(classes), len(classes)))
                for name, figure in _FIGURES.items():
                    value, gradient = figure(table)
                    values[name].append(value)
                    moved[name] += summed(gradient[gold[drawn], assigned], drawn, len(texts))
        return self._outcome(texts, values, moved, len(classes))

    def _outcome(
        self,
        texts: list[str],
        values: dict[str, list[float]],
        moved: dict[str, Floats],
        classes: int,
    ) -> Outcome:
        settings = self.clusterings
        samples = {}
        for name, found in values.items():
            column = spread(float(np.mean(found)), moved[name] / settings.experiments)
            samples[name] = Sample(_STATISTICS[name], {"values": column})
        samples["nmi"] = samples["v_measure"]
        apart = float(np.std(values["v_measure"]))
        notes = [
            f"{classes} clusters; mean of {settings.experiments} experiments, standard deviation "
            f"of the V-measure between them {apart:.4f}"
        ]
        if len(texts) < len(self.content):
            notes.append(f"{len(texts)} texts of {len(self.content)} were drawn")
        return Outcome(samples, told_apart(texts), notes)


def _clusters(vectors: NDArray[np.float32], count: int, settings: Clusterings) -> NDArray[np.int64]:
    """The cluster of each row, as MTEB calls scikit-learn."""
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning

    model = MiniBatchKMeans(
        n_clusters=count,
        batch_size=settings.batch_size,
        init="k-means++",
        n_init=1,
        random_state=settings.seed,
    )
    with warnings.catch_warnings():
        # Fewer distinct vectors than clusters: a poor figure, but no mistake of the caller's.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return np.asarray(model.fit_predict(vectors), np.int64)

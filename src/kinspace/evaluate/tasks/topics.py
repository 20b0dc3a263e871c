"""Topic coherence: whether the words of a topic go together in the texts it was found in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.datasets.content import TextSet
from kinspace.encoder import Progress
from kinspace.errors import EmptyInput, InvalidParameter
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.metrics.coherence import c_npmi, npmi
from kinspace.evaluate.system import System
from kinspace.evaluate.task import Outcome, Task
from kinspace.evaluate.tasks.identity import identity
from kinspace.evaluate.tasks.words import told_apart
from kinspace.metric import Metric, normalise

Topics = Sequence[Sequence[str]]

DIVERSE: Final = 25
"""First words of a topic that topic diversity is taken over, as in its paper."""

_WORD = re.compile(r"[^\W\d_]{3,}")


class TopicTask(Task):
    """Coherence and diversity of topics, with the set itself as the reference corpus.

    A system that has topics is judged on them. An encoder gets topics: its vectors of the texts
    are clustered by k-means, and a cluster's words are those with the highest class-based TF-IDF
    (Grootendorst 2022, equation 2): the word's frequency in the cluster times
    log(1 + words a cluster / the word's frequency). Words are runs of three or more letters in
    lower case, without English stop words and words of more than half of the texts.

    Gives ``npmi``, the normalised pointwise mutual information of a topic's first ``n_words``
    words, two and two, averaged over topics (Lau, Newman and Baldwin, 2014), where words go
    together that are in the same text; ``c_npmi``, the same in windows of ten words (Röder, Both
    and Hinneburg, 2015); and ``diversity``, the share of different words among the first 25 of all
    topics (Dieng, Ruiz and Blei, 2020).
    Rows are topics, of which one system's third is not another's: differences between systems
    have intervals by topic, but no pairs.

    Parameters
    ----------
    content : TextSet
    n_topics : int
        For encoders; a system's own topics are all judged.
    n_words : int
    least : int
        Texts that a word must be in to stand for a topic.
    seed : int
        For k-means.
    name : str, optional
    main : {"npmi", "c_npmi", "diversity"}

    Raises
    ------
    InvalidParameter
        If there are fewer texts than topics, or fewer than two words a topic.

    Examples
    --------
    >>> texts = TextSet("mine", ["cats and dogs sleep", "cats like dogs", "banks lend money"] * 9)
    >>> good = System("by hand", "0", topics=[["cats", "dogs"], ["banks", "money"]])
    >>> bad = System("by chance", "1", topics=[["cats", "money"], ["banks", "dogs"]])
    >>> task = TopicTask(texts, n_topics=2)
    >>> [round(task.run(one).samples["npmi"].value(), 6) for one in (good, bad)]
    [1.0, -1.0]
    """

    kind = "topics"

    def __init__(
        self,
        content: TextSet,
        *,
        n_topics: int = 20,
        n_words: int = 10,
        least: int = 5,
        seed: int = 42,
        name: str | None = None,
        main: str = "npmi",
    ) -> None:
        if not 2 <= n_topics <= len(content):
            raise InvalidParameter(
                f"{n_topics} topics of {len(content)} texts.", "Give 2 to as many as texts."
            )
        if n_words < 2:
            raise InvalidParameter(
                f"{n_words} words have no coherence.", "Give two words a topic or more."
            )
        self.content = content
        self.n_topics = n_topics
        self.n_words = n_words
        self.least = least
        self.seed = seed
        self.name = name or content.name
        self.main = main

    @cached_property
    def fingerprint(self) -> str:
        """A hash of texts, settings and protocol."""
        names = ("n_topics", "n_words", "least", "seed")
        return identity("topics-1", [self.content], {name: getattr(self, name) for name in names})

    def run(self, system: System, *, progress: Progress | None = None) -> Outcome:
        """Take the system's topics, or find some with its encoder, and judge them."""
        if system.topics is not None:
            topics = [[word.lower() for word in words] for words in system.topics]
            notes = []
        else:
            encoder = system.need_encoder(self.name)
            found = encoder.encode(self.content.texts, progress=progress)
            clusters = self._clusters(found.vectors, found.space.metric)
            topics = topic_words(self.content.texts, clusters, DIVERSE, self.least)
            notes = [
                f"{len(topics)} topics were found by k-means over the vectors of "
                f"{len(self.content):,} texts; their words by class-based TF-IDF"
            ]
        kept = [list(dict.fromkeys(words)) for words in topics]
        kept = [words for words in kept if len(words) >= 2]
        if not kept:
            raise EmptyInput(f"{system.name} has no topic of two words.", "Give more texts.")
        if len(kept) < len(topics):
            notes.append(f"{len(topics) - len(kept)} topics have fewer than two words: left out")
        heads = [words[: self.n_words] for words in kept]
        reference = [words_in(text) for text in self.content.texts]
        figures = {
            "npmi": npmi(heads, reference),
            "c_npmi": c_npmi(heads, reference),
            "diversity": diversity(kept),
        }
        samples = {name: Sample("mean", {"values": values}) for name, values in figures.items()}
        return Outcome(samples, told_apart(", ".join(words[:4]) for words in heads), notes)

    def _clusters(self, vectors: NDArray[np.float32], metric: Metric) -> NDArray[np.int64]:
        from sklearn.cluster import KMeans

        points = normalise(vectors) if metric == "cosine" else vectors
        made: Any = KMeans(self.n_topics, n_init=4, random_state=self.seed).fit(points)
        return np.asarray(made.labels_, np.int64)


def words_in(text: str) -> list[str]:
    """Runs of three or more letters, in lower case.

    Examples
    --------
    >>> words_in("The 3 ÖBB-trains, aren't they?")
    ['the', 'öbb', 'trains', 'aren', 'they']
    """
    return _WORD.findall(text.lower())


def topic_words(
    texts: Sequence[str], clusters: NDArray[np.int64], n_words: int, least: int = 5
) -> list[list[str]]:
    """The words that tell each cluster of texts from the others, by class-based TF-IDF.

    Parameters
    ----------
    texts : sequence of str
    clusters : ndarray of int64, shape (n_texts,)
    n_words : int
        At most so many words of a cluster, heaviest first.
    least : int
        Texts that a word must be in.

    Raises
    ------
    EmptyInput
        If no word is in that many texts.
    """
    from scipy.sparse import csr_array
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

    counter = CountVectorizer(
        analyzer=lambda text: [word for word in words_in(text) if word not in ENGLISH_STOP_WORDS],
        min_df=min(least, len(texts)),
        max_df=max(0.5, least / len(texts)),
    )
    try:
        counts = counter.fit_transform(texts)
    except ValueError as error:
        raise EmptyInput(
            f"No word is in {least} texts or more, but in half of them at most.",
            "Give more texts, or a smaller `least`.",
        ) from error
    names = counter.get_feature_names_out()
    rows = np.arange(len(texts))
    members = csr_array((np.ones(len(texts)), (clusters, rows)))  # (clusters, texts)
    of_cluster = (members @ counts).toarray()
    weights = of_cluster * np.log1p(of_cluster.sum() / len(of_cluster) / of_cluster.sum(0))
    order = np.argsort(-weights, axis=1, kind="stable")[:, :n_words]
    return [
        [str(names[place]) for place in places if line[place] > 0]
        for line, places in zip(weights, order, strict=True)
    ]


def diversity(topics: Topics) -> NDArray[np.float64]:
    """How much of each topic's words is its own, shape (n_topics,): a word of n topics is 1/n.

    Where topics are of one length, the mean is the share of different words among all.

    Examples
    --------
    >>> float(diversity([["cat", "dog"], ["cat", "car"]]).mean())
    0.75
    """
    heads = [set(words[:DIVERSE]) for words in topics]
    shared = [[1 / sum(word in head for head in heads) for word in words] for words in heads]
    return np.array([np.mean(shares) for shares in shared], np.float64)

"""What a teacher said about texts, kept on disk so that it need not be asked twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Encoder
from kinspace.errors import InvalidInput
from kinspace.metric import as_matrix

_KEY = np.dtype("V16")


def key_of(text: str) -> bytes:
    """Sixteen bytes that stand for a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class TextSpool:
    """Texts of a stream, written to a file so that they can be read again.

    Attributes
    ----------
    count : int
    sha256 : str
        Of the texts as JSON lines, in order.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.sha256 = hashlib.sha256().hexdigest()

    def fill(self, texts: Iterable[str], most: int | None) -> Iterator[str]:
        """Write texts down, leaving out empty ones, and pass them on.

        Raises
        ------
        InvalidInput
            If an item is not a string.
        """
        digest = hashlib.sha256()
        with self.path.open("w", encoding="utf-8", errors="surrogatepass") as file:
            for text in texts:
                if self.count == most:
                    break
                if not isinstance(text, str):
                    raise InvalidInput(
                        f"Item {self.count} is a {type(text).__name__}, not a text.",
                        "Give an iterable of strings.",
                    )
                if not text.strip():
                    continue
                line = json.dumps(text) + "\n"
                digest.update(line.encode())
                file.write(line)
                self.count += 1
                yield text
        self.sha256 = digest.hexdigest()

    def chunks(self, size: int) -> Iterator[list[str]]:
        """The texts again, in order, in lists of ``size``."""
        with self.path.open(encoding="utf-8") as file:
            while lines := list(islice(file, size)):
                yield [json.loads(line) for line in lines]


class VectorCache:
    """Vectors of texts by one encoder, in two files that only grow.

    A text's vector is found by the text alone, so a run that was interrupted, or one over other
    texts, encodes only what is new. Files of different encoders lie in different folders.

    Parameters
    ----------
    folder : Path
        Made if missing.
    encoder : Encoder
    """

    def __init__(self, folder: Path, encoder: Encoder[str]) -> None:
        self._encoder = encoder
        self.dim = encoder.space.dim
        folder = folder / encoder.space.fingerprint
        folder.mkdir(parents=True, exist_ok=True)
        self._keys_path = folder / "keys.bin"
        self._vectors_path = folder / "vectors.f16"
        self._rows = self._load()

    def _load(self) -> dict[bytes, int]:
        """Read the keys; a torn end, left by an interrupted run, is cut off."""
        row_size = 2 * self.dim
        for path in (self._keys_path, self._vectors_path):
            path.touch()
        keys = self._keys_path.read_bytes()
        count = min(len(keys) // 16, self._vectors_path.stat().st_size // row_size)
        for path, size in ((self._keys_path, 16), (self._vectors_path, row_size)):
            with path.open("r+b") as file:
                file.truncate(count * size)
        return {keys[16 * i : 16 * i + 16]: i for i in range(count)}

    def vectors(
        self, texts: list[str], progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float16]:
        """Vectors of texts, asking the encoder for those it was not asked before.

        Parameters
        ----------
        texts : list of str, length n
        progress : callable, optional
            Called with how many of these texts are done.

        Returns
        -------
        array of float16, shape (n, dim)
        """
        keys = [key_of(text) for text in texts]
        missing = {k: t for k, t in zip(keys, texts, strict=True) if k not in self._rows}
        known = len(texts) - len(missing)
        if missing:
            told = None if progress is None else lambda done, _: progress(known + done)
            encoded = self._encoder.encode(list(missing.values()), progress=told)
            self._append(list(missing), as_matrix(encoded.vectors).astype(np.float16))
        elif progress is not None:
            progress(len(texts))
        stored = np.memmap(self._vectors_path, np.float16, "r").reshape(-1, self.dim)
        return np.asarray(stored[[self._rows[key] for key in keys]])

    def _append(self, keys: list[bytes], vectors: NDArray[np.float16]) -> None:
        """Vectors first: a key without its vector is what loading cannot tell."""
        with self._vectors_path.open("ab") as file:
            file.write(vectors.tobytes())
        with self._keys_path.open("ab") as file:
            file.write(b"".join(keys))
        for key in keys:
            self._rows[key] = len(self._rows)

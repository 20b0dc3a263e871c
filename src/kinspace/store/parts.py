"""What all derived parts of a collection share: a folder, a manifest, rebuilding."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kinspace.store.database import Database
from kinspace.store.derived import Damaged, Manifest


class Part(ABC):
    """One derived part. It holds the rows up to ``manifest.last_seq``; the rest is its tail.

    Files belong to a generation: building anew makes files with new names and then replaces
    the manifest, so that readers go on with the old ones until they look again.

    Parameters
    ----------
    root : Path
        The folder of all derived parts.
    identity : dict
        What the part was made with (space, number format); another identity means building anew.
    """

    name: str

    def __init__(self, root: Path, identity: dict[str, Any]) -> None:
        self.root = root
        self.identity = identity
        self.manifest = Manifest()
        self._stamp: tuple[int, int] | None = None

    @property
    def path(self) -> Path:
        """The manifest's place."""
        return self.root / f"{self.name}.json"

    @property
    def generation(self) -> int:
        """Which making of the part this is; 0 before the first."""
        return int(self.manifest.values.get("generation", 0))

    def load(self, database: Database) -> None:
        """Open the part as its manifest says.

        Raises
        ------
        Damaged
            If it is missing, stale or damaged; the part is then empty.
        """
        self.abandon()
        stamp = self._look()
        if stamp is None:
            raise Damaged(f"{self.path.name} is missing")
        manifest = Manifest.read(self.path)
        if manifest.values.get("identity") != self.identity:
            raise Damaged(f"{self.name} was made for another space")
        self._check_state(manifest, database)
        manifest.verify(self.root)
        self.manifest = manifest
        try:
            self._open()
        except Damaged:
            self.abandon()
            raise
        self._stamp = stamp

    def _check_state(self, manifest: Manifest, database: Database) -> None:
        """Raise if the part is of a state that the truth cannot bring it up from."""
        if manifest.buried < database.forgotten():
            raise Damaged(f"{self.path.name} is of a state before a compaction")
        last_seq, buried = database.ever()
        if manifest.last_seq > last_seq or manifest.buried > buried:
            raise Damaged(f"{self.path.name} is of a later state than the records")

    def changed(self) -> bool:
        """Whether another process has written the part since it was loaded."""
        return self._look() != self._stamp

    def update(self, database: Database) -> None:
        """Take in what lies beyond ``last_seq``, for the one process that holds the lock."""
        if not self.generation:
            self.rebuild(database)
            return
        try:
            with self._whole_or_forgotten():
                self._append(database)
                self._commit()
        except Damaged:
            self.rebuild(database)

    def rebuild(self, database: Database) -> None:
        """Make the part anew from the truth."""
        self.prepare(database)
        self.publish()

    def prepare(self, database: Database) -> None:
        """Write the files of a new generation, which count for nobody before :meth:`publish`."""
        generation = self._next_generation()
        self._forget()
        self.manifest = Manifest(
            buried=database.ever()[1],
            values={"generation": generation, "identity": self.identity},
        )
        with self._whole_or_forgotten():
            self._create()
            self._append(database)
            self._open()

    def publish(self) -> None:
        """Let the files that :meth:`prepare` wrote be the part, for every process."""
        with self._whole_or_forgotten():
            self._commit()
        self.tidy()

    @contextmanager
    def _whole_or_forgotten(self) -> Iterator[None]:
        """What stopped half-way, by Ctrl-C too, is not what the manifest in memory says."""
        try:
            yield
        except BaseException:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Forget everything, so that the next update makes the part anew."""
        self._forget()
        self.manifest = Manifest()
        self._stamp = None

    def discard(self) -> None:
        """Delete the part, where nobody needs it any more."""
        self.abandon()
        self.path.unlink(missing_ok=True)
        self.tidy()

    def close(self) -> None:
        """Let go of open files."""
        self._forget()

    def bytes(self) -> int:
        """How much the part takes on disk."""
        return sum(entry[0] for entry in self.manifest.files.values())

    def _commit(self) -> None:
        self.manifest.write(self.path)
        self._stamp = self._look()
        self._open()

    def _look(self) -> tuple[int, int] | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino

    def _next_generation(self) -> int:
        """A number that no file of this part carries, also not one left by a killed process."""
        used = [self.generation]
        for path in self.root.glob(f"{self.name}-*"):
            number = path.name.removeprefix(f"{self.name}-").split(".")[0]
            used.append(int(number) if number.isdigit() else 0)
        return max(used) + 1

    def tidy(self) -> None:
        """Delete the files of all generations but this one."""
        keep = f"{self.name}-{self.generation}"
        for path in self.root.glob(f"{self.name}-*"):
            if path.name.split(".")[0] != keep:
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)

    @abstractmethod
    def _create(self) -> None:
        """Make empty files of the new generation."""

    @abstractmethod
    def _append(self, database: Database) -> None:
        """Write rows beyond ``last_seq`` to the files and note them in the manifest."""

    @abstractmethod
    def _open(self) -> None:
        """Open the files as the manifest says, for searching."""

    @abstractmethod
    def _forget(self) -> None:
        """Let go of what is open."""

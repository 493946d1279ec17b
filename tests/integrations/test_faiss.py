import pytest

from tests.integrations.one_index_examples import ASK, check, example, page_code, page_scope, source

pytestmark = pytest.mark.filterwarnings("ignore:builtin type .* has no __module__ attribute")


def test_one_faiss_index_finds_across_modalities_once_closed(
    real_data, tmp_path, monkeypatch, capsys
):
    pytest.importorskip("faiss", reason="faiss-cpu is not installed")
    given = [source(real_data, tmp_path), *ASK]
    check(example(monkeypatch, "one_index_faiss").main(given), given)
    assert "closed" in capsys.readouterr().out


def test_a_saved_closer_is_taken_and_all_rows_are_indexed(real_data, tmp_path, monkeypatch):
    pytest.importorskip("faiss", reason="faiss-cpu is not installed")
    run = example(monkeypatch, "one_index_faiss").main
    given = [source(real_data, tmp_path), *ASK]
    from comparison import arguments, read

    read(arguments("").parse_args(given)).closer.save(tmp_path / "closer.safetensors")
    given += ["--closer", str(tmp_path / "closer.safetensors")]
    answers = run(given)
    assert answers["closed"].mixed.corpus == 1000
    check(answers, given, least=0.25)  # twice as many rows to be found among


def test_the_page_s_code_finds_the_pair():
    faiss = pytest.importorskip("faiss", reason="faiss-cpu is not installed")
    scope = page_scope() | {"faiss": faiss}
    exec(page_code("FAISS"), scope)
    assert (scope["rows"][:, 0] == scope["ids"]).mean() > 0.9

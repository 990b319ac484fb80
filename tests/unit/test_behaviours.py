"""The page of Amazon EMR's behaviours is what the tests hold."""

import json
import subprocess
import sys
from typing import Any, get_args

import pytest

from tests.behaviours import PAGE, ROOT, TITLES, Area, Known

ASK = """
import json, sys
from tests.behaviours import collect, page
rows = collect()
json.dump({"rows": list(rows), "page": page(rows)}, sys.stdout)
"""


@pytest.fixture(scope="module")
def collected() -> dict[str, Any]:
    """By a pytest of its own."""
    asked = subprocess.run([sys.executable, "-c", ASK], cwd=ROOT, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(asked.stdout)
    return answer


def test_each_behaviour_has_an_area_a_sentence_and_one_way_in_which_it_is_known(
    collected: dict[str, Any],
) -> None:
    assert set(TITLES) == set(get_args(Area))
    for area, sentence, known in collected["rows"]:
        assert area in TITLES and known in get_args(Known), sentence
        assert sentence.rstrip('"').endswith((".", "…", "]")), sentence
    sentences = [sentence for _, sentence, _ in collected["rows"]]
    assert len(sentences) == len(set(sentences)) >= 150


def test_the_page_is_what_the_tests_hold(collected: dict[str, Any]) -> None:
    told = (ROOT / PAGE).read_text()
    assert told == collected["page"], f"run `python -m tests.behaviours` to write {PAGE} anew"

"""The page of all operations: of the model, of the code, and of what really answers."""

from pathlib import Path

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tests.behaviours import behaviour
from tests.emr import Emr
from windtunnel.aws.service import load_model
from windtunnel.emr.coverage import PAGE, page
from windtunnel.emr.operations import KEEPING, OPERATIONS
from windtunnel.emr.operations.refusals import REFUSED

MODEL = load_model("emr")


def test_every_operation_of_the_model_is_executed_kept_or_refused() -> None:
    assert {*OPERATIONS, *REFUSED} == set(MODEL.operation_names)
    assert not OPERATIONS.keys() & REFUSED.keys()
    assert OPERATIONS.keys() > KEEPING


def test_the_page_is_the_tables() -> None:
    told = (Path(__file__).parents[3] / PAGE).read_text()
    assert told == page(), f"run `python -m windtunnel.emr.coverage` to write {PAGE} anew"


@behaviour(
    "wire",
    "What windtunnel refuses here is refused with InvalidRequestException and the reason.",
    "believed",
)
def test_each_refusal_names_the_operation_and_its_reason(emr: Emr) -> None:
    client = emr.client_of(parameter_validation=False)
    for name, reason in REFUSED.items():
        with pytest.raises(ClientError) as refused:
            getattr(client, xform_name(name))()
        error = refused.value.response["Error"]
        assert error["Code"] == "InvalidRequestException"
        assert error["Message"] == f"{name} is not implemented by windtunnel: {reason}"

"""The published schema of a record, and what it rejects."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from jsonschema import Draft202012Validator

from bdlbench.records import schema
from bdlbench.records.record import OUTCOMES, Record
from tests import synthetic

SETTINGS = {"step_size": 1e-4, "name": "θ", "clip": None, "β": 1e30}
OPTIONAL = {"diagnostics"}  # not in older records
GOOD = synthetic.record(settings=SETTINGS).content()


def test_the_published_schema_is_current() -> None:
    published = schema.PUBLISHED.read_text("utf-8")
    assert json.loads(published) == schema.build(), (
        "run python -m bdlbench.records.schema and commit"
    )
    Draft202012Validator.check_schema(schema.build())
    assert set(schema.build()["properties"]) == {field.name for field in fields(Record)}
    assert set(schema.build()["required"]) == {field.name for field in fields(Record)} - OPTIONAL


def test_diagnostics_are_optional() -> None:
    schema.check({**GOOD, "diagnostics": {"run.temperature.1.weight": 1.1, "run.drift": -0.2}})
    for wrong in ({"T": 1.0}, {"run.drift": "large"}, 3):
        with pytest.raises(ValueError, match="diagnostics"):
            schema.check({**GOOD, "diagnostics": wrong})


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_record_of_every_outcome_is_valid(outcome: str) -> None:
    content = {**GOOD, "outcome": outcome}
    schema.check(content)
    Draft202012Validator(json.loads(schema.PUBLISHED.read_text("utf-8"))).validate(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({**GOOD, "seed": "1"}, "expected seed to be of type integer, got '1'"),
        ({**GOOD, "seed": 1.0}, "expected seed to be of type integer, got 1.0"),
        ({**GOOD, "seed": True}, "expected seed to be of type integer, got True"),
        ({**GOOD, "seed": -1}, "expected seed to be of minimum 0, got -1"),
        ({**GOOD, "run": "sgd\n"}, "expected run to be a name of letters, digits and dashes, got"),
        ({**GOOD, "metrics": {"a": "1"}}, "expected metrics.a to be of type number, got '1'"),
        ({**GOOD, "metrics": []}, r"expected metrics to be of type object, got \[\]"),
        ({}, "expected a record with run, task, sampler, seed"),
        ([], r"expected a record to be of type object, got \[\]"),
    ],
)
def test_the_message_names_the_field(content: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        schema.check(content)

"""Errors answer three questions, travel between processes, and are what the built-ins would be."""

from __future__ import annotations

import pickle

import pytest

from nurt import errors


def test_a_message_has_three_parts() -> None:
    error = errors.DataError("It broke.", expected="a whole", got="a half", cure="Mend it.")
    assert str(error) == "It broke.\nExpected a whole; got a half.\nMend it."
    assert str(errors.NurtError("It broke.", got="a half")) == "It broke.\nGot a half."
    assert str(errors.NurtError("It broke.", expected="a whole")) == "It broke.\nExpected a whole."


@pytest.mark.parametrize(
    ("kind", "built_in"),
    [
        (errors.NurtValueError, ValueError),
        (errors.NurtTypeError, TypeError),
        (errors.DataError, ValueError),
        (errors.ModelFileError, errors.DataError),
        (errors.OutputError, OSError),
        (errors.NotFittedError, AttributeError),
        (errors.UnavailableError, RuntimeError),
        (errors.MissingExtraError, ImportError),
        (errors.NonFiniteError, ArithmeticError),
    ],
)
def test_each_kind_is_also_the_built_in_people_catch(kind: type[errors.NurtError], built_in: type[Exception]) -> None:
    assert issubclass(kind, built_in)
    assert issubclass(kind, errors.NurtError)


def test_an_error_comes_home_from_a_worker_whole() -> None:
    error = errors.NonFiniteError("NaN.", record={"step": 3}, cure="Lower the rate.")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is errors.NonFiniteError
    assert str(copy) == str(error)
    assert copy.record == {"step": 3}


def test_a_message_acts_on_no_terminal() -> None:
    message = str(errors.DataError("the column 'a\x1b[31m' is red.", got="\u202e", cure="Name\nit."))
    assert message == "the column 'a\\x1b[31m' is red.\nGot \\u202e.\nName\nit."

from __future__ import annotations

import classad2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from htmap.language.classad import BadExpression, Scope, parse
from htmap.language.operators import ERROR, UNDEFINED, Value

AD = {"ExitCode": 3, "ExitBySignal": False, "Name": "Abc", "Ratio": 2.5, "Sum": "ExitCode + 1"}


def ours(text: str) -> Value:
    values: dict[str, Value] = {"exitcode": 3, "exitbysignal": False, "ratio": 2.5, "name": "Abc"}
    return parse(text).evaluate(Scope(values, {"sum": "ExitCode + 1", "circle": "circle + 1", "bad": "+"}))


def htcondors(text: str) -> object:
    ad = classad2.ClassAd()
    for name, value in AD.items():
        ad[name] = classad2.ExprTree(value) if name == "Sum" else value
    ad["Probe"] = classad2.ExprTree(text)
    value = ad.eval("Probe")
    if isinstance(value, classad2.Value):
        return UNDEFINED if value is classad2.Value.Undefined else ERROR
    return value


@pytest.mark.parametrize(
    "text",
    [
        "ExitBySignal || (ExitCode != 0 && ExitCode != 100)",
        'ifThenElse(ExitBySignal, "signal", ifThenElse(ExitCode == 3, strcat("code ", ExitCode, "."), "other"))',
        'strcat("a", 1, true, false, 2.5, 0.0, -2.5e10)',
        "Sum * 2",
        "Nothing =?= undefined",
        "Nothing == 1",
        "Nothing || true",
        "Nothing && false",
        "Nothing ? 1 : 2",
        '"abc" == Name',
        '"abc" =?= Name',
        "Name =!= undefined",
        "Name isnt undefined",
        "7 / 2 + -7 / 2 + 7 % -3",
        "7 / 2.0",
        "1 / 0",
        "1 % 0",
        "-Ratio < 0 && !ExitBySignal",
        '1 + "a"',
        '"a\\"b\\\\" == "A\\"B\\\\"',
        "1 < 2 == true",
        "ExitCode > 2 ? 1e3 : .5",
        "2 - 1 - 1",
        "error || true",
        "!Name",
    ],
)
def test_an_expression_has_the_value_that_htcondor_gives_it(text: str) -> None:
    assert (ours(text), type(ours(text))) == (htcondors(text), type(htcondors(text)))


def test_an_attribute_may_be_called_the_jobs_own() -> None:
    # Not compared: whether classad2 knows MY outside of a match depends on what the process did before.
    assert ours("my.exitcode =?= 3") is True


OPERANDS = st.sampled_from(["0", "1", "2.5", "true", "false", "undefined", '"a"', "ExitCode", "Nothing"])
OPERATORS = st.sampled_from(["||", "&&", "==", "!=", "=?=", "=!=", "<", "<=", ">", ">=", "+", "-", "*"])


def joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.tuples(parts, OPERATORS, parts).map(lambda three: f"({' '.join(three)})")
    return (
        binary
        | parts.map(lambda text: f"!({text})")
        | st.tuples(parts, parts, parts).map("({0[0]} ? {0[1]} : {0[2]})".format)
    )


@given(st.recursive(OPERANDS, joined, max_leaves=8))
def test_any_expression_has_the_value_that_htcondor_gives_it(text: str) -> None:
    assert ours(text) == htcondors(text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "too early"),
        ("1 +", "too early"),
        ("(1", "missing"),
        ("1 2", "too much"),
        ("* 1", "before"),
        ('"open', "cannot read"),
        ("regexp(1, 2)", "regexp"),
        ("ifThenElse(1, 2)", "ifThenElse"),
        ("TARGET.Memory", "outside the job"),
        ("1 ? 2", "missing"),
        ("(" * 5000 + "1" + ")" * 5000, "too deeply"),
        ("9" * 30, "cannot read"),
        ("a = 1", "cannot read"),
    ],
)
def test_what_is_not_in_the_subset_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(BadExpression, match=complaint):
        parse(text)


def test_a_circle_of_attributes_ends_in_error() -> None:
    assert ours("circle") is ERROR
    assert ours("bad") is ERROR

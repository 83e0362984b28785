from __future__ import annotations

import classad2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from htmap.language.classad import NOW, BadExpression, Scope, literal, parse
from htmap.language.operators import ERROR, UNDEFINED, Missing, Value

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
        "9007199254740993 / 1",
        "9007199254740993 % 2",
        "999999999999999999 * 999999999999999999 / 7",
        "(-(461168601842738790 * 20) - 8) / -1",
        "7.5 % 2",
        "7 % 2.5",
        "-7 / 2",
        "1.0 / 0",
        "-1 / 0.0",
        "0.0 / 0",
        "true / 2",
        "7 % true",
        "7 / false",
        "1e300 * 1e300",
        "-1e300 * 1e300",
        "9007199254740993 == 9007199254740992.0",
        "-true",
        "+true",
        '"a" % undefined',
        "max({100, Nothing})",
        "max({1, 2.5, true})",
        "MIN({ExitCode, 1})",
        "max({})",
        'max({1, "a"})',
        "int(2.7) + int(-2.7)",
        'int("3.9")',
        'int("x")',
        "int(undefined)",
        "int(1e300)",
        'real("2.5") + real(true)',
        "round(2.5) + round(3.5)",
        "floor(-2.5) + ceiling(2.1)",
        "floor(undefined)",
        "isUndefined(Nothing) && !isError(Nothing) && isError(error)",
        "isInteger(1) && isReal(1.5) && isString(Name) && isBoolean(true)",
        "Nothing ?: undefined ?: 1 + 2",
        "error ?: 5",
        "1 ? 2 : 3 ?: 4",
        "ifThenElse(isUndefined(MemoryUsage), 100, MemoryUsage * 2)",
        "strcat(-1e300 * 1e300, 0.0 / 0.0, -0.0)",
    ],
)
def test_an_expression_has_the_value_that_htcondor_gives_it(text: str) -> None:
    assert repr(ours(text)) == repr(htcondors(text)), "equal, and of one type; so are two that are no number"


def test_an_attribute_may_be_called_the_jobs_own() -> None:
    # Not compared: whether classad2 knows MY outside of a match depends on what the process did before.
    assert ours("my.exitcode =?= 3") is True


LARGE = ["9007199254740993", "999999999999999999", "461168601842738790", "1e300", "1e-300", "0.0"]
OPERANDS = st.sampled_from(["0", "1", "2.5", "true", "false", "undefined", '"a"', "ExitCode", "Nothing", *LARGE])
OPERATORS = st.sampled_from(["||", "&&", "==", "!=", "=?=", "=!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%"])


def joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.tuples(parts, OPERATORS, parts).map(lambda three: f"({' '.join(three)})")
    return (
        binary
        | st.tuples(st.sampled_from("!-+"), parts).map("{0[0]}({0[1]})".format)
        | st.tuples(parts, parts, parts).map("({0[0]} ? {0[1]} : {0[2]})".format)
    )


@given(st.recursive(OPERANDS, joined, max_leaves=8))
def test_any_expression_has_the_value_that_htcondor_gives_it(text: str) -> None:
    assert repr(ours(text)) == repr(htcondors(text))


@given(
    st.text()
    | st.booleans()
    | st.integers(-(10**18) + 1, 10**18 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(Missing)
)
def test_a_value_that_is_written_is_read(value: Value) -> None:
    assert repr(ours(literal(value))) == repr(value)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_condor_reads_the_text_that_is_written(text: str) -> None:
    assert htcondors(literal(text)) == text


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
        ("max(1, 2)", "list in braces"),
        ("int(1, 2)", "2 argument"),
        ("(" * 5000 + "1" + ")" * 5000, "too deeply"),
        ("9" * 30, "cannot read"),
        ("a = 1", "cannot read"),
    ],
)
def test_what_is_not_in_the_subset_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(BadExpression, match=complaint):
        parse(text)


def test_the_time_is_what_the_scope_says() -> None:
    assert parse("time() - 3").evaluate(Scope({NOW: 10}, {})) == 7


def test_a_circle_of_attributes_ends_in_error() -> None:
    assert ours("circle") is ERROR
    assert ours("bad") is ERROR

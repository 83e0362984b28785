"""The few ClassAd expressions that decide what happens to a job that has ended.

In: the text of an expression (``on_exit_hold`` and its relatives) and the attributes of one job.
Out: a value. On the other side: HTCondor's own evaluator, which gives the same value for everything accepted here;
what is not accepted here is refused when the job is submitted, never guessed at.

::

    expression := or ["?" [expression] ":" expression]
    or < and < equality < comparison < sum < product         each level binds tighter than the one before
    operand    := ("!" | "-" | "+") operand | "(" expression ")" | literal | ["MY."] name | function "(" arguments ")"
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from htmap.language import operators
from htmap.language.functions import FUNCTIONS, Function
from htmap.language.operators import ERROR, LEVELS, UNARY, UNDEFINED, Missing, Value

NOW = "currenttime"
"""The attribute that `time()` gives: no clock is looked at here."""

Evaluator: TypeAlias = "Callable[[Scope], Value]"


class BadExpression(ValueError):
    """An expression that is not ClassAd, or not in the subset known here. The message says what and where."""


class Expression:
    """A parsed expression.

    Parameters
    ----------
    text
        ClassAd source.

    Raises
    ------
    BadExpression
    """

    __slots__ = ("_evaluate",)

    def __init__(self, text: str) -> None:
        try:
            self._evaluate = _parse(text)
        except RecursionError:
            raise BadExpression(f"an expression of {len(text)} characters is nested too deeply") from None

    def evaluate(self, scope: Scope) -> Value:
        return self._evaluate(scope)


class Scope:
    """The attributes that an expression may name; names are casefolded, since ClassAd names have no case.

    Parameters
    ----------
    values
        Attributes that are known already.
    expressions
        Attributes that are given by the text of an expression; read only when they are asked for.
    """

    # An attribute may refer to another; more steps than this are a circle.
    _DEEPEST = 50

    __slots__ = ("_depth", "_expressions", "_values")

    def __init__(self, values: Mapping[str, Value], expressions: Mapping[str, str]) -> None:
        self._values = values
        self._expressions = expressions
        self._depth = 0

    def look_up(self, name: str) -> Value:
        key = name.casefold()
        if key in self._values or key not in self._expressions:
            return self._values.get(key, UNDEFINED)
        if self._depth >= self._DEEPEST:
            return ERROR
        self._depth += 1
        try:
            return parse(self._expressions[key]).evaluate(self)
        except BadExpression:
            return ERROR
        finally:
            self._depth -= 1


@functools.lru_cache(maxsize=1024)
def parse(text: str) -> Expression:
    """The same as `Expression`, remembered: the jobs of one cluster share their expressions."""
    return Expression(text)


def literal(value: Value) -> str:
    """The text that stands for a value, infinities and what is no number left out."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.value if isinstance(value, Missing) else repr(value)


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<real>\d+\.\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+)
      | (?P<integer>\d{1,18})(?!\d)
      | (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)
      | (?P<sign>=\?=|=!=|\|\||&&|==|!=|<=|>=|[<>!?:+\-*/%(),{}])
    )""",
    re.VERBOSE,
)
_OPEN = "("
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_WORDS: Mapping[str, Value] = {"true": True, "false": False, "undefined": UNDEFINED, "error": ERROR}
_SPELLED_OUT = {"is": "=?=", "isnt": "=!="}


class _Tokens:
    """The tokens of one expression, and how far the parser has come."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = self._split()
        self._next = 0

    def _split(self) -> list[tuple[str, str]]:
        tokens, position = [], 0
        text = self.text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise BadExpression(f"cannot read {text[position:].strip()!r} in the expression {text!r}")
            kind, token = str(match.lastgroup), match[str(match.lastgroup)]
            sign = _SPELLED_OUT.get(token.casefold()) if kind == "name" else None
            tokens.append(("sign", sign) if sign else (kind, token))
            position = match.end()
        return tokens

    def peek(self) -> str | None:
        """The next token if it is a sign, else None."""
        kind, token = self._tokens[self._next] if self._next < len(self._tokens) else ("end", "")
        return token if kind == "sign" else None

    def take(self) -> tuple[str, str]:
        if self._next >= len(self._tokens):
            raise BadExpression(f"the expression {self.text!r} ends too early")
        self._next += 1
        return self._tokens[self._next - 1]

    def take_if(self, sign: str) -> bool:
        found = self.peek() == sign
        self._next += found
        return found

    def expect(self, sign: str) -> None:
        if not self.take_if(sign):
            raise BadExpression(f"{sign!r} is missing in the expression {self.text!r}")

    def expect_end(self) -> None:
        if self._next < len(self._tokens):
            raise BadExpression(f"{self._tokens[self._next][1]!r} is too much in the expression {self.text!r}")


def _parse(text: str) -> Evaluator:
    tokens = _Tokens(text)
    evaluate = _choice(tokens)
    tokens.expect_end()
    return evaluate


def _choice(tokens: _Tokens) -> Evaluator:
    condition = _binary(tokens, 0)
    if not tokens.take_if("?"):
        return condition
    if tokens.take_if(":"):
        otherwise = _choice(tokens)
        return _unless_undefined(condition, otherwise)
    then = _choice(tokens)
    tokens.expect(":")
    otherwise = _choice(tokens)
    return _chosen(condition, then, otherwise)


def _unless_undefined(value: Evaluator, otherwise: Evaluator) -> Evaluator:
    def evaluate(scope: Scope) -> Value:
        found = value(scope)
        return otherwise(scope) if found is UNDEFINED else found

    return evaluate


def _chosen(condition: Evaluator, then: Evaluator, otherwise: Evaluator) -> Evaluator:
    return lambda scope: operators.choose(condition(scope), lambda: then(scope), lambda: otherwise(scope))


def _binary(tokens: _Tokens, level: int) -> Evaluator:
    if level == len(LEVELS):
        return _operand(tokens)
    left = _binary(tokens, level + 1)
    while (sign := tokens.peek()) in LEVELS[level]:
        tokens.take()
        left = _joined(LEVELS[level][str(sign)], left, _binary(tokens, level + 1))
    return left


def _joined(apply: operators.Binary, left: Evaluator, right: Evaluator) -> Evaluator:
    return lambda scope: apply(left(scope), lambda: right(scope))


def _operand(tokens: _Tokens) -> Evaluator:
    kind, token = tokens.take()
    if kind == "integer":
        return _literal(int(token))
    if kind == "real":
        return _literal(float(token))
    if kind == "string":
        return _literal(_ESCAPED.sub(lambda match: _ESCAPES.get(match[1], match[1]), token[1:-1]))
    if kind == "name":
        return _named(token, tokens)
    if token in UNARY:
        apply, operand = UNARY[token], _operand(tokens)
        return lambda scope: apply(operand(scope))
    if token == _OPEN:
        inner = _choice(tokens)
        tokens.expect(")")
        return inner
    raise BadExpression(f"a value is missing before {token!r} in the expression {tokens.text!r}")


def _literal(value: Value) -> Evaluator:
    return lambda _: value


def _named(name: str, tokens: _Tokens) -> Evaluator:
    if tokens.take_if("("):
        return _call(name, tokens)
    if name.casefold() in _WORDS:
        return _literal(_WORDS[name.casefold()])
    where, dot, attribute = name.partition(".")
    if dot and where.casefold() != "my":
        raise BadExpression(f"{name!r} looks outside the job, which has no meaning here; only MY.{attribute} has")
    return lambda scope: scope.look_up(attribute or where)


def _call(name: str, tokens: _Tokens) -> Evaluator:
    folded = name.casefold()
    function = FUNCTIONS.get(folded)
    if function is not None and function.takes_list:
        return _applied(function, _arguments_in_braces(name, tokens))
    arguments = _arguments(tokens, ")")
    if function is not None and function.count in {None, len(arguments)}:
        return _applied(function, arguments)
    if folded == "ifthenelse" and len(arguments) == 3:  # noqa: PLR2004 - condition, then, else
        return _chosen(*arguments)
    if folded == "time" and not arguments:
        return lambda scope: scope.look_up(NOW)
    raise BadExpression(
        f"{name}() with {len(arguments)} argument(s) is not known here; the functions are "
        f"ifThenElse, time, {', '.join(FUNCTIONS)}"
    )


def _applied(function: Function, arguments: list[Evaluator]) -> Evaluator:
    return lambda scope: function.apply([argument(scope) for argument in arguments])


def _arguments(tokens: _Tokens, end: str) -> list[Evaluator]:
    arguments: list[Evaluator] = []
    while not tokens.take_if(end):
        if arguments:
            tokens.expect(",")
        arguments.append(_choice(tokens))
    return arguments


def _arguments_in_braces(name: str, tokens: _Tokens) -> list[Evaluator]:
    if not tokens.take_if("{"):
        raise BadExpression(f"{name}() takes a list in braces, such as {name}({{1, 2}}), in {tokens.text!r}")
    arguments = _arguments(tokens, "}")
    tokens.expect(")")
    return arguments

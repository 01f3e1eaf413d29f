"""One module walked through as Python would run it: what runs, in its order, and nothing else.

Functions are read when something runs them. Both ways of a branch are taken, so that a value may
be either; loops over constants are unrolled. Installation runs hooks that the code itself never
calls, so for it whatever was not reached is read at the end.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Sequence

from affineur.model.scans import Level, Moment, Trait
from affineur.standards.startup_code import calls
from affineur.standards.startup_code.evaluator import Evaluator
from affineur.standards.startup_code.report import Report, shown
from affineur.standards.startup_code.values import UNKNOWN, Budget, Exhausted, Value

_DEEPEST_CALL = 8
_DEEPEST_CODE = 6
_MOST_UNROLLED = 5000
_FAR = 100
"""Blanks in a line that push what follows out of sight."""
_CODE = frozenset({tokenize.NAME, tokenize.STRING, tokenize.NUMBER})
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Reader(Evaluator):
    """Reads one module for one moment."""

    def __init__(self, report: Report, budget: Budget) -> None:
        super().__init__(report, budget)
        self.imported: list[str] = []
        """Modules that it imports, as written; relative ones begin with dots."""
        self._functions: dict[str, _Function] = {}
        self._classes: dict[str, ast.ClassDef] = {}
        self._running: list[str] = []
        self._reached: set[str] = set()
        self._answers: list[Value | None] = []
        self._maybe = 0

    def read(self, source: str) -> None:
        """Read a whole module.

        Raises:
            SyntaxError, ValueError: it is no Python that can be parsed here.
            Exhausted: it has more code than is read.
        """
        self.run(ast.parse(source).body)
        if self.report.moment is Moment.INSTALL:
            for name in [*self._functions, *self._classes]:
                if name not in self._reached:
                    self.enter(f"<here>.{name}", (), {})

    def run(self, body: Sequence[ast.stmt]) -> None:
        """Read statements in their order."""
        for statement in body:
            self.budget.spend()
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign():
                made = self.value(node.value)
                for target in node.targets:
                    self.bind(target, made, node.value)
            case ast.AnnAssign() if node.value is not None:
                self.bind(node.target, self.value(node.value), node.value)
            case ast.AugAssign():
                self._augment(node)
            case ast.Return():
                self._return(self.value(node.value))
            case ast.Import() | ast.ImportFrom():
                self._import(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self._define(node)
            case _:
                self._compound(node)

    def _compound(self, node: ast.stmt) -> None:
        match node:
            case ast.If() | ast.While():
                self._branch(node)
            case ast.For() | ast.AsyncFor():
                self._loop(node)
            case ast.With() | ast.AsyncWith():
                self._with(node)
            case ast.Try() | ast.TryStar():
                for body in (node.body, *(h.body for h in node.handlers), node.orelse, node.finalbody):
                    self._perhaps(body)
            case ast.Match():
                self.value(node.subject)
                for choice in node.cases:
                    self._perhaps(choice.body)
            case _:
                self.values(child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))

    def _return(self, made: Value) -> None:
        """Note what a function answers; it may answer in several places."""
        if self._answers:
            known = self._answers[-1]
            self._answers[-1] = made if known is None else known.joined(made)

    def _perhaps(self, body: Sequence[ast.stmt]) -> None:
        """Read statements that may or may not run: what they assign may stay as it was."""
        self._maybe += 1
        try:
            self.run(body)
        finally:
            self._maybe -= 1

    def _branch(self, node: ast.If | ast.While) -> None:
        self.value(node.test)
        test = ast.unparse(node.test) if isinstance(node.test, ast.Name | ast.Attribute | ast.Compare) else ""
        if test.endswith("TYPE_CHECKING"):
            self._perhaps(node.orelse)
            return
        if "__name__" in test and "__main__" in test and self.report.moment is not Moment.INSTALL:
            return
        self._perhaps(node.body)
        self._perhaps(node.orelse)

    def _loop(self, node: ast.For | ast.AsyncFor) -> None:
        items = self.value(node.iter)
        if isinstance(items.const, tuple | str | bytes) and 0 < len(items.const) <= _MOST_UNROLLED:
            for item in items.const:
                self.bind(node.target, Value(item, origins=items.origins))
                self.run(node.body)
        else:
            self.bind(node.target, Value(origins=items.origins))
            self._perhaps(node.body)
        self._perhaps(node.orelse)

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            made = self.value(item.context_expr)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, made, item.context_expr)
        self.run(node.body)

    def _augment(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            both = ast.BinOp(ast.Name(node.target.id, ast.Load()), node.op, node.value)
            self.bind(node.target, self.value(ast.copy_location(both, node)))
        else:
            self.value(node.value)

    def bind(self, target: ast.expr, value: Value, source: ast.expr | None = None) -> None:
        """Give a target a value; `source` is the expression it came from."""
        match target:
            case ast.Name():
                scope = self.scopes[-1]
                known = scope.get(target.id)
                scope[target.id] = value.joined(known) if self._maybe and known is not None else value
                if isinstance(source, ast.Call) and source.args and value.name.endswith("()"):
                    self.opened[target.id] = ast.unparse(source.args[0])
            case ast.Tuple() | ast.List():
                apart = value.const if isinstance(value.const, tuple) and len(value.const) == len(target.elts) else None
                for number, part in enumerate(target.elts):
                    self.bind(part, Value(apart[number] if apart else UNKNOWN, origins=value.origins))
            case ast.Starred():
                self.bind(target.value, Value(origins=value.origins))
            case ast.Attribute() | ast.Subscript():
                self.values(child for child in ast.iter_child_nodes(target) if isinstance(child, ast.expr))

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        scope = self.scopes[-1]
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.imported.append(alias.name)
                scope[alias.asname or alias.name.partition(".")[0]] = Value(
                    name=alias.name if alias.asname else alias.name.partition(".")[0]
                )
            return
        origin = "." * node.level + (node.module or "")
        self.imported.append(origin)
        for alias in node.names:
            if alias.name == "*":
                self.stars.append(origin)
                continue
            joined = f"{origin}{alias.name}" if origin.endswith(".") else f"{origin}.{alias.name}"
            self.imported.append(joined)
            known = scope.get(alias.asname or alias.name)
            made = Value(name=joined)
            scope[alias.asname or alias.name] = known if self._maybe and known is not None and known.name else made

    def _define(self, node: _Function | ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            made = self.value(decorator)
            if made.name.startswith("<here>."):
                self.enter(made.name, (), {})
        if isinstance(node, ast.ClassDef):
            self._classes[node.name] = node
            self.values([*node.bases, *(k.value for k in node.keywords)])
            self.scopes.append({})
            try:
                self.run([part for part in node.body if not isinstance(part, _Function)])
            finally:
                self.scopes.pop()
        else:
            arguments = node.args
            self.values([*arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)])
            self._functions[node.name] = node
        self.scopes[-1][node.name] = Value(name=f"<here>.{node.name}")

    def enter(self, name: str, arguments: Sequence[Value], keywords: dict[str, Value]) -> Value | None:
        """Run a function or class of the module itself; None where there is none of that name."""
        called = name.removeprefix("<here>.").removesuffix("()")
        if called in self._running or len(self._running) >= _DEEPEST_CALL:
            return Value()
        self._running.append(called)
        self._reached.add(called)
        try:
            if called in self._functions:
                return self._call_function(self._functions[called], arguments, keywords)
            if called in self._classes:
                for part in self._classes[called].body:
                    if isinstance(part, _Function):
                        self._call_function(part, (Value(), *arguments) if part.name == "__init__" else (), {})
                return Value()
            return None
        finally:
            self._running.pop()

    def _call_function(self, node: _Function, arguments: Sequence[Value], keywords: dict[str, Value]) -> Value:
        names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        scope: dict[str, Value] = dict.fromkeys([*names, *(a.arg for a in node.args.kwonlyargs)], Value())
        defaults = node.args.defaults
        for parameter, default in zip(names[len(names) - len(defaults) :], defaults, strict=True):
            scope[parameter] = self.value(default)
        scope |= dict(zip(names, arguments, strict=False))
        scope |= {key: value for key, value in keywords.items() if key in scope}
        self.scopes.append(scope)
        self._answers.append(None)
        maybe, self._maybe = self._maybe, 0
        try:
            self.run(node.body)
        finally:
            self.scopes.pop()
            answer = self._answers.pop()
            self._maybe = maybe
        return answer if answer is not None else Value(None)

    def nested(self, source: str, line: int, *, hidden: bool) -> None:
        """Read code that stands in a text, as if it stood where it is run."""
        report = self.report
        if len(report.inside) >= _DEEPEST_CODE:
            report.add(Trait.HIDDEN_CODE, Level.HOLD, line, "runs code that is hidden in many layers")
            return
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return
        report.inside.append(line)
        report.hidden += [shown(source)[:100]] if hidden else []
        try:
            self.run(tree.body)
        finally:
            report.inside.pop()
            if hidden:
                report.hidden.pop()


def read_module(raw: bytes, member: str, moment: Moment, budget: Budget) -> tuple[Report, list[str], str]:
    """Read a module; return its findings, what it imports, and why it was not read to its end ("" when it was)."""
    source = _text(raw)
    report = Report(member, source, moment)
    _look_at_lines(raw, report)
    reader = Reader(report, budget)
    try:
        reader.read(source)
    except (SyntaxError, ValueError):
        _read_as_text(source, report)
    except (Exhausted, RecursionError, MemoryError) as error:
        problem = str(error) if isinstance(error, Exhausted) else "its code is nested too deeply"
        return report, reader.imported, problem
    return report, reader.imported, ""


def _text(raw: bytes) -> str:
    """Return source as Python would decode it; what it could not decode is replaced."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        return raw.decode(encoding, "replace").replace("\r\n", "\n").replace("\r", "\n")
    except (SyntaxError, LookupError, UnicodeDecodeError):
        return raw.decode("utf-8", "replace")


def _look_at_lines(raw: bytes, report: Report) -> None:
    """Find code that stands far to the right of other code, where nobody looks."""
    if b" " * _FAR not in raw and b"\t" * (_FAR // 8) not in raw:
        return
    try:
        before: tokenize.TokenInfo | None = None
        for token in tokenize.tokenize(io.BytesIO(raw).readline):
            if before is not None and token.type in _CODE and _far(before, token):
                level = Level.HOLD if before.string == ";" else Level.WARN
                text = f"has code {token.start[1]} columns to the right, out of sight, that runs"
                report.add(Trait.OUT_OF_SIGHT, level, token.start[0], text)
            before = token
    except (tokenize.TokenError, SyntaxError, UnicodeDecodeError, LookupError):
        pass


def _far(before: tokenize.TokenInfo, token: tokenize.TokenInfo) -> bool:
    return before.end[0] == token.start[0] and token.start[1] - before.end[1] >= _FAR


def _read_as_text(source: str, report: Report) -> None:
    """Look through code that cannot be parsed: old Python, newer than ours, or broken."""
    if match := calls.DECODING_AS_TEXT.search(source):
        line = source.count("\n", 0, match.start()) + 1
        report.add(Trait.HIDDEN_CODE, Level.HOLD, line, "decodes or fetches code and runs it")
    elif calls.fetches_and_runs(source):
        report.add(Trait.FETCHED_CODE, Level.WARN, 0, "holds a command that fetches and runs a program, and runs")
    report.add(Trait.UNREADABLE, Level.NOTE, 0, "cannot be parsed as Python 3 and was only looked through; it runs")

"""Expressions: worked out where they are constant, followed where they are not."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, ClassVar

from affineur.model.scans import Level, Moment, Trait
from affineur.standards.startup_code import calls, folding
from affineur.standards.startup_code.effects import Call, Effects
from affineur.standards.startup_code.report import Report
from affineur.standards.startup_code.values import NOTHING, UNKNOWN, Budget, Origin, Value, from_all

_BUILTINS = frozenset(
    {
        "exec", "eval", "compile", "__import__", "getattr", "open", "chr", "ord", "bytes", "bytearray", "str", "int", "len", "list",
        "tuple", "reversed", "sum", "min", "max", "range", "enumerate", "zip", "map", "filter", "globals", "locals", "vars", "dict",
    }
)  # fmt: skip
_MOST_UNROLLED = 20_000
_ENVIRONMENTS = frozenset({"os.environ", "os.environb"})
_MODULE_TABLES = frozenset({"sys.modules"})
_NAMESPACES = frozenset({"builtins.globals()", "builtins.locals()", "builtins.vars()"})
_LOOK_UPS = frozenset(
    f"{table}.{method}" for table in ("builtins", *_NAMESPACES) for method in ("get", "__getitem__", "pop")
)
_HIDING = frozenset({"builtins.chr", "builtins.bytes", "builtins.bytearray"})


class Evaluator(ABC):
    """The expressions of one module."""

    def __init__(self, report: Report, budget: Budget) -> None:
        self.report, self.budget = report, budget
        self.effects = Effects(report)
        self.scopes: list[dict[str, Value]] = [{}]
        self.opened: dict[str, str] = {}
        """Variables for open files, and the expressions for their paths."""
        self.stars: list[str] = []
        """Modules of which everything is imported."""

    @abstractmethod
    def enter(self, name: str, arguments: Sequence[Value], keywords: dict[str, Value]) -> Value | None:
        """Run a function or class of the module itself; None where there is none of that name."""

    @abstractmethod
    def nested(self, source: str, line: int, *, hidden: bool) -> None:
        """Read code that stands in a text."""

    @abstractmethod
    def bind(self, target: ast.expr, value: Value) -> None:
        """Give a target a value."""

    def lookup(self, name: str) -> Value:
        """Return what a name stands for."""
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        if name == "__builtins__":
            return Value(name="builtins")
        for module in self.stars:
            if calls.is_known(f"{module}.{name}"):
                return Value(name=f"{module}.{name}")
        return Value(name=f"builtins.{name}") if name in _BUILTINS else Value()

    def value(self, node: ast.expr | None) -> Value:
        """Return what an expression is worth, with the effects of working it out reported."""
        if node is None:
            return Value(None)
        self.budget.spend()
        handler = self._HANDLERS.get(type(node))
        return handler(self, node) if handler is not None else self._parts(node)

    def values(self, nodes: Iterable[ast.expr | None]) -> list[Value]:
        """Return what several expressions are worth."""
        return [self.value(node) for node in nodes]

    def _parts(self, node: ast.expr) -> Value:
        children = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        return Value(origins=from_all(self.values(children)))

    def _constant(self, node: ast.Constant) -> Value:
        if isinstance(node.value, str) and calls.is_secret_path(node.value):
            return Value(node.value, origins=frozenset({Origin.SECRET}))
        return Value(node.value) if node.value is not ... else Value()

    def _name(self, node: ast.Name) -> Value:
        return self.lookup(node.id)

    def _attribute(self, node: ast.Attribute) -> Value:
        return self.attribute(self.value(node.value), node.attr)

    def attribute(self, base: Value, name: str) -> Value:
        """Return an attribute of a value."""
        if not base.name:
            return Value(origins=base.origins)
        if name == "__dict__":
            return base
        dotted = f"{base.name}.{name}"
        origins = base.origins | ({Origin.ENVIRONMENT} if dotted in _ENVIRONMENTS else NOTHING)
        return Value(name=dotted, origins=origins)

    def _joined(self, node: ast.JoinedStr) -> Value:
        parts = self.values(node.values)
        known = [part.const for part in parts]
        text = "".join(map(str, known)) if all(part.known for part in parts) else UNKNOWN
        return Value(text, origins=from_all(parts))

    def _formatted(self, node: ast.FormattedValue) -> Value:
        made = self.value(node.value)
        plain = node.conversion == -1 and node.format_spec is None and isinstance(made.const, str | int)
        return made if plain else Value(origins=made.origins)

    def _operation(self, node: ast.BinOp) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        kind = type(node.op).__name__
        const = folding.operate(kind, left.const, right.const) if left.known and right.known else UNKNOWN
        origins = left.origins | right.origins | ({Origin.DECODED} if kind == "BitXor" else NOTHING)
        made = Value(const, origins=origins)
        secret = kind in {"Add", "Div", "Mod"} and isinstance(const, str) and calls.is_secret_path(const)
        return made.marked(Origin.SECRET) if secret else made

    def _unary(self, node: ast.UnaryOp) -> Value:
        made = self.value(node.operand)
        if isinstance(node.op, ast.USub) and isinstance(made.const, int | float):
            return Value(-made.const, origins=made.origins)
        return Value(origins=made.origins)

    def _choice(self, node: ast.BoolOp | ast.IfExp) -> Value:
        if isinstance(node, ast.IfExp):
            self.value(node.test)
            return self.value(node.body).joined(self.value(node.orelse))
        parts = self.values(node.values)
        made = parts[0]
        for part in parts[1:]:
            made = made.joined(part)
        return made

    def _compared(self, node: ast.Compare) -> Value:
        self.values([node.left, *node.comparators])
        return Value()

    def _sequence(self, node: ast.List | ast.Tuple | ast.Set) -> Value:
        parts = self.values(node.elts)
        starred = any(isinstance(element, ast.Starred) for element in node.elts)
        known = all(part.known for part in parts) and not starred
        return Value(tuple(part.const for part in parts) if known else UNKNOWN, origins=from_all(parts))

    def _table(self, node: ast.Dict) -> Value:
        parts = self.values([*node.keys, *node.values])
        return Value(origins=from_all(parts))

    def _subscript(self, node: ast.Subscript) -> Value:
        base, key = self.value(node.value), self._key(node.slice)
        if (
            isinstance(node.value, ast.List | ast.Tuple | ast.Dict)
            and (picked := self._picked(node.value, key)) is not None
        ):
            return picked
        if base.name in _ENVIRONMENTS:
            return Value(origins=self.effects.reads_environment(key))
        if base.name in _MODULE_TABLES and key.text:
            return Value(name=key.text)
        if base.name in _NAMESPACES and key.text:
            return self.lookup(key.text)
        if base.name and key.text and base.name != "sys.argv":
            return self.attribute(base, key.text)
        if not base.known or not key.known:
            return Value(origins=base.origins)
        const = folding.call(lambda: base.const[key.const], [], {})
        turned = isinstance(key.const, slice) and key.const.step is not None and isinstance(base.const, str | bytes)
        return Value(const, origins=base.origins | ({Origin.DECODED} if turned else NOTHING))

    def _picked(self, node: ast.List | ast.Tuple | ast.Dict, key: Value) -> Value | None:
        """Return the part of a literal that is looked up in it at once."""
        if isinstance(node, ast.Dict):
            found = [v for k, v in zip(node.keys, node.values, strict=True) if self.value(k).const == key.const]
            return self.value(found[-1]) if key.known and found else None
        inside = isinstance(key.const, int) and -len(node.elts) <= key.const < len(node.elts)
        return self.value(node.elts[key.const]) if inside else None

    def _key(self, node: ast.expr) -> Value:
        if not isinstance(node, ast.Slice):
            return self.value(node)
        bounds = self.values([node.lower, node.upper, node.step])
        return Value(slice(*(bound.const for bound in bounds))) if all(bound.known for bound in bounds) else Value()

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Value:
        first = node.generators[0]
        items = self.value(first.iter)
        simple = len(node.generators) == 1 and not first.ifs and isinstance(items.const, tuple | str | bytes)
        self.scopes.append({})
        try:
            if simple and len(items.const) <= _MOST_UNROLLED:
                made = []
                for item in items.const:
                    self.bind(first.target, Value(item, origins=items.origins))
                    made.append(self.value(node.elt))
                known = all(part.known for part in made)
                const = tuple(part.const for part in made) if known else UNKNOWN
                return Value(const, origins=from_all([items, *made]))
            for generator in node.generators:
                self.bind(generator.target, Value(origins=self.value(generator.iter).origins))
                self.values(generator.ifs)
            return Value(origins=items.origins | self.value(node.elt).origins)
        finally:
            self.scopes.pop()

    def _table_comprehension(self, node: ast.DictComp) -> Value:
        self.scopes.append({})
        try:
            for generator in node.generators:
                self.bind(generator.target, Value(origins=self.value(generator.iter).origins))
                self.values(generator.ifs)
            return Value(origins=from_all(self.values([node.key, node.value])))
        finally:
            self.scopes.pop()

    def _lambda(self, node: ast.Lambda) -> Value:
        return Value(origins=self.value(node.body).origins)

    def _named(self, node: ast.NamedExpr) -> Value:
        made = self.value(node.value)
        self.bind(node.target, made)
        return made

    def _passed(self, node: ast.Await | ast.Starred | ast.YieldFrom) -> Value:
        return self.value(node.value)

    def _call(self, node: ast.Call) -> Value:
        target = Value()
        if isinstance(node.func, ast.Attribute):
            target = self.value(node.func.value)
            called = self.attribute(target, node.func.attr)
        else:
            called = self.value(node.func)
        arguments = tuple(self.values(node.args))
        keywords = {k.arg or f"**{n}": self.value(k.value) for n, k in enumerate(node.keywords)}
        call = Call(called.name, node, arguments, keywords, target)
        for value in call.given:
            if value.name.startswith("<here>."):
                self.enter(value.name, [Value(origins=from_all(call.given))], {})
        if called.name.startswith("<here>."):
            entered = self.enter(called.name, arguments, keywords)
            if entered is not None:
                return entered
        special = self._special(call)
        return special if special is not None else self._ordinary(call, called)

    def _special(self, call: Call) -> Value | None:
        """Return what the functions give that find modules and attributes by their names."""
        name, first = call.name, call.first
        if name in {"builtins.__import__", "importlib.import_module", "importlib.__import__"}:
            return Value(name=first.text or "", origins=first.origins)
        if name == "builtins.getattr" and len(call.arguments) >= 2:
            key = call.arguments[1].text
            return self.attribute(first, key) if key else Value(origins=from_all(call.arguments))
        if name in {"os.getenv", "os.environ.get", "os.environ.pop", "os.environ.setdefault"}:
            return Value(origins=self.effects.reads_environment(first))
        if name in _LOOK_UPS and first.text:
            return (
                self.lookup(first.text) if call.target.name in _NAMESPACES else self.attribute(call.target, first.text)
            )
        if name == "builtins.vars" and first.name:
            return first
        if name in {"builtins.map", "builtins.filter"} and len(call.arguments) == 2:
            return self._mapped(call)
        return None

    def _mapped(self, call: Call) -> Value:
        function, items = call.arguments
        make = folding.PLAIN.get(function.name)
        origins = from_all(call.arguments) | ({Origin.DECODED} if function.name in _HIDING else NOTHING)
        if make is None or not isinstance(items.const, tuple | str | bytes) or len(items.const) > _MOST_UNROLLED:
            return Value(origins=origins)
        self.budget.spend(len(items.const))
        made = tuple(folding.call(make, [item], {}) for item in items.const)
        return Value(UNKNOWN if UNKNOWN in made else made, origins=origins)

    def _ordinary(self, call: Call, called: Value) -> Value:
        passed = from_all((*call.given, call.target, called))
        if call.target.name in _ENVIRONMENTS and call.name.rpartition(".")[2] not in {"copy", "items", "values"}:
            passed -= {Origin.ENVIRONMENT}
        if calls.starts_process(call.name):
            passed = NOTHING
        origins = passed | self._effect(call)
        const = self._folded(call)
        if Origin.DECODED in origins - passed and isinstance(const, str | bytes):
            self._decoded(Value(const), call.line)
        if isinstance(const, str) and calls.is_secret_path(const):
            origins |= {Origin.SECRET}
        name = f"{call.name}()" if call.name and not call.name.endswith("()") else ""
        return Value(const, "" if const is not UNKNOWN else name, origins)

    def _decoded(self, made: Value, line: int) -> None:
        """Judge what came out of a decoding, whatever becomes of it."""
        if made.text and calls.looks_like_code(made.text):
            level = Level.HOLD if self.report.moment is Moment.START else Level.WARN
            self.report.add(Trait.HIDDEN_CODE, level, line, "holds hidden code, in a part that is run")

    def _effect(self, call: Call) -> frozenset[Origin]:
        """Report what a call does; return what its answer is made of."""
        name = call.name
        method = call.node.func.attr if isinstance(call.node.func, ast.Attribute) else ""
        if name in calls.RUNS_CODE:
            if self.effects.runs(call) and call.first.text is not None:
                self.nested(call.first.text, call.line, hidden=Origin.DECODED in call.first.origins)
            return NOTHING
        if calls.starts_process(name):
            self._inline_code(call)
            return self.effects.process(call)
        if calls.uses_network(name):
            return self.effects.network(call)
        if calls.tells_machine(name):
            return frozenset({Origin.MACHINE})
        if name in calls.UNPICKLES:
            self.effects.unpickles(call)
        if name in calls.OPENS:
            self.effects.opens(call)
        if method in calls.WRITES:
            self.effects.writes(call, self.opened)
            if call.first.text and calls.looks_like_code(call.first.text):
                self.nested(call.first.text, call.line, hidden=False)
        if not name and Origin.DECODED in from_all(call.given):
            self._handed_on(call)
        return self._made_of(call, name, method)

    def _handed_on(self, call: Call) -> None:
        """Judge decoded code that is given to a function nobody can tell."""
        for value in call.given:
            if Origin.DECODED in value.origins and value.text and calls.looks_like_code(value.text):
                self.report.add(
                    Trait.HIDDEN_CODE, Level.HOLD, call.line, "decodes hidden code and hands it to something that runs"
                )
                self.nested(value.text, call.line, hidden=True)

    def _made_of(self, call: Call, name: str, method: str) -> frozenset[Origin]:
        if name in calls.UNPACKS_CODE:
            return frozenset({Origin.BYTECODE})
        if name in folding.DECODERS or calls.DECRYPTS.search(name or method):
            return frozenset({Origin.DECODED})
        if name in _HIDING and not (call.first.known and isinstance(call.first.const, str | bytes)):
            return frozenset({Origin.DECODED})
        codec = call.first.text if method == "decode" else None
        if codec and codec.replace("-", "").replace("_", "").lower() in {"rot13", "base64", "hex", "zlib", "bz2", "uu"}:
            return frozenset({Origin.DECODED})
        plain = not (from_all((*call.given, call.target)) & {Origin.NETWORK, Origin.DECODED})
        if (method in calls.READS or name in calls.FILES) and plain:
            return frozenset({Origin.FILE})
        return NOTHING

    def _inline_code(self, call: Call) -> None:
        """Read the code that a Python is started with (`-c`)."""
        for value in call.given[:1]:
            parts = value.const if isinstance(value.const, tuple) else ()
            for option, code in pairwise(parts):
                if option == "-c" and isinstance(code, str):
                    self.nested(code, call.line, hidden=Origin.DECODED in value.origins)
        elements = call.node.args[0].elts if call.node.args and isinstance(call.node.args[0], ast.List) else []
        for option_node, code_node in pairwise(elements):
            if isinstance(option_node, ast.Constant) and option_node.value == "-c":
                code_value = self.value(code_node)
                if code_value.text is not None:
                    self.nested(code_value.text, call.line, hidden=Origin.DECODED in code_value.origins)

    def _folded(self, call: Call) -> Any:
        if call.name in calls.PASSES_ON and call.first.known:
            return call.first.const
        if not all(value.known for value in call.given) or len(call.keywords) > 3:
            return UNKNOWN
        arguments = [value.const for value in call.arguments]
        keywords = {name: value.const for name, value in call.keywords.items()}
        function = folding.DECODERS.get(call.name) or folding.PLAIN.get(call.name)
        if function is not None:
            return folding.call(function, arguments, keywords)
        if isinstance(call.node.func, ast.Attribute) and call.target.known:
            return folding.method(call.target.const, call.node.func.attr, arguments, keywords)
        return UNKNOWN

    _HANDLERS: ClassVar[dict[type[ast.expr], Callable[[Any, Any], Value]]] = {
        ast.Constant: _constant, ast.Name: _name, ast.Attribute: _attribute, ast.Call: _call, ast.JoinedStr: _joined,
        ast.FormattedValue: _formatted, ast.BinOp: _operation, ast.BoolOp: _choice, ast.IfExp: _choice, ast.Compare: _compared, ast.UnaryOp: _unary,
        ast.List: _sequence, ast.Tuple: _sequence, ast.Set: _sequence, ast.Dict: _table, ast.Subscript: _subscript,
        ast.ListComp: _comprehension, ast.SetComp: _comprehension, ast.GeneratorExp: _comprehension,
        ast.DictComp: _table_comprehension, ast.Lambda: _lambda, ast.NamedExpr: _named, ast.Await: _passed, ast.Starred: _passed,
        ast.YieldFrom: _passed,
    }  # fmt: skip

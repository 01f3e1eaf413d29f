"""What a call means for the one on whose machine it runs."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from affineur.model.scans import Level, Moment, Trait
from affineur.standards.startup_code import calls
from affineur.standards.startup_code.report import Report
from affineur.standards.startup_code.values import NOTHING, Origin, Value, from_all

_OF_MACHINE = frozenset({Origin.MACHINE, Origin.ENVIRONMENT, Origin.SECRET})
_FOREIGN = frozenset({Origin.NETWORK, Origin.DECODED})


@dataclass(frozen=True, slots=True)
class Call:
    """A call with what its arguments are worth."""

    name: str
    node: ast.Call
    arguments: tuple[Value, ...]
    keywords: dict[str, Value]
    target: Value
    """What the method belongs to."""

    @property
    def line(self) -> int:
        """Where it stands."""
        return self.node.lineno

    @property
    def given(self) -> tuple[Value, ...]:
        """Every argument."""
        return (*self.arguments, *self.keywords.values())

    @property
    def first(self) -> Value:
        """The first argument."""
        return self.given[0] if self.given else Value()


def texts(value: object) -> list[str]:
    """Return every text inside a constant."""
    if isinstance(value, bytes):
        return [value.decode("utf-8", "replace")]
    if isinstance(value, str):
        return [value]
    return [text for item in value for text in texts(item)] if isinstance(value, tuple) else []


class Effects:
    """Judges calls and keeps what they leave behind: the files that were written."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.moment = report.moment
        self._written: set[str] = set()
        """Expressions for the paths that fetched or decoded content was written to."""

    def network(self, call: Call) -> frozenset[Origin]:
        """Judge a call that talks to other machines."""
        sent = from_all((*call.given, call.target)) & _OF_MACHINE
        addresses = [text for value in (*call.given, call.target) for text in texts(value.const)]
        if sent:
            what = "credentials" if Origin.SECRET in sent else "what it learns about the machine and its user"
            self.report.add(Trait.SENDS_DATA, Level.HOLD, call.line, f"sends {what} over the network")
        elif any(calls.is_drop(text) for text in addresses):
            text = "talks to an address of the kind that stolen data and second stages lie at"
            self.report.add(Trait.NETWORK, Level.HOLD, call.line, text)
        else:
            level = Level.HOLD if self.moment is Moment.START else Level.WARN
            self.report.add(Trait.NETWORK, level, call.line, "uses the network")
        if call.name.endswith(("urlretrieve", "wget.download")):
            self._written |= {ast.unparse(node) for node in call.node.args[1:2]}
            self._written |= {ast.unparse(k.value) for k in call.node.keywords if k.arg in {"filename", "out"}}
        return frozenset({Origin.NETWORK})

    def process(self, call: Call) -> frozenset[Origin]:
        """Judge a call that starts another program."""
        parts = [text for value in call.given for text in texts(value.const)]
        command = " ".join(parts)
        origins = from_all(call.given)
        if Origin.NETWORK in origins or self._runs_written(call):
            self.report.add(Trait.FETCHED_CODE, Level.HOLD, call.line, "starts a program that it fetched or unpacked")
        elif Origin.DECODED in origins:
            self.report.add(Trait.HIDDEN_CODE, Level.HOLD, call.line, "starts a program by a hidden command")
        elif calls.DECODING_AS_TEXT.search(command[:20_000]):
            self.report.add(
                Trait.HIDDEN_CODE, Level.HOLD, call.line, "starts a Python that decodes or fetches code and runs it"
            )
        elif calls.fetches_and_runs(command):
            text = "runs a command that fetches and runs a program, or opens a shell"
            self.report.add(Trait.FETCHED_CODE, Level.HOLD, call.line, text)
        elif calls.is_lasting(command):
            self.report.add(Trait.PERSISTENCE, Level.WARN, call.line, "makes something run again later")
        elif self.moment is Moment.INSTALL and (calls.is_build_tool(command) or not self._given_constants(call)):
            self.report.add(Trait.PROCESS, Level.NOTE, call.line, "starts another program")
        else:
            level = Level.HOLD if self.moment is Moment.START else Level.WARN
            self.report.add(Trait.PROCESS, level, call.line, "starts another program")
        return frozenset({Origin.MACHINE}) if calls.asks_machine(command) else NOTHING

    @staticmethod
    def _given_constants(call: Call) -> bool:
        return bool(call.first.known and texts(call.first.const)[:1] not in ([], [""]))

    def _runs_written(self, call: Call) -> bool:
        if not self._written:
            return False
        inside = {
            ast.unparse(node)
            for argument in call.node.args
            for node in ast.walk(argument)
            if isinstance(node, ast.expr)
        }
        return bool(inside & self._written)

    def runs(self, call: Call) -> bool:
        """Judge a call that runs code; True where its text is known and must be read too."""
        origins = call.first.origins
        if Origin.NETWORK in origins:
            self.report.add(Trait.FETCHED_CODE, Level.HOLD, call.line, "runs code that it fetches from the network")
        elif origins & {Origin.DECODED, Origin.BYTECODE}:
            self.report.add(Trait.HIDDEN_CODE, Level.HOLD, call.line, "decodes hidden code and runs it")
        elif call.first.text is None and Origin.FILE not in origins:
            self.report.add(Trait.DYNAMIC, Level.NOTE, call.line, "runs code that is made while it runs")
        return call.first.text is not None

    def unpickles(self, call: Call) -> None:
        """Judge the reading of objects that may run code while they are read."""
        if from_all(call.given) & _FOREIGN:
            self.report.add(Trait.HIDDEN_CODE, Level.HOLD, call.line, "loads objects out of hidden or fetched data")

    def opens(self, call: Call) -> None:
        """Judge the opening of a file or folder."""
        if Origin.SECRET in from_all(call.given):
            self.report.add(Trait.CREDENTIALS, Level.WARN, call.line, "looks at a file that holds credentials")
        if any(calls.is_lasting(text) for value in call.given for text in texts(value.const)):
            self.report.add(Trait.PERSISTENCE, Level.WARN, call.line, "touches a file that makes something run later")

    def writes(self, call: Call, opened: dict[str, str]) -> None:
        """Note where fetched or decoded content is written to; `opened` maps file variables to their paths."""
        if from_all(call.given) & _FOREIGN and isinstance(call.node.func, ast.Attribute):
            target = ast.unparse(call.node.func.value)
            self._written |= {target, opened.get(target, target), f"{target}.name"}

    def reads_environment(self, key: Value) -> frozenset[Origin]:
        """Return what an environment variable of this name is."""
        secret = key.text is not None and calls.is_secret_name(key.text)
        return frozenset({Origin.SECRET}) if secret else NOTHING

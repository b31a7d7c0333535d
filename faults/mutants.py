"""Small wrong changes of a module: each mutant is its text with one place changed, all other bytes as they were."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt},
    **{
        ast.Eq: ast.NotEq,
        ast.NotEq: ast.Eq,
        ast.Is: ast.IsNot,
        ast.IsNot: ast.Is,
        ast.In: ast.NotIn,
        ast.NotIn: ast.In,
    },
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult},
    **{ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift},
    **{ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitOr},
}


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        path: the module, from the root of the repository.
        line: where the change begins, from 1.
        kind: comparison, arithmetic, boolean, constant or return.
        before: the changed expression as it was.
        after: and as it is.
        start, stop: its bytes in the file.
        mark: tells it from others, wherever the module and the line are.
        around: its line, with the place marked.
    """

    path: Path
    line: int
    kind: str
    before: str
    after: str
    start: int
    stop: int
    mark: str
    around: str

    def apply(self, source: bytes) -> bytes:
        """The module's text with the change."""
        return source[: self.start] + self.after.encode() + source[self.stop :]

    def __str__(self) -> str:
        return f"`{self.before}` → `{self.after}`"


def mutants(path: Path, source: bytes) -> list[Mutant]:
    """All mutants of a module, in its order.

    Annotations, decorators, texts and what only type checkers read are left alone: a change there changes nothing.
    """
    begins = [0]
    for line in source.splitlines(keepends=True):
        begins.append(begins[-1] + len(line))
    found = []
    for node in _nodes(ast.parse(source)):
        for kind, old, new in _changes(node):
            assert old.end_lineno is not None
            assert old.end_col_offset is not None
            start, stop = begins[old.lineno - 1] + old.col_offset, begins[old.end_lineno - 1] + old.end_col_offset
            before = " ".join(source[start:stop].decode().split())
            # Parentheses keep the change whole inside what stands around it.
            after = ast.unparse(new) if isinstance(new, ast.Constant | ast.stmt) else f"({ast.unparse(new)})"
            line = source[begins[old.lineno - 1] : begins[old.lineno]]
            mark = f"{path.name} {line.decode().strip()} {old.col_offset} {before} {after}"
            around = f"{line[: old.col_offset].decode()}»{line[old.col_offset :].decode()}".strip()
            found.append(Mutant(path, old.lineno, kind, before, after, start, stop, mark, around))
    return sorted(found, key=lambda mutant: (mutant.start, mutant.stop, mutant.after))


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    # Python 3.11 has no true places for what stands in an f-string.
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _nodes(child)


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.expr | ast.stmt, ast.expr | ast.stmt]]:
    """Kind, node to be replaced, its replacement."""
    new = copy.copy(node)
    if isinstance(new, ast.Compare) and isinstance(node, ast.Compare):
        new.ops = [_COMPARISONS[type(node.ops[0])](), *node.ops[1:]]
        yield "comparison", node, new
    elif isinstance(new, ast.BinOp | ast.AugAssign) and isinstance(node, ast.BinOp | ast.AugAssign):
        if type(new.op) in _ARITHMETIC and not _joins_texts(node):
            new.op = _ARITHMETIC[type(new.op)]()
            yield "arithmetic", node, new
    elif isinstance(new, ast.BoolOp) and isinstance(node, ast.BoolOp):
        new.op = ast.Or() if isinstance(new.op, ast.And) else ast.And()
        yield "boolean", node, new
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield "boolean" if isinstance(node.op, ast.Not) else "arithmetic", node, node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "constant", node, ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield "constant", node, ast.Constant(node.value + 1)
        yield "constant", node, ast.Constant(node.value - 1)
    elif isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) != "None":
        yield "return", node, ast.Return(ast.Constant(None))
    if isinstance(node, ast.If | ast.While | ast.IfExp) and not isinstance(node.test, ast.Compare | ast.UnaryOp):
        yield "boolean", node.test, ast.UnaryOp(ast.Not(), node.test)


def _joins_texts(node: ast.BinOp | ast.AugAssign) -> bool:
    """Texts and paths: another operator would only be a TypeError."""
    sides = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.value,)
    return any(isinstance(side, ast.JoinedStr) or isinstance(getattr(side, "value", None), str) for side in sides)

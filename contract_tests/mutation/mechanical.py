"""Mechanical mutants: one operator of the source changed, by chance and not by choice."""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE,
    ast.GtE: ast.Gt, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Edit:
    """One change: the module, the line, what it was and what it is."""

    module: str
    line: int
    operator: str
    index: int

    @property
    def id(self) -> str:
        """A name to refer to it by."""
        return f"{self.module}:{self.line}:{self.operator}:{self.index}"


def edits(module: str, source: str) -> list[Edit]:
    """Return every change that can be made to a module."""
    tree = ast.parse(source)
    found = []
    for index, (node, operator) in enumerate(_sites(tree)):
        found.append(Edit(module, getattr(node, "lineno", 0), operator, index))
    return found


def apply(edit: Edit, source: str) -> str:
    """Return the source with one change made."""
    tree = copy.deepcopy(ast.parse(source))
    for index, (node, operator) in enumerate(_sites(tree)):
        if index == edit.index:
            _change(tree, node, operator)
            break
    return ast.unparse(ast.fix_missing_locations(tree))


def sample(sources: dict[str, Path], count: int, seed: int) -> list[Edit]:
    """Return changes drawn evenly from all places of all modules."""
    every = [
        edit
        for module, path in sorted(sources.items())
        for edit in edits(module, path.read_text(encoding="utf-8"))
    ]
    return sorted(
        random.Random(seed).sample(every, min(count, len(every))),
        key=lambda edit: edit.id,
    )


def _sites(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    skipped = _annotations(tree)
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in _inside(function):
                if id(node) not in skipped:
                    yield from _operators(node)


def _inside(function: ast.AST) -> Iterator[ast.AST]:
    """Walk a function's body, but not functions inside it, which come by themselves."""
    todo = list(getattr(function, "body", ()))
    while todo:
        node = todo.pop(0)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        yield node
        todo = [*ast.iter_child_nodes(node), *todo]


def _annotations(tree: ast.Module) -> set[int]:
    """Return the nodes that cannot matter: annotations, docstrings, messages of errors."""
    found: set[int] = set()
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.AnnAssign):
            parts = [node.annotation]
        elif isinstance(node, (ast.Raise, ast.Assert)):
            parts = [node]
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            parts.append(node)
        for part in parts:
            if part is not None:
                found |= {id(inner) for inner in ast.walk(part)}
    return found


def _operators(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    if isinstance(node, ast.Compare):
        if len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS:
            yield node, "comparison"
    elif isinstance(node, ast.BoolOp):
        yield node, "and-or"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node, "not"
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield node, "boolean" if isinstance(node.value, bool) else "integer"
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        yield node, "plus-minus"
    elif isinstance(node, ast.IfExp):
        yield node, "conditional"
    elif isinstance(node, ast.If):
        yield node, "always"
        yield node, "never"
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield node, "statement"


def _change(tree: ast.Module, node: ast.AST, operator: str) -> None:
    if operator == "comparison" and isinstance(node, ast.Compare):
        node.ops = [_COMPARISONS[type(node.ops[0])]()]
    elif operator == "and-or" and isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif operator == "not" and isinstance(node, ast.UnaryOp):
        _replace(tree, node, node.operand)
    elif operator == "boolean" and isinstance(node, ast.Constant):
        node.value = not node.value
    elif operator == "integer" and isinstance(node, ast.Constant):
        node.value = int(str(node.value)) + 1
    elif operator == "plus-minus" and isinstance(node, ast.BinOp):
        node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
    elif operator == "conditional" and isinstance(node, ast.IfExp):
        node.body, node.orelse = node.orelse, node.body
    elif operator in ("always", "never") and isinstance(node, ast.If):
        node.test = ast.Constant(operator == "always")
    elif operator == "statement":
        _replace(tree, node, ast.Pass())


class _Replacer(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self.old:
            return self.new
        visited: ast.AST = self.generic_visit(node)
        return visited


def _replace(tree: ast.Module, old: ast.AST, new: ast.AST) -> None:
    _Replacer(old, new).visit(tree)

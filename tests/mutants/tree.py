"""Mutants from the syntax tree: what is taken out of a module, one at a time.

A module is compiled once with all its mutants in it: where one may stand, the code asks a switch whether it does. So a
mutant costs no start of Python and no new import, and the switch knows which tests came by. Nothing here quotes a line
of the product; a mutant's key is its function, what is done there, and how often that was done there before.
"""

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.mutants.sql import looks_like_sql, without_one_condition

SWITCH = "__mutant__"
NARROWING = {"filter", "exclude", "select_for_update"}
WITH_CONDITIONS = {"filter", "exclude", "Q"}
SAYS_WHETHER = ("is_", "has_", "may_", "can_", "in_")
SAYS_NOTHING = {"log", "messages"}  # what it tells a log or a page decides nothing


@dataclass(frozen=True)
class Mutant:
    """One change of one module. `on` sets it in the process that calls it."""

    key: str
    line: int
    words: str


@dataclass
class Woven:
    """A module's tree with all its mutants in it, and these by their number."""

    tree: ast.Module
    mutants: dict[int, Mutant] = field(default_factory=dict)


def narrowing_methods(sources: list[str]) -> set[str]:
    """The methods of these querysets that leave rows out or lock them: they filter, or call another that does."""
    calls: dict[str, set[str]] = {}
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef):
                for method in (each for each in node.body if isinstance(each, ast.FunctionDef)):
                    called = {part.func.attr for part in ast.walk(method)
                              if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute)}  # fmt: skip
                    calls.setdefault(method.name, set()).update(called)
    found = set(NARROWING)
    while more := {name for name, called in calls.items() if called & found} - found:
        found |= more
    return found


def weave(source: str, file: str, first: int, narrowing: set[str], operators: set[str]) -> Woven:
    """This module with its mutants, numbered from `first`."""
    tree = ast.parse(source)
    weaver = _Weaver(file, first, narrowing, operators, tree)
    tree = weaver.visit(tree)
    ast.fix_missing_locations(tree)
    return Woven(tree, weaver.mutants)


class _Weaver(ast.NodeTransformer):
    def __init__(self, file: str, first: int, narrowing: set[str], operators: set[str], tree: ast.Module) -> None:
        self.file, self.next, self.narrowing, self.operators = file, first, narrowing, operators
        self.mutants: dict[int, Mutant] = {}
        self.names: list[str] = []
        self.functions: list[ast.FunctionDef | ast.Lambda] = []
        self.seen: Counter[tuple[str, str]] = Counter()
        self.handlers = 0
        self.boolean: set[int] = set()  # ids of expressions that are only asked whether they are true
        self.constants = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }

    # Where we are

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.names.append(node.name)
        node.body = [self.visit(each) for each in node.body]
        self.names.pop()
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.names.append(node.name)
        self.functions.append(node)
        node.body = [self.visit(each) for each in node.body]
        self.functions.pop()
        self.names.pop()
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self.visit_FunctionDef(node)  # type: ignore[arg-type]

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self.functions.append(node)
        node.body = self.visit(node.body)
        self.functions.pop()
        return node

    def visit(self, node: ast.AST) -> ast.AST:
        if self.functions and isinstance(node, ast.expr) and not isinstance(node, ast.Lambda):
            return self._expression(node)
        return super().visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        node.body = [self.visit(each) for each in node.body]
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                part.value = self.visit(part.value)
        return node

    # Statements

    def visit_If(self, node: ast.If) -> ast.AST:
        if not self.functions:
            return self.generic_visit(node)
        self._note_boolean(node.test)
        refuses = isinstance(node.body[-1], ast.Raise | ast.Return | ast.Continue) and not node.orelse
        test = node.test
        told = f"if {_text(test)}"
        node = self.generic_visit(node)  # type: ignore[assignment]
        node.test = self._either(node.test, test, [("guard" if refuses else "branch", told, ast.Constant(False))])
        if not refuses or "branch" in self.operators:
            node.test = self._either(node.test, test, [("branch", told, ast.Constant(True))])
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if not self.functions or isinstance(node.value, ast.Constant):
            return node
        is_call = isinstance(node.value, ast.Call)
        told = _text(node.value)
        inside = self.generic_visit(node)
        if not is_call or told.split(".")[0] in SAYS_NOTHING or told.startswith("super()"):
            return inside
        return self._unless("call", told, inside)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        inside = self.generic_visit(node)
        return self._unless("call", _text(node), inside) if self.handlers else inside

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        self.handlers += bool(self.functions)
        node.body = [self.visit(each) for each in node.body]
        self.handlers -= bool(self.functions)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if not self.functions:
            return self.generic_visit(node)
        target, value, told = node.targets[0], node.value, _text(node)
        inside = self.generic_visit(node)
        if isinstance(target, ast.Attribute | ast.Subscript):
            return self._unless("set", told, inside)
        if isinstance(target, ast.Name) and target.id.startswith(SAYS_WHETHER) and not isinstance(value, ast.Constant):
            node.value = self._either(node.value, value, [("fact", told, ast.Constant(each)) for each in (True, False)])
        return inside

    def visit_For(self, node: ast.For) -> ast.AST:
        if not self.functions:
            return self.generic_visit(node)
        original, told = node.iter, f"for {_text(node.target)} in {_text(node.iter)}"
        inside = self.generic_visit(node)
        node.iter = self._either(node.iter, original, [("loop", told, ast.Tuple([], ast.Load()))])
        return inside

    def visit_Return(self, node: ast.Return) -> ast.AST:
        if node.value is None or not self.functions:
            return node
        made = self.functions[-1]
        wanted = _text(made.returns) if isinstance(made, ast.FunctionDef) and made.returns else ""
        original, variants = node.value, []
        if wanted == "bool":
            self._note_boolean(original)
            if not isinstance(original, ast.Constant | ast.BoolOp):
                variants = [("answer", f"return {_text(original)}", ast.Constant(value)) for value in (True, False)]
        elif "None" in wanted and isinstance(original, ast.Call) and _text(original.func)[:1].isupper():
            variants = [("refusal", f"return {_text(original)}", ast.Constant(None))]
        node.value = self._either(self.visit(node.value), original, variants)
        return node

    # Expressions

    def _expression(self, node: ast.expr) -> ast.expr:
        original = copy.deepcopy(node)
        variants = list(self._variants(node, original))
        inner = super().visit(node)
        return self._either(inner, node, variants)

    def _variants(self, node: ast.expr, original: ast.expr) -> Iterator[tuple[str, str, ast.expr]]:
        if isinstance(node, ast.IfExp):
            self._note_boolean(node.test)
            if id(node) in self.boolean:
                self._note_boolean(node.body)
                self._note_boolean(node.orelse)
            assert isinstance(original, ast.IfExp)
            yield "choice", f"always {_text(original.body)}", original.body
            yield "choice", f"always {_text(original.orelse)}", original.orelse
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self._note_boolean(node.operand)
        elif isinstance(node, ast.BoolOp):
            if isinstance(node.op, ast.And) or id(node) in self.boolean:
                if id(node) in self.boolean:
                    for value in node.values:
                        self._note_boolean(value)
                for place, value in enumerate(original.values):  # type: ignore[attr-defined]
                    left = [each for other, each in enumerate(original.values) if other != place]  # type: ignore[attr-defined]
                    yield "operand", _text(value), left[0] if len(left) == 1 else ast.BoolOp(node.op, left)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr) and _is_of_q(node):
            yield "operand", _text(original.left), original.right  # type: ignore[attr-defined]
            yield "operand", _text(original.right), original.left  # type: ignore[attr-defined]
        elif isinstance(node, ast.BinOp) and _takes_away(node):
            yield "operand", _text(original.right), original.left  # type: ignore[attr-defined]
        elif isinstance(node, ast.Compare) and len(node.ops) > 1:
            left, *right = original.comparators  # type: ignore[attr-defined]
            yield "operand", _text(original.left), ast.Compare(left, node.ops[1:], right)  # type: ignore[attr-defined]
            yield "operand", _text(right[-1]), ast.Compare(original.left, node.ops[:-1], [left, *right[:-1]])  # type: ignore[attr-defined]
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.UnaryOp) and isinstance(node.ctx, ast.Load):
            assert isinstance(original, ast.Subscript)
            yield "place", f"[{_text(node.slice)}]", ast.Subscript(original.value, ast.Constant(0), ast.Load())
        elif isinstance(node, ast.Attribute) and node.attr.endswith("_tenant_ids") and isinstance(node.ctx, ast.Load):
            assert isinstance(original, ast.Attribute)
            yield "scope", f".{node.attr}", ast.Attribute(original.value, "tenant_ids", ast.Load())
        elif isinstance(node, ast.Dict):
            yield from self._of_dict(original)
        elif isinstance(node, ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp):
            for place, generator in enumerate(node.generators):
                for number, test in enumerate(generator.ifs):
                    self._note_boolean(test)
                    changed = copy.deepcopy(original)
                    del changed.generators[place].ifs[number]  # type: ignore[attr-defined]
                    yield "sieve", f"if {_text(test)}", changed
        elif isinstance(node, ast.Call):
            yield from self._of_call(node, original)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in self.constants:
            yield from _of_sql(self.constants[node.id])
        elif isinstance(node, ast.Constant | ast.JoinedStr):
            yield from _of_sql(node)

    def _of_dict(self, original: ast.expr) -> Iterator[tuple[str, str, ast.expr]]:
        """Without one entry; and the tenant's where the person's should be: nobody's own any more."""
        assert isinstance(original, ast.Dict)
        texts = [key.value if isinstance(key, ast.Constant) else "" for key in original.keys]
        for place, key in enumerate(original.keys):
            if isinstance(key, ast.Call):
                changed = copy.deepcopy(original)
                del changed.keys[place], changed.values[place]
                yield "entry", _text(key), changed
        if "user_id" in texts and "tenant_id" in texts:
            changed = copy.deepcopy(original)
            changed.values[texts.index("user_id")] = original.values[texts.index("tenant_id")]
            yield "whose", "user_id", changed

    def _of_call(self, node: ast.Call, original: ast.expr) -> Iterator[tuple[str, str, ast.expr]]:
        assert isinstance(original, ast.Call)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in WITH_CONDITIONS and len(node.args) + len(node.keywords) > 1:
            for of, parts in (("args", node.args), ("keywords", node.keywords)):
                for place, part in enumerate(parts):
                    changed = copy.deepcopy(original)
                    del getattr(changed, of)[place]
                    yield "condition", f"{name}({_text(part)})", changed
        given = {keyword.arg: place for place, keyword in enumerate(node.keywords)}
        if "user_id" in given and "tenant_id" in given:
            changed = copy.deepcopy(original)
            changed.keywords[given["user_id"]].value = original.keywords[given["tenant_id"]].value
            yield "whose", "user_id", changed
        if isinstance(node.func, ast.Attribute) and name in self.narrowing:
            assert isinstance(original.func, ast.Attribute)
            of_all = ast.Call(ast.Attribute(original.func.value, "all", ast.Load()), [], [])
            yield "link", f".{name}({', '.join(map(_text, [*node.args, *node.keywords]))})", of_all

    # Putting them in

    def _note_boolean(self, node: ast.expr) -> None:
        self.boolean.add(id(node))

    def _either(self, inner: ast.AST, place: ast.expr, variants: list[tuple[str, str, ast.expr]]) -> ast.expr:
        assert isinstance(inner, ast.expr)
        for operator, words, variant in variants:
            if operator in self.operators and (number := self._new(operator, words, place.lineno)) is not None:
                inner = ast.copy_location(ast.IfExp(_asks(number), variant, inner), place)
        return inner

    def _unless(self, operator: str, words: str, statement: ast.AST) -> ast.AST:
        assert isinstance(statement, ast.stmt)
        if operator not in self.operators:
            return statement
        number = self._new(operator, words, statement.lineno)
        test = ast.UnaryOp(ast.Not(), _asks(number))
        return ast.copy_location(ast.If(test, [statement], []), statement)

    def _new(self, operator: str, words: str, line: int) -> int:
        function = ".".join(self.names)
        self.seen[function, operator] += 1
        key = f"{self.file} {function} {operator} {self.seen[function, operator]}"
        number, self.next = self.next, self.next + 1
        self.mutants[number] = Mutant(key, line, " ".join(words.split()))
        return number


def _asks(number: int) -> ast.expr:
    return ast.Call(ast.Name(SWITCH, ast.Load()), [ast.Constant(number)], [])


def _text(node: ast.AST) -> str:
    return ast.unparse(node)


def _takes_away(node: ast.BinOp) -> bool:
    return (isinstance(node.op, ast.Sub) and isinstance(node.right, ast.Set)) or isinstance(
        node.op, ast.RShift | ast.LShift
    )


def _is_of_q(node: ast.AST) -> bool:
    """Whether an `&` or `|` is of conditions, and not of types, sets or flags."""
    return any(isinstance(each, ast.Call) and getattr(each.func, "id", "") == "Q" for each in ast.walk(node))


def _of_sql(node: ast.expr) -> Iterator[tuple[str, str, ast.expr]]:
    """A statement in a text, in an f-string's texts, without one of its conditions."""
    texts = node.values if isinstance(node, ast.JoinedStr) else [node]
    whole = "".join(
        part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "?" for part in texts
    )
    if not looks_like_sql(whole):
        return
    marks = [f"\x00{place}\x00" for place in range(len(texts))]
    text = "".join(
        str(part.value) if isinstance(part, ast.Constant) else mark for part, mark in zip(texts, marks, strict=True)
    )
    for gone, changed in without_one_condition(text):
        if not isinstance(node, ast.JoinedStr):
            yield "sql", gone, ast.Constant(changed)
            continue
        values: list[ast.expr] = []
        for piece_number, piece in enumerate(changed.split("\x00")):
            if piece_number % 2:
                values.append(copy.deepcopy(texts[int(piece)]))
            elif piece:
                values.append(ast.Constant(piece))
        yield "sql", gone.replace("\x00", "?"), ast.JoinedStr(values)

"""The points at which a process can be killed while it records something, made from the source itself.

A module of the path is compiled from its source with a call around each await, around each end of an ``async with``,
and around each statement that a function gives to SQLite. A new await is a new point without anybody listing it.
Importing this module imports nothing of the server, so that whoever installs it can do so first.
"""

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FrameType, ModuleType, TracebackType
from typing import Any, Final, Literal, NamedTuple, get_args

ROOT: Final = Path(__file__).parents[3]
#: Packages whose coroutines must be on the path when they wait for something that is recorded.
_GUARDED: Final = ("authrim/store/", "authrim/core/")

#: When the process dies: before anything of the point is done; when it first waits for somebody, so that what it asked
#: for is under way; or when it is done and nobody knows of it yet.
Moment = Literal["before", "under way", "after"]
MOMENTS: Final[tuple[Moment, ...]] = get_args(Moment)


class AppendPath(NamedTuple):
    """The functions that record, by module. ``shared``: those that others call too, which count when one of the path
    has called them. ``beside``: coroutines that are seen there and record nothing themselves: loops around the path,
    and what is read on the way."""

    functions: Mapping[str, Sequence[str]]
    shared: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()


class Failpoint(NamedTuple):
    """A point, a moment, how often it is passed before, and the signal that the process gets then, from itself:
    SIGKILL, or SIGSTOP for one that stands still there."""

    point: str
    moment: Moment
    passes: int = 0
    signal: int = signal.SIGKILL


def points_of(path: AppendPath) -> list[str]:
    """Every point of the path."""
    return [
        point
        for module, functions in path.functions.items()
        for point in marked(module, _file(module).read_text(), functions)[1]
    ]


def missing(path: AppendPath) -> list[str]:
    """Functions of the path that the source does not have."""
    absent = []
    for module, functions in path.functions.items():
        there = set(_functions(ast.parse(_file(module).read_text())))
        absent += [f"{module}:{name}" for name in functions if name not in there]
    return absent


def _file(module: str) -> Path:
    return ROOT / f"{module.replace('.', '/')}.py"


def _functions(tree: ast.AST, outer: str = "") -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield outer + node.name
            yield from _functions(node, f"{outer}{node.name}.")


def marked(module: str, source: str, functions: Sequence[str]) -> tuple[ast.Module, list[str]]:
    """A module with calls around the points of these functions, and the points."""
    marking = _Marking(module.removeprefix("authrim."), frozenset(functions))
    tree = marking.visit(ast.parse(source))
    return ast.fix_missing_locations(tree), marking.points


class _Marking(ast.NodeTransformer):
    """Puts a call around each point, and takes note of it. A function in a function belongs to the outer one."""

    def __init__(self, module: str, functions: frozenset[str]) -> None:
        self.points: list[str] = []
        self._module = module
        self._functions = functions
        self._name: list[str] = []
        self._listed = ""
        self._is_async = False
        self._numbers: dict[str, int] = {}

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._within(node, self._is_async)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._within(node, is_async=False)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._within(node, is_async=True)

    def _within(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, is_async: bool) -> ast.AST:
        before = self._listed, self._is_async
        self._name.append(node.name)
        name = ".".join(self._name)
        self._listed = self._listed or (name if name in self._functions else "")
        self._is_async = is_async
        self.generic_visit(node)
        self._listed, self._is_async = before
        self._name.pop()
        return node

    def visit_Await(self, node: ast.Await) -> ast.AST:
        point = self._next("await") if self._listed else ""
        self.generic_visit(node)
        if point:
            node.value = _call("__at__", ast.Constant(point), _lazy(node.value))
        return node

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        for item in node.items if self._listed else ():
            point = self._next("with")
            item.context_expr = _call("__around__", ast.Constant(point), self.visit(item.context_expr))
        node.body = [self.visit(one) for one in node.body]
        return node

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        if self._listed:
            raise NotImplementedError(
                f"{self._module}: an `async for` on the path: teach {__name__} to mark it"
            )
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if not self._listed or self._is_async or not _is_statement(node):
            return node
        point = self._next("statement")
        return _call("__statement__", ast.Constant(point), node.func, *node.args)

    def _next(self, kind: str) -> str:
        number = self._numbers[self._listed] = self._numbers.get(self._listed, 0) + 1
        point = f"{self._module}:{self._listed} {kind} {number}"
        self.points += [f"{point} enter", f"{point} leave"] if kind == "with" else [point]
        return point


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _lazy(awaited: ast.expr) -> ast.expr:
    """What is awaited, made when the point is reached: calling something may begin it."""
    if any(
        isinstance(one, ast.Await | ast.NamedExpr | ast.Yield | ast.YieldFrom) for one in ast.walk(awaited)
    ):
        return awaited
    nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    return ast.Lambda(nothing, awaited)


def _is_statement(node: ast.Call) -> bool:
    called = node.func
    return (
        isinstance(called, ast.Attribute)
        and called.attr in ("execute", "executemany")
        and isinstance(called.value, ast.Name)
        and called.value.id == "connection"
        and not node.keywords
    )


# What happens in the process that has the points.


class _Plan:
    """What this process writes down, and its failpoint. Both count when it is ``armed``."""

    def __init__(self) -> None:
        self.armed = False
        self.failpoint: Failpoint | None = None
        self.record: int | None = None
        self.noted: set[str] = set()
        self.known: set[CodeType] = set()
        self.on_path: frozenset[str] = frozenset()
        self.shared: frozenset[str] = frozenset()
        self.beside: frozenset[str] = frozenset()


_plan: Final = _Plan()


def plan(failpoint: Failpoint | None, record: Path | None) -> None:
    """``record``: the file that gets a line for each point and moment that is passed while the process is armed, and
    one with a ``!`` for each coroutine that waits there and is not on the path."""
    _plan.failpoint = failpoint
    _plan.record = None if record is None else os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def arm() -> None:
    """From now on it counts."""
    _plan.armed = True


def _pass(point: str, moment: Moment) -> None:
    if not _plan.armed or not _counts(point):
        return
    if _plan.record is not None:
        _note(f"{point} | {moment}")
        _note_strays()
    met = _plan.failpoint
    if met is not None and (met.point, met.moment) == (point, moment):
        _plan.failpoint = met._replace(passes=met.passes - 1) if met.passes else None
        if not met.passes:
            os.kill(os.getpid(), met.signal)


def _note(line: str) -> None:
    if line not in _plan.noted and _plan.record is not None:
        _plan.noted.add(line)
        os.write(_plan.record, f"{line}\n".encode())


def _frames() -> Iterator[FrameType]:
    frame = inspect.currentframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


def _counts(point: str) -> bool:
    """What is shared counts when a function of the path that is not shared has called it."""
    if _function_of(point) not in _plan.shared:
        return True
    for frame in _frames():
        name = _named(frame.f_code)
        if name in _plan.on_path or name in _plan.beside:
            return name in _plan.on_path
    return False


def _function_of(point: str) -> str:
    return point.split(" ", 1)[0]


def _note_strays() -> None:
    for frame in _frames():
        code = frame.f_code
        if code in _plan.known or not code.co_flags & inspect.CO_COROUTINE:
            continue
        _plan.known.add(code)
        name = _named(code)
        if name and name not in _plan.on_path | _plan.shared | _plan.beside:
            _note(f"! {name}")


def _named(code: CodeType) -> str:
    """A function as the path names it; empty for one of other packages."""
    file = code.co_filename.removeprefix(f"{ROOT}/")
    if not file.startswith(_GUARDED):
        return ""
    name = code.co_qualname.replace(".<locals>", "")
    module = file.removeprefix("authrim/").removesuffix(".py").replace("/", ".")
    named = f"{module}:{name}"
    outer = named
    while "." in outer.partition(":")[2]:
        if outer in _plan.on_path | _plan.shared:
            return outer
        outer = outer.rpartition(".")[0]
    return outer if outer in _plan.on_path | _plan.shared else named


class _At:
    """Something to wait for, with the three moments of it."""

    def __init__(self, point: str, awaited: Callable[[], Awaitable[Any]] | Awaitable[Any]) -> None:
        self._point = point
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, Any]:
        _pass(self._point, "before")
        awaited = self._awaited if inspect.isawaitable(self._awaited) else self._awaited()  # type: ignore[operator]
        result = yield from self._watched(awaited.__await__())
        _pass(self._point, "after")
        return result

    def _watched(self, waiting: Any) -> Generator[Any, Any, Any]:
        try:
            asked = next(waiting)
            _pass(self._point, "under way")
            while True:
                try:
                    told = yield asked
                except GeneratorExit:
                    waiting.close()
                    raise
                except BaseException as thrown:
                    asked = waiting.throw(thrown)
                else:
                    asked = waiting.send(told)
        except StopIteration as end:
            return end.value


class _Around:
    """An asynchronous context manager with a point at each end."""

    def __init__(self, point: str, manager: Any) -> None:
        self._point = point
        self._manager = manager

    async def __aenter__(self) -> Any:
        return await _At(f"{self._point} enter", self._manager.__aenter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        return await _At(f"{self._point} leave", lambda: self._manager.__aexit__(kind, error, trace))


def _statement(point: str, execute: Callable[..., Any], *arguments: Any) -> Any:
    _pass(point, "before")
    result = execute(*arguments)
    _pass(point, "after")
    return result


class _Loader(importlib.machinery.SourceFileLoader):
    """Compiles a module with its points. Nothing of it is kept."""

    def __init__(self, name: str, file: str, functions: Sequence[str]) -> None:
        super().__init__(name, file)
        self._functions = functions

    def get_code(self, fullname: str) -> CodeType:
        tree, _ = marked(fullname, Path(self.path).read_text(), self._functions)
        return compile(tree, self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(__at__=_At, __around__=_Around, __statement__=_statement)
        super().exec_module(module)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, functions: Mapping[str, Sequence[str]]) -> None:
        self._functions = functions

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._functions:
            return None
        file = str(_file(fullname))
        loader = _Loader(fullname, file, self._functions[fullname])
        return importlib.util.spec_from_file_location(fullname, file, loader=loader)


def install(path: AppendPath) -> None:
    """Mark the modules of the path, which must not have been imported yet."""
    assert not [module for module in path.functions if module in sys.modules]
    named = {
        f"{module.removeprefix('authrim.')}:{name}"
        for module, functions in path.functions.items()
        for name in functions
    }
    _plan.shared, _plan.beside, _plan.on_path = path.shared, path.beside, frozenset(named) - path.shared
    sys.meta_path.insert(0, _Finder(path.functions))

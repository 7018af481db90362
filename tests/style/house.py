"""The house rules that no linter knows, each a function from a file to what is wrong with it.

Every check takes the path and the text of a file and returns findings, empty when all is well, so that it can
be run on a made-up bad example as easily as on the house.
"""

import ast
import re
import subprocess
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent.parent

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 60
ADR_LINES_MAX = 120  # two printed pages

PURE_ROOMS = (
    "kernel",
    "network",
    "science",
    "hall",
    "staffing",
    "cash",
    "remote",
    "relief",
    "review",
    "access",
    "flows",
)

LONG_FILES: dict[str, str] = {
    "src/openhall/science/engine.py": "numba does not notice a change in a callee in another file",
}
"""Path of a source file that may be longer, with the reason."""

LONG_FUNCTIONS: dict[str, str] = {
    "src/openhall/science/engine.py::_serve": "the inner loop, whose state would be all arguments",
}
"""`path::function` that may be longer, with the reason."""

FILE_READERS = {
    "src/openhall/network/sample/__init__.py": "hands out the sample bank, which ships inside the package",
}
"""Module of a pure room that may read files, with the reason."""

_CLOCK_AND_CHANCE = re.compile(
    r"(^|\.)(datetime|date)\.(now|utcnow|today)$"
    r"|^(time|random|secrets)\."
    r"|^uuid\.uuid[14]$"
    r"|^os\.urandom$"
    r"|^print$|^input$"
)
# Not every `.open`: a counter opens too. The import rules keep pathlib and os out of the pure rooms.
_FILES = re.compile(r"^(io\.|os\.)?open$|\.(read_text|read_bytes|write_text|write_bytes)$")

# The brackets keep these patterns from finding themselves.
_UNFINISHED = re.compile(r"\b(TOD[O]|FIXM[E]|XX[X])\b|NotImplementedErro[r]")
_MACHINE_PATH = re.compile(r"(?<![\w.$}])/wor[k]/")
_REGISTRY = re.compile(r"pypi[.]org|pythonhosted[.]org|registry[.]npmjs|deb[.]debian[.]org")
_ADDRESS_IN_LOCK = re.compile(r"https?://|file:|index-url|find-links|\"resolved\"")

_VAGUE = re.compile(r"^(utils?|helpers?|common|managers?)$|_(utils?|helpers?|manager)$")

_ADR_PARTS = {
    "a title (`# ...` on the first line)": re.compile(r"\A# \S"),
    "`Status: ...`": re.compile(r"^Status: \S", re.MULTILINE),
    "`Date: YYYY-MM-DD`": re.compile(r"^Date: \d{4}-\d\d-\d\d$", re.MULTILINE),
    "`## Context`": re.compile(r"^## Context", re.MULTILINE),
    "`## Options`": re.compile(r"^## Options", re.MULTILINE),
    "`## Decision`": re.compile(r"^## Decision", re.MULTILINE),
    "`## How we would notice`": re.compile(r"^## How we would notice", re.MULTILINE),
}


def too_long(path: str, text: str) -> list[str]:
    """A file of more than 600 lines hides a second file."""
    count = len(text.splitlines())
    if count <= FILE_LINES_MAX or path in LONG_FILES:
        return []
    return [f"{path}: {count} lines, at most {FILE_LINES_MAX}"]


def long_functions(path: str, text: str) -> list[str]:
    """Functions of more than 60 lines, docstring not counted."""
    return [
        f"{path}: {name} has {lines} lines, at most {FUNCTION_LINES_MAX}"
        for name, lines in function_lines(text)
        if lines > FUNCTION_LINES_MAX and f"{path}::{name}" not in LONG_FUNCTIONS
    ]


def ambient_calls(path: str, text: str) -> list[str]:
    """A pure room that asks the machine for the time, for chance, for a file, or that prints."""
    tree = ast.parse(text)
    origins = _import_origins(tree)
    return [
        f"{path}:{call.lineno}: {name}() in a pure room; take it as a parameter"
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for name in [_dotted_name(call.func, origins)]
        if _CLOCK_AND_CHANCE.search(name) or (_FILES.search(name) and path not in FILE_READERS)
    ]


def unfinished(path: str, text: str) -> list[str]:
    """Notes to self: what is not built does not exist, what is broken has an issue."""
    return _lines_with(_UNFINISHED, path, text, "unfinished")


def vague_name(path: str, _text: str = "") -> list[str]:
    """A module named for nothing in particular collects everything."""
    parts = PurePosixPath(path).with_suffix("").parts
    return [f"{path}: {part} names no idea; name the noun" for part in parts if _VAGUE.search(part)]


def machine_path(path: str, text: str) -> list[str]:
    """An absolute path of the machine it was written on."""
    return _lines_with(_MACHINE_PATH, path, text, "path of this machine")


def registry_host(path: str, text: str) -> list[str]:
    """The name of a registry: each site has its own mirror."""
    return _lines_with(_REGISTRY, path, text, "registry named")


def address_in_lock(path: str, text: str) -> list[str]:
    """A lock says what by its hash, never where."""
    return _lines_with(_ADDRESS_IN_LOCK, path, text, "address in a lock")


def poor_decision_record(path: str, text: str) -> list[str]:
    """A decision record lacks a part of its form or runs over two pages."""
    findings = [f"{path}: lacks {part}" for part, pattern in _ADR_PARTS.items() if not pattern.search(text)]
    count = len(text.splitlines())
    if count > ADR_LINES_MAX:
        findings.append(f"{path}: {count} lines, at most {ADR_LINES_MAX}")
    return findings


def function_lines(text: str) -> list[tuple[str, int]]:
    """Name and length of every function, methods and inner functions too, without its docstring."""
    found: list[tuple[str, int]] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring_lines = _line_count(node.body[0]) if ast.get_docstring(node) is not None else 0
            found.append((node.name, _line_count(node) - docstring_lines))
    return found


def tracked_files() -> list[Path]:
    """Every file of the repository, or of the unpacked source where there is no repository."""
    if (ROOT / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
            "\0"
        )
        return [ROOT / name for name in names if name and (ROOT / name).is_file()]
    folders = [ROOT / name for name in ("src", "tests", "docs", "tools", ".ci")]
    return [
        path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"
    ]


def _line_count(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _import_origins(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for: `from time import sleep as nap` gives nap -> time.sleep."""
    origins: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            origins |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module:
            origins |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return origins


def _dotted_name(node: ast.expr, origins: dict[str, str]) -> str:
    """`a.b.c` with `a` traced to its import; what hangs on something else than a name begins with a dot."""
    match node:
        case ast.Name(id=name):
            return origins.get(name, name)
        case ast.Attribute(value=value, attr=attr):
            return f"{_dotted_name(value, origins)}.{attr}"
        case _:
            return ""


def _lines_with(pattern: re.Pattern[str], path: str, text: str, what: str) -> list[str]:
    return [
        f"{path}:{number}: {what}: {line.strip()[:80]}"
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "matplotlib",
    "numpy",
    "pandas",
    "pydantic",
    "scipy",
    "sklearn",
    "timm",
    "torch",
    "torchvision",
}
COMMANDS = (
    "train",
    "check",
    "augment",
    "advise",
    "split",
    "evaluate",
    "predict",
    "explain",
    "compare",
    "models",
    "serve",
    "summary",
    "lab",
)
PROBE = """
import sys
from nunbit.cli import main
known = set()
for words in (["--help"], ["--version"], *([command, "--help"] for command in sys.argv[1:])):
    assert main(words) == 0
    print(words[0], *set(sys.modules) - known, file=sys.stderr)
    known = set(sys.modules)
"""


@pytest.fixture(scope="module")
def imported() -> dict[str, set[str]]:
    """Packages that each command's help adds, the first with those of `nunbit`."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *COMMANDS],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.split() for line in done.stderr.splitlines()]
    return {name: {module.partition(".")[0] for module in added} for name, *added in lines}


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_help_is_quick_because_it_imports_nothing_heavy(
    word: str, imported: dict[str, set[str]]
) -> None:
    assert imported[word] & HEAVY == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_imports_no_more_than_its_own_types_need(
    command: str, imported: dict[str, set[str]]
) -> None:
    assert imported[command] & HEAVY <= {"pydantic"}  # Typer's own, for types


def test_the_package_itself_imports_nothing_heavy() -> None:
    code = "import sys, nunbit; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name.partition(".")[0] for name in done.stdout.split()} & HEAVY == set()


WORKERS = (
    "nunbit.errors",
    "nunbit.types",
    "nunbit.progress",
    "nunbit.config",
    "nunbit.data.sources",
    "nunbit.data.preprocess",
    "nunbit.data.pixels",
    "nunbit.checks.run",
    "nunbit.data.split",
    "nunbit.data.inspect",
    "nunbit.data.decode_rows",
)
"""What processes that decode import."""


def test_what_decoding_workers_import_is_free_of_torch() -> None:
    code = f"""
import importlib, sys
for module in {WORKERS}:
    importlib.import_module(module)
    assert "torch" not in sys.modules, module
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_module_runs_as_the_program_does() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nunbit", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("nunbit ")


def test_only_a_process_of_its_own_collects_garbage_less_often() -> None:
    program = """
import atexit, gc, sys
from nunbit.cli import main
usual = gc.get_threshold()
main(["--version"])
print(gc.get_threshold() == usual)
atexit.register(lambda: print(gc.get_threshold()[0] > usual[0]))
sys.argv = ["nunbit", "--version"]
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    words = done.stdout.split()
    assert [word for word in words if word in ("True", "False")] == ["True", "True"]


def test_a_process_ends_with_its_threads_and_its_exit_code() -> None:
    program = """
import sys, threading, time
from nunbit.cli import main
threading.Thread(target=lambda: (time.sleep(0.2), print("the thread has ended"))).start()
sys.argv = ["nunbit", "train", "nowhere"]
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == "the thread has ended\n"
    assert done.stderr.startswith("error: ")

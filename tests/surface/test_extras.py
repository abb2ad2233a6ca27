"""What is not installed is named by its extra, in one line, whatever asks for it."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement

from nunbit.errors import UsageError
from nunbit.extras import EXTRA_OF, extras_named
from tests.surface.readme import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
HIDDEN = " ".join(set(EXTRA_OF) - {"pydantic"})  # Typer brings that one
NOT_INSTALLED = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split():
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
"""
COMMANDS = [
    ["train", "digits"],
    ["check", "digits"],
    ["augment", "digits", "--out", "page.html"],
    ["advise", "digits"],
    ["split", "digits", "--out", "split"],
    ["evaluate", "run"],
    ["predict", "run", __file__],
    ["compare", "run", "other"],
    ["explain", "run", __file__],
    ["export", "run"],
    ["models"],
    ["summary", "lenet5"],
]


def without_extras(code: str, *arguments: str, cwd: object) -> subprocess.CompletedProcess[str]:
    """Run Python as it is where only what `pip install nunbit` brings is installed."""
    program = NOT_INSTALLED + code
    return subprocess.run(
        [sys.executable, "-c", program, HIDDEN, *arguments],
        capture_output=True,
        text=True,
        cwd=str(cwd),
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_a_command_that_lacks_an_extra_says_which(command: list[str], tmp_path: object) -> None:
    code = "from nunbit.cli import main\nsys.exit(main(sys.argv[2:]))"
    done = without_extras(code, *command, cwd=tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(
        r"error: this needs \w+, which is not installed\n"
        r"  what to do: python -m pip install 'nunbit\[train\]'\n",
        done.stderr,
    )


@pytest.mark.parametrize("name", ["train", "load_data", "create_model", "load('run')"])
def test_a_python_name_that_lacks_an_extra_says_which(name: str, tmp_path: object) -> None:
    done = without_extras(f"import nunbit\nnunbit.{name}", cwd=tmp_path)
    assert "nunbit.errors.UsageError: this needs" in done.stderr
    assert "nunbit[train]" in done.stderr


def test_serving_lacks_an_extra_of_its_own(tmp_path: object) -> None:
    code = "from nunbit.cli import main\nsys.exit(main(sys.argv[2:]))"
    done = without_extras(code, "serve", "run", cwd=tmp_path)
    assert done.returncode == 2
    assert "python -m pip install 'nunbit[serve]'" in done.stderr


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["train", "--help"]])
def test_help_needs_no_extra(words: list[str], tmp_path: object) -> None:
    code = "from nunbit.cli import main\nsys.exit(main(sys.argv[2:]))"
    assert without_extras(code, *words, cwd=tmp_path).returncode == 0


def test_a_missing_module_that_no_extra_brings_stays_what_it_is() -> None:
    with pytest.raises(ModuleNotFoundError), extras_named():
        raise ModuleNotFoundError("No module named 'mine'", name="mine")
    with pytest.raises(UsageError, match="torch"), extras_named():
        raise ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")


def test_every_package_of_train_is_known() -> None:
    """Each module that a package of the extra installs under its own name is in the table."""
    modules_of: dict[str, set[str]] = {}
    for module, packages in importlib.metadata.packages_distributions().items():
        for package in packages:
            modules_of.setdefault(package.lower().replace("_", "-"), set()).add(module)
    for text in EXTRAS["train"]:
        modules = modules_of[Requirement(text).name.lower().replace("_", "-")]
        assert any(EXTRA_OF.get(module) == "train" for module in modules), text


def test_other_extras_build_on_train() -> None:
    assert set(EXTRA_OF.values()) <= set(EXTRAS)
    for name, requirements in EXTRAS.items():
        # What serves an exported model, or reads further formats for it, needs no torch.
        alone = name in ("train", "tiff", "jpegxl", "heif", "dicom", "serve", "openvino")
        assert alone or "nunbit[train]" in requirements, name

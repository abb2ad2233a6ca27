"""Every command, argument and option is pinned: a change here is a change for users."""

from __future__ import annotations

import typer

from nunbit.cli import app
from nunbit.config.allowed_values import OPTIONS

SHARED = ["--debug"]
READING = [
    "--label-from",
    "--label-map",
    "--group-from",
    "--parts",
    "--exclude",
    "--path-column",
    "--label-column",
    "--image-root",
    "--no-header",
]
DATA = ["DATA", *READING, "--set"]
SURFACE = {
    "train": [
        *DATA,
        "--model",
        "--epochs",
        "--minutes",
        "--pretrained",
        "--transfer",
        "--operating-point",
        "--out",
        "--resume",
        "--seed",
        "--device",
        "--image-size",
        "--fit",
        "--augment",
        "--split",
        "--corrections",
        "--recipe",
        "--quiet",
        "-q",
        "--verbose",
        "-v",
    ],
    "check": [
        *DATA,
        "--page",
        "--fix-list",
        "--quick",
        "--backbone",
        "--json",
        "--quiet",
        "-q",
    ],
    "augment": [*DATA, "--augment", "--out", "--images", "--seed", "--quiet", "-q"],
    "advise": [
        *DATA,
        "--model",
        "--pretrained",
        "--image-size",
        "--device",
        "--seed",
        "--out",
        "--json",
        "--quiet",
        "-q",
    ],
    "split": [*DATA, "--out", "--seed", "--manifest", "--quiet", "-q"],
    "export": [
        "RUN",
        "--to",
        "--out",
        "--runtime",
        "--quantize",
        "--min-agreement",
        "--quiet",
        "-q",
    ],
    "explain": [
        "RUN",
        "PATH",
        "--out",
        "--layer",
        "--stages",
        "--class",
        "--method",
        "--checks",
        "--no-checks",
        "--images",
        "--seed",
        "--quiet",
        "-q",
    ],
    "evaluate": ["RUN", "--data", *READING, "--out", "--checkpoints", "--quiet", "-q"],
    "predict": [
        "RUN",
        "PATH",
        "--csv",
        "--top",
        "--accuracy",
        "--threshold",
        "--batch-size",
        "--engine",
        "--quiet",
        "-q",
    ],
    "serve": [
        "RUN",
        "--host",
        "--port",
        "--token",
        "--name",
        "--allow-host",
        "--max-mebibytes",
        "--max-files",
        "--max-pixels",
        "--max-waiting",
        "--max-seconds",
        "--log",
    ],
    "compare": ["RUN", "--out", "--json", "--quiet", "-q"],
    "models": ["[PATTERN]", "--json"],
    "lab": ["[NAME]", "--quick", "--solution", "--lang", "--out", "--quiet", "-q"],
    "summary": ["MODEL", "--input", "--classes", "--format", "--explain"],
}


def names(command: object) -> set[str]:
    """Options as they are typed, arguments as the help shows them."""
    found: set[str] = set()
    for parameter in command.params:  # type: ignore[attr-defined]
        if parameter.param_type_name == "argument":
            found.add(str(parameter.metavar))
        else:
            found.update(parameter.opts, parameter.secondary_opts)
    return found


def test_the_commands_are_pinned() -> None:
    group = typer.main.get_command(app)
    assert set(group.commands) == set(SURFACE)  # type: ignore[attr-defined]
    assert names(group) == {"--version", "--debug"}


def test_arguments_and_options_of_every_command_are_pinned() -> None:
    group = typer.main.get_command(app)
    found = {name: names(command) for name, command in group.commands.items()}  # type: ignore[attr-defined]
    assert found == {name: {*pinned, *SHARED} for name, pinned in SURFACE.items()}


def test_every_option_says_what_it_does() -> None:
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{name} {parameter.name}"


def test_messages_name_options_that_there_are() -> None:
    assert set(OPTIONS.values()) <= set(SURFACE["train"])

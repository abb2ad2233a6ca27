"""Decision which folders are classes and which are parts; others are never classes.

Folders above the classes are told by their names (`seg_train`, `test1`, `fold2`, `images` beside
`labels`) and by what repeats below them (`color/leaf` beside `grayscale/leaf`). Where neither says
what a folder is, nothing is guessed: the error names the folder to give.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from nunbit.data.sources.layouts.chosen import NONE, parse_parts
from nunbit.data.sources.layouts.layout import Layout, inner_root
from nunbit.data.sources.layouts.remedies import flat_remedy, give_one_of
from nunbit.data.sources.layouts.tree import Tree, last
from nunbit.data.sources.layouts.words import (
    LABEL_FOLDERS,
    NO_CLASS_WORDS,
    ONE_FOLDER,
    PICTURE_FOLDERS,
    is_unlabelled_word,
    means_part,
    part_in,
    piece_stem,
    words_of,
)
from nunbit.data.sources.part_names import part_of
from nunbit.errors import ConfigError, DataError
from nunbit.formatting import count, examples

MIN_SHARED = 2
"""Names that folders share below them before they are taken for variants of one data set: one
alone may be a folder of pictures in every class."""
MIN_SHARED_FRACTION = 0.5
"""Fraction of the sub-folders of each that are shared, at least."""


def decide_layout(path: Path, tree: Tree, parts: str | None) -> Layout:
    """Classes, parts and what is left out of the folder `path`; `parts` is the user's word.

    Raises:
        DataError: where folders are certainly no classes and nothing says what they are.
        ConfigError: for a wrong `parts`.
    """
    if parts is not None:
        return _chosen(path, tree, parse_parts(parts))
    _check_roles(path, tree, "")
    named = _named_parts(path, tree)
    if not named:
        _check_labelled_beside_unlabelled(path, tree)
    layout = Layout() if not named else _with_parts(tree, named)
    for root in layout.roots:
        if root:
            _check_roles(path, tree, root)
    classes: dict[str, list[str]] = {}
    for root in layout.roots:
        for child in tree.filled(root):
            classes.setdefault(last(child), []).append(child)
    _check_pieces(path, tree, layout, classes)
    _check_variants(path, tree, layout, classes)
    return layout


def _chosen(path: Path, tree: Tree, parts: dict[str, str]) -> Layout:
    if not parts:
        return Layout(chosen=True)
    missing = [folder for folder in parts if folder not in tree.listing.folders]
    if missing:
        raise ConfigError(
            f"the data have no folder '{missing[0]}' to be the {parts[missing[0]]} part",
            path=path,
            remedy=f"name folders relative to the data, such as "
            f"{examples(tree.children('') or ['train'])}",
        )
    layout = _split_roots(tree, parts)
    layout.chosen = True
    return layout


# ------------------------------------------------------------------------------------------------
# Parts of a split
# ------------------------------------------------------------------------------------------------


def _named_parts(path: Path, tree: Tree) -> dict[str, str]:
    """Top folder to part, e.g. {'train': 'train', 'val': 'validation'}; empty where there are none.

    A folder named `train` may as well be a class (of vehicles, say), so the names count as parts
    only where two parts stand side by side, or nothing else does. Where a single one holds folders
    of its own and others stand beside it, nobody can tell.
    """
    tops = tree.children("")
    words = {top: part for top in tops if (part := part_in(top)) is not None}
    exact = {top: part for top, part in words.items() if part_of(top)}
    if exact and (len(set(exact.values())) >= 2 or len(exact) == len(tops)):
        return words
    with_folders = [top for top in words if tree.filled(inner_root(tree, top))]
    sure = [top for top in words if means_part(top)]
    if len(set(words.values())) >= 2 and (with_folders or sure):
        return words
    others = [top for top in tree.filled("") if top not in words]
    if not (with_folders or (sure and len(sure) > len(exact))):
        return {}
    if all(is_unlabelled_word(top) or _is_role(top) for top in others):
        return words
    one = (with_folders or sure)[0]
    if len(tree.filled(inner_root(tree, one))) < MIN_SHARED and part_of(one):
        return {}  # vehicles: car, plane, train
    raise DataError(
        f"'{one}' is named like the {words[one]} part of a split, and {examples(others)} "
        f"{'lies' if len(others) == 1 else 'lie'} beside it: neither is taken for a class",
        path=path,
        remedy=give_one_of(path, [one], parts={one: words[one]}),
    )


def _check_labelled_beside_unlabelled(path: Path, tree: Tree) -> None:
    """Refuse `labelled/cat`, `labelled/dog` beside `unlabelled/1.png` as two classes."""
    tops = tree.filled("")
    flat = [t for t in tops if NO_CLASS_WORDS & set(words_of(t)) and not tree.filled(t)]
    holding = [top for top in tops if len(tree.filled(top)) >= MIN_SHARED]
    if not flat or not holding or len(flat) + len(holding) < len(tops):
        return
    raise DataError(
        f"the folder {examples(flat)} holds images without classes, and {examples(holding)} those "
        "with classes: neither is a class",
        path=path,
        remedy=f"give '{path / holding[0]}'; `nunbit predict` is for the others",
    )


def _is_role(top: str) -> bool:
    return last(top).lower() in LABEL_FOLDERS


def _with_parts(tree: Tree, named: dict[str, str]) -> Layout:
    layout = _split_roots(tree, named)
    for top in tree.children(""):
        if top in named or not tree.below[top]:
            continue
        if is_unlabelled_word(top) or not tree.filled(inner_root(tree, top)):
            layout.unlabelled[top] = ""
            layout.warnings.append(_unlabelled(tree, top))
        else:
            layout.left_out[top] = f"outside the folders {examples(sorted(named))}"
            layout.warnings.append(
                f"the folder '{top}' is not used ({count(tree.below[top], 'file')}): the parts of "
                f"the split are {examples(sorted(named))}; --parts says otherwise"
            )
    for part in sorted(set(named.values())):
        same = sorted(top for top in named if named[top] == part)
        if len(same) > 1:
            layout.notes.append(f"the folders {examples(same)} are all taken as the {part} part")
    spoken = {top: part for top, part in sorted(named.items()) if not part_of(top)}
    if spoken:
        said = ", ".join(f"'{top}' as the {part} part" for top, part in spoken.items())
        layout.notes.append(f"taken by their names: {said}")
    return layout


def _split_roots(tree: Tree, parts: dict[str, str]) -> Layout:
    """Parts with classes, and those of pictures that have none."""
    inner = {top: inner_root(tree, top) for top in parts}
    classes = {top: {last(c) for c in tree.children(inner[top])} for top in parts}
    layout = Layout(roots={})
    for top, part in parts.items():
        others = set().union(*(names for other, names in classes.items() if other != top))
        mine = {name.lower() for name in classes[top]}
        nameless = (
            len(mine) == 1 and not classes[top] & others and mine <= (ONE_FOLDER | PICTURE_FOLDERS)
        )
        if (not mine or nameless) and tree.below[top]:
            layout.unlabelled[top] = part
            layout.warnings.append(_unlabelled(tree, top))
        else:
            layout.roots[inner[top]] = part
    return layout


def _unlabelled(tree: Tree, top: str) -> str:
    number = count(tree.below[top], "image")
    return (
        f"the folder '{top}' holds {number} without a class, left out: `nunbit predict` is for "
        "such images"
    )


# ------------------------------------------------------------------------------------------------
# What is never a class
# ------------------------------------------------------------------------------------------------


def _check_roles(path: Path, tree: Tree, root: str) -> None:
    """Refuse pictures beside their labels, masks or annotations."""
    children = tree.children(root)
    labels = [child for child in children if last(child).lower() in LABEL_FOLDERS]
    pictures = [child for child in tree.filled(root) if last(child).lower() in PICTURE_FOLDERS]
    if not labels:
        return
    if not pictures:
        pictures = [
            c for c in tree.filled(root) if c not in labels and _same_stems(tree, c, labels)
        ]
        if len(pictures) != 1:
            return
    # A whole tree of `images` with another of `labels`, or nothing but these two.
    raise DataError(
        f"the folders {examples([*pictures, *labels])} hold images and what is drawn or written "
        "about them: they are not classes",
        path=path,
        remedy=_picture_remedy(path, tree, pictures[0]),
    )


def _picture_remedy(path: Path, tree: Tree, pictures: str) -> str:
    if tree.filled(pictures):
        return f"give '{path / pictures}'"
    return flat_remedy(path, tree, pictures)


def _same_stems(tree: Tree, folder: str, others: list[str]) -> bool:
    """Most files of a folder have namesakes in one of the others, whatever their endings."""

    def stems(top: str) -> set[str]:
        inside = (f.path for f in tree.listing.files if f.path.startswith(f"{top}/"))
        return {Path(name).stem for name in inside}

    mine = stems(folder)
    return bool(mine) and any(2 * len(mine & stems(other)) > len(mine) for other in others)


def _check_pieces(path: Path, tree: Tree, layout: Layout, classes: dict[str, list[str]]) -> None:
    """Refuse `fold1`, `fold2` or `images_part_1`, `images_part_2` as classes."""
    stems = Counter(stem for name in classes if (stem := piece_stem(name)))
    if not stems:
        return
    stem, number = stems.most_common(1)[0]
    if number < 2 or 2 * number < len(classes):
        return
    pieces = [name for name in classes if piece_stem(name) == stem]
    folders = [folder for name in pieces for folder in classes[name]]
    inside = any(tree.filled(folder) for folder in folders)
    raise DataError(
        f"the folders {examples(sorted(pieces))} are named as pieces of one data set, not as "
        "classes",
        path=path,
        remedy=give_one_of(path, folders, parts=dict(zip(folders, ("train", "test"), strict=False)))
        if inside and not layout.has_parts
        else f"{flat_remedy(path, tree, '')}; or, where they are classes, add --parts {NONE}",
    )


def _check_variants(path: Path, tree: Tree, layout: Layout, classes: dict[str, list[str]]) -> None:
    """Refuse folders that hold the same sub-folders, as `color/leaf` and `grayscale/leaf` do."""
    below = {
        name: {last(child) for folder in folders for child in tree.filled(folder)}
        for name, folders in classes.items()
    }
    times = Counter(inner for inners in below.values() for inner in inners)
    shared = {inner for inner, number in times.items() if number > 1}
    if len(shared) < MIN_SHARED:
        return
    alike = [
        name
        for name, inners in below.items()
        if len(inners & shared) >= max(MIN_SHARED, MIN_SHARED_FRACTION * len(inners))
    ]
    if len(alike) < 2:
        return
    parts = {inner: part for inner in shared if (part := part_in(inner)) is not None}
    if len(parts) == len(shared) and not layout.has_parts and _are_leaves(tree, classes, alike):
        layout.parts_below = parts
        layout.notes.append(
            f"the folders {examples(sorted(parts))} in each class are taken as parts"
        )
        return
    folders = [classes[name][0] for name in alike]
    raise DataError(
        f"the folders {examples(sorted(alike))} hold the same folders "
        f"({examples(sorted(shared))}): those below may be the classes, so those above are not "
        "taken for classes",
        path=path,
        remedy=_variants_remedy(path, folders, layout),
    )


def _are_leaves(tree: Tree, classes: dict[str, list[str]], names: list[str]) -> bool:
    folders = [child for name in names for folder in classes[name] for child in tree.filled(folder)]
    return not any(tree.filled(folder) for folder in folders)


def _variants_remedy(path: Path, folders: list[str], layout: Layout) -> str:
    if layout.has_parts:  # parts above and variants below: no --parts can say that
        return (
            f"put the wanted ones together in a folder of their own, such as one of "
            f"{examples(folders)}; or, where they are classes, add --parts "
            + ",".join(f"{root}={part}" for root, part in layout.roots.items())
        )
    # Which is which, nobody can guess: the same images may lie in each.
    return give_one_of(path, folders, parts={"FOLDER": "train", "OTHER": "test"})

"""Write labs/RESULTS.md from what the labs have kept below runs/labs.

    python scripts/write_lab_results.py [RUNS [PAGE]]

Every experiment of every lab has its row; a lab that was not run in full says so.
"""

from __future__ import annotations

import sys
from pathlib import Path

from nunbit_labs.course import lab_names
from nunbit_labs.lesson import read_lesson
from nunbit_labs.record import ROOT, folder_of, read_result
from nunbit_labs.table import results_page

PAGE = Path(__file__).parents[1] / "labs" / "RESULTS.md"


def page(root: Path) -> str:
    """The whole page, from the results below `root`."""
    lessons = [read_lesson(name) for name in lab_names()]
    results = {
        lesson.name: read_result(folder_of(lesson.name, quick=False, root=root).result)
        for lesson in lessons
    }
    return results_page(lessons, results)


if __name__ == "__main__":
    runs = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    target = Path(sys.argv[2]) if len(sys.argv) > 2 else PAGE
    target.write_text(page(runs), encoding="utf-8")
    print(f"{target} written")

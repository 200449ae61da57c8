"""The report's section on the classifier."""

from typing import Any

from smalti.artifact import Artifact
from stages.results.report_page import Section


def classifier_section(classifier: Artifact) -> Section:
    """Returns a table of the classifier's accuracy and of the linear probe's, beside chance."""
    facts, probe = classifier.facts, classifier.facts["probe"]
    num_classes, cells = len(facts["class_names"]), probe["cells"]
    table = [["", "top-1", "top-5"]]
    table.append(["vision transformer", *(share(facts, f"val_top{k}") for k in (1, 5))])
    table.append(["linear probe", *(share(probe, f"val_top{k}") for k in (1, 5))])
    table.append(["always the most frequent classes", *(share(facts["frequent"], f"val_top{k}") for k in (1, 5))])
    table.append(["chance", f"{1 / num_classes:.1%}", f"{5 / num_classes:.1%}" if num_classes > 5 else "absent"])
    text = (
        f"How often the class of {facts['num_val']:,} val images is told from their tokens alone, among {num_classes} "
        f"classes. The vision transformer was trained for {facts['updates']:,} updates. The probe is a logistic "
        f"regression on code vectors averaged over {cells} x {cells} parts of the grid, fitted to "
        f"{probe['num_train']:,} train images."
    )
    if facts["absent"]:
        text += f" Absent: {'; '.join(f'{name}: {reason}' for name, reason in facts['absent'].items())}."
    return Section("Classifier", text, tables=[("Accuracy, val images", table)])


def share(figures: dict[str, Any], name: str) -> str:
    """Returns a share in per cent; "absent" where it wasn't measured."""
    return f"{figures[name]:.1%}" if name in figures else "absent"

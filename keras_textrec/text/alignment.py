"""What it takes to make one text of another."""


def edit_operations(text: str, label: str) -> list[tuple[str, str]]:
    """The fewest changes that make a text its label, in order, each as what the label has and what was read for it.

    ("a", "b") is a substitution, ("a", "") a deletion (nothing was read for it), ("", "b") an insertion (it was read
    and is not there). Their number is the Levenshtein distance.
    """
    start = _common(label, text)
    label, text = label[start:], text[start:]
    end = _common(label[::-1], text[::-1])
    label, text = label[: len(label) - end], text[: len(text) - end]
    # distances[i][j]: of the first i characters of the label and the first j of the text.
    distances = [list(range(len(text) + 1))]
    for i, wanted in enumerate(label, 1):
        above, row = distances[-1], [i]
        for j, read in enumerate(text, 1):
            row.append(min(above[j - 1] + (wanted != read), above[j] + 1, row[-1] + 1))
        distances.append(row)
    operations = []
    i, j = len(label), len(text)
    while i or j:
        distance = distances[i][j]
        if i and j and distance == distances[i - 1][j - 1] + (label[i - 1] != text[j - 1]):
            i, j = i - 1, j - 1
            if label[i] != text[j]:
                operations.append((label[i], text[j]))
        elif i and distance == distances[i - 1][j] + 1:
            i -= 1
            operations.append((label[i], ""))
        else:
            j -= 1
            operations.append(("", text[j]))
    return operations[::-1]


def _common(a: str, b: str) -> int:
    """How many characters two strings have in common before they differ."""
    return next((place for place, (one, other) in enumerate(zip(a, b)) if one != other), min(len(a), len(b)))

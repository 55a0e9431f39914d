"""Lists of words in files."""

from collections.abc import Sequence


def with_frequencies(lines: Sequence[str], where: str) -> list[str] | dict[str, float]:
    """The words of a file of one a line, or, where every line is "word<TAB>how often it occurs", that of each.

    Args:
        lines: without their ends.
        where: what the file is called in an error.

    Raises:
        ValueError: a frequency is no number above 0.
    """
    if not all("\t" in line for line in lines):
        return list(lines)
    words = {}
    for line in lines:
        word, _, times = line.rpartition("\t")
        try:
            words[word] = float(times)
        except ValueError:
            words[word] = 0.0
        if not 0 < words[word] < float("inf"):
            raise ValueError(f"{where}: the frequency in {line!r} must be a number above 0.")
    return words

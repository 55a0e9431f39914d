"""What becomes of labels on their way to a network."""

import dataclasses
from collections import Counter

EXAMPLES = 3  # of every kind


@dataclasses.dataclass
class LabelReport:
    """What happened to labels on their way to ids; reports of several batches add up with `+`.

    Attributes:
        labels: how many were looked at.
        dropped: by reason, the labels that are not trained on: "empty", "unknown" (characters outside the charset),
            "too long" (more characters than allowed), "infeasible" (more time steps needed than the network has).
        stripped: how many labels are trained on without their unknown characters.
        unknown: how often each character outside the charset was seen.
        lowered: how many labels with upper case are trained on in lower case.
        normalized: how many are trained on in Unicode's composed form (NFC), and came in another.
        examples: a few labels of each reason and of "stripped", the latter with what is trained on. They take no part
            in comparisons.
    """

    labels: int = 0
    dropped: Counter = dataclasses.field(default_factory=Counter)
    stripped: int = 0
    unknown: Counter = dataclasses.field(default_factory=Counter)
    lowered: int = 0
    normalized: int = 0
    examples: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict, compare=False)

    @property
    def usable(self) -> int:
        """How many labels are trained on."""
        return self.labels - sum(self.dropped.values())

    def add_example(self, kind: str, text: str) -> None:
        """Keeps a label as an example of its kind, if few are kept."""
        kept = self.examples.get(kind, ())
        if len(kept) < EXAMPLES:
            self.examples[kind] = (*kept, text)

    def __add__(self, other: "LabelReport") -> "LabelReport":
        both = LabelReport(
            self.labels + other.labels,
            self.dropped + other.dropped,
            self.stripped + other.stripped,
            self.unknown + other.unknown,
            self.lowered + other.lowered,
            self.normalized + other.normalized,
        )
        for kind in [*self.examples, *other.examples]:
            both.examples[kind] = (*self.examples.get(kind, ()), *other.examples.get(kind, ()))[:EXAMPLES]
        return both

    def __str__(self) -> str:
        reasons = [f"{count:,} {reason}" for reason, count in self.dropped.most_common()]
        parts = [f"{self.labels - self.usable:,} of {self.labels:,} labels dropped", *reasons]
        if self.stripped:
            parts.append(f"{self.stripped:,} stripped of unknown characters")
        if self.lowered:
            parts.append(f"{self.lowered:,} made lower case")
        if self.normalized:
            parts.append(f"{self.normalized:,} brought into composed form (NFC)")
        if self.unknown:
            seen = ", ".join(f"{character!r} {count:,}x" for character, count in self.unknown.most_common(10))
            parts.append(f"outside the charset: {seen}" + (", …" if len(self.unknown) > 10 else ""))
        parts += [f"{kind}, for example: {', '.join(texts)}" for kind, texts in self.examples.items()]
        return "; ".join(parts)


def refusal(text: str, reason: str, unknown: list[str], longest: int | None, time_steps: int | None) -> str:
    """The sentence for a label that the policy "error" refuses."""
    drop = "let the tokenizer drop it (unknown='drop')"
    why = {
        "unknown": f"holds characters outside the charset: {sorted(set(unknown))}; add them to the charset, {drop}, "
        "or have them removed (unknown='strip')",
        "empty": f"is empty; remove it, or {drop}",
        "too long": f"is longer than {longest} characters; allow more, or {drop}",
        "infeasible": f"needs more than the network's {time_steps} time steps; make them more (CTC: widen the input), "
        f"or {drop}",
    }
    return f"The label {text!r} {why[reason]}."

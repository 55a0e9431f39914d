"""Numbers, prices, times, dates, addresses of web pages, and names that firms give themselves."""

from keras_textrec.synthesis.dice import Dice

_BRAND_ENDS = ("co", "ex", "ix", "on", "ia", "tech", "soft", "mart", "net", "lab", "max", "x", "o", "y", "bank", "air")
_DOMAINS = (".com", ".com", ".com", ".net", ".org", ".co.uk", ".de", ".fr", ".in", ".it", ".eu", ".info", ".tv")


def brand(word: str, other: str, dice: Dice) -> str:
    """An address, a name of two words, a handle, or a made-up name, of two words of the lexicon."""
    kind = dice.random()
    if kind < 0.35:
        return word.lower() + dice.choice(_DOMAINS)
    if kind < 0.5:
        return "www." + word.lower() + dice.choice((*_DOMAINS, ""))
    if kind < 0.7:
        return word.capitalize() + other.capitalize()
    if kind < 0.78:
        return dice.choice("@#") + word.lower()
    name = word[: dice.randint(3, 6)] + dice.choice(_BRAND_ENDS)
    return dice.choice((name.upper(), name.upper(), name.lower(), name.capitalize(), name.capitalize()))


def number(dice: Dice) -> str:
    kind = dice.random()
    if kind < 0.2:
        return str(dice.randint(1950, 2030))
    digits = str(dice.randint(0, 10 ** dice.choice((1, 2, 2, 2, 3, 3, 4, 5, 6)) - 1))
    return "0" + digits if kind > 0.95 else digits


def figure(dice: Dice) -> str:
    """Prices, times, dates, phone numbers, percentages, ordinals."""
    small, large = dice.randint(0, 99), dice.randint(0, 9999)
    whole = dice.choice((small, large))
    return dice.choice(
        (
            f"{dice.choice('$$$$€£')}{whole}",
            f"{dice.choice('$$$$€£')}{whole}.{small:02d}",
            f"{whole}.{small:02d}",
            f"{whole},{small:02d}",
            f"{whole:,}",
            f"{small % 24}:{dice.randint(0, 59):02d}",
            f"{small % 12 + 1}{dice.choice(('am', 'pm', 'AM', 'PM', 'h'))}",
            f"{small % 12 + 1}-{dice.randint(1, 12)}",
            f"{dice.randint(1, 31)}/{dice.randint(1, 12)}",
            f"{dice.randint(1, 31):02d}.{dice.randint(1, 12):02d}.{dice.choice(('', large % 2030, '99'))}",
            f"{dice.randint(200, 999)}-{large:04d}",
            f"({dice.randint(200, 999)})",
            f"+{small}",
            f"{small}%",
            f"#{small}",
            f"{small}{dice.choice(('st', 'nd', 'rd', 'th', 'TH'))}",
            f"{small}{dice.choice(('km', 'm', 'mm', 'kg', 'g', 'ml', 'L', 'cm', 'mph', 'x', 'oz', 'W', 'V'))}",
            f"x{small}",
            f"{small}+",
            f"1/{dice.randint(2, 9)}",
            f"'{small:02d}",
            f"No.{small}",
        )
    )

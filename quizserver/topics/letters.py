"""Unicode's mathematical alphabets, for browsers that ignore ``mathvariant``."""

from __future__ import annotations

# Where each alphabet's capital A, small a and zero stand (None: it has no digits).
_LETTERS: dict[str, tuple[int, int, int | None]] = {
    "bold": (0x1D400, 0x1D41A, 0x1D7CE),
    "bold-italic": (0x1D468, 0x1D482, None),
    "sans-serif": (0x1D5A0, 0x1D5BA, 0x1D7E2),
    "bold-sans-serif": (0x1D5D4, 0x1D5EE, 0x1D7EC),
    "monospace": (0x1D670, 0x1D68A, 0x1D7F6),
    "double-struck": (0x1D538, 0x1D552, 0x1D7D8),
    "fraktur": (0x1D504, 0x1D51E, None),
    "script": (0x1D49C, 0x1D4B6, None),
}
# Letters that Unicode had before it had the alphabets.
_OLDER_AT = {
    0x1D53A: "ℂ", 0x1D53F: "ℍ", 0x1D545: "ℕ", 0x1D547: "ℙ", 0x1D548: "ℚ", 0x1D549: "ℝ",
    0x1D551: "ℤ", 0x1D506: "ℭ", 0x1D50B: "ℌ", 0x1D50C: "ℑ", 0x1D515: "ℜ", 0x1D51D: "ℨ",
    0x1D49D: "ℬ", 0x1D4A0: "ℰ", 0x1D4A1: "ℱ", 0x1D4A3: "ℋ", 0x1D4A4: "ℐ", 0x1D4A7: "ℒ",
    0x1D4A8: "ℳ", 0x1D4AD: "ℛ", 0x1D4BA: "ℯ", 0x1D4BC: "ℊ", 0x1D4C4: "ℴ",
}  # fmt: skip


def in_letters(text: str, variant: str | None) -> str:
    """``text`` in the alphabet that MathML calls ``variant``; as it is for any other variant."""
    if variant not in _LETTERS:
        return text
    capital, small, zero = _LETTERS[variant]
    return "".join(_letter(c, capital, small, zero) for c in text)


def _letter(character: str, capital: int, small: int, zero: int | None) -> str:
    if "A" <= character <= "Z":
        code = capital + ord(character) - ord("A")
    elif "a" <= character <= "z":
        code = small + ord(character) - ord("a")
    elif "0" <= character <= "9" and zero is not None:
        code = zero + ord(character) - ord("0")
    else:
        return character
    return _OLDER_AT.get(code, chr(code))

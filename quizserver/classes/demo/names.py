"""Names for invented learners. Pure."""

from __future__ import annotations

_FIRST = (
    "Ada Amara Anders Anika Aoife Arun Beatriz Bo Carlos Chiara Dana Daniel Elif Emeka Emil Farah "
    "Felix Grace Hana Hugo Ines Ivan Jamal Jing Jonas Kai Kiran Laila Leo Lin Luca Maja Malik Mei "
    "Milan Nadia Noah Olga Omar Pia Priya Rafael Rosa Samir Sara Sofia Tariq Tomas Uma Yuki"
)
_LAST = (
    "Abara Adler Bakker Banerjee Berg Castro Chen Costa Diallo Dubois Eriksen Farouk Fischer "
    "Garcia Haddad Hansen Hoshi Ito Jansen Kaya Keller Khan Kowalski Larsen Lopez Mbeki Moreau "
    "Nair Novak Okoye Olsen Patel Pereira Quist Rossi Sato Silva Singh Tanaka Vogel Wang Weber"
)


def invented(count: int) -> list[str]:
    """``count`` names, no two alike; a number is added where the names run out."""
    first_names, last_names = _FIRST.split(), _LAST.split()
    made = []
    for number in range(count):
        # 50 first names and 42 last: the second step by 11 keeps neighbours from sounding alike.
        first = first_names[number % len(first_names)]
        step = 11 * number + number // len(first_names)
        last = last_names[step % len(last_names)]
        made.append(f"{first} {last}")
    seen: dict[str, int] = {}
    for place, name in enumerate(made):
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            made[place] = f"{name} {seen[name]}"
    return made

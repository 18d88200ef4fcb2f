"""Names of the invented learners of ``quizserver demo``, with the texts of their class. Pure."""

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


def invent_names(count: int) -> list[str]:
    """``count`` different names; a number is added where the names run out."""
    first_names, last_names = _FIRST.split(), _LAST.split()
    names = []
    for number in range(count):
        # Last names advance by 11, so that neighbours in the list do not sound alike.
        first = first_names[number % len(first_names)]
        step = 11 * number + number // len(first_names)
        last = last_names[step % len(last_names)]
        names.append(f"{first} {last}")
    counts: dict[str, int] = {}
    for index, name in enumerate(names):
        counts[name] = counts.get(name, 0) + 1
        if counts[name] > 1:
            names[index] = f"{name} {counts[name]}"
    return names


EMAIL_DOMAIN = "@demo.invalid"
"""The end of every invented email address. No real address can have it (RFC 2606)."""
INSTRUCTOR_EMAIL = f"instructor{EMAIL_DOMAIN}"
CLASS_TITLE = "Demo class (invented learners)"
MODEL_TEXT = (
    "Their answers follow an item-response model. A learner has an ability θ ~ N(0, 1), a question "
    "a difficulty b ~ N(0, 0.9) and a discrimination a, log a ~ N(0.2, 0.3). Attempt t is right "
    "with probability 1 / (1 + exp(−a(θ + 1.5(t − 1) − b))). A wrong answer is drawn by a softmax "
    "over the wrong choices with utilities u ~ N(0, 0.7); one of them, the popular misconception, "
    "has 1.5 − 0.3 θ more. Where several options are right, a wrong choice is the right one with "
    "one option taken away or added. After a wrong answer 65 in 100 try again, at most 4 times in "
    "all, and 45 in 100 of those run the experiment first. An answer takes a log-normal time, "
    "log s ~ N(log 75, 0.6), a later one 0.6 of it. Of 100 learners 6 never begin, 8 stop after "
    "half of the questions a week ago, and 5 are stuck: wrong three times at the question that is "
    "hardest for the class. The others answer each question with probability 0.97. Answers are "
    "spread evenly over the last two weeks."
)

"""What is said of the invented learners of ``quizserver demo``, and what they are known by."""

from __future__ import annotations

DOMAIN = "@demo.invalid"
"""Of every invented address. No real one can end like this (RFC 2606), nor sign up with it."""
INSTRUCTOR = f"instructor{DOMAIN}"
TITLE = "Demo class (invented learners)"
MODEL = (
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

"""Verdicts on a topic's claims: what must be trained for them, and their record (evidence.json).

- ``claim_checks``: claims and lesson blocks against the descriptions of their simulations
- ``plan``: which settings and seeds a topic's claims need; ``verify``: trains them
- ``claims``: from counts of replicas to a verdict; ``intervals``: of proportions and medians
- ``findings``: one claim's counts, verdict and sentence
- ``record``: the file; ``json_text``: how it is written; ``report``: what commands print
"""

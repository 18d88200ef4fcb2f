"""Which simulations and images a learner may see: those that are part of a question's key only once
its answer was shown to them, and some arms after a try."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from quizserver.attempts import reveals_store, store
from quizserver.attempts.tried import offered_arms
from quizserver.db.session import Database
from quizserver.lab.model import Description
from quizserver.lab_views.topic_evidence import read_topic_evidence
from quizserver.runs.access import NOTHING, WHOLE, SimulationGrant
from quizserver.topics.assets import image_visibility
from quizserver.topics.library import Library
from quizserver.topics.model import Question, Snapshot, Topic


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """``learner_id()`` is the person who made this request, None when nothing is stored of them.

    ``describe(topic, simulation)`` is a simulation's description, None while there is none.
    """

    database: Database
    library: Library
    learner_id: Callable[[], int | None]
    describe: Callable[[Topic, str], Description | None]

    def simulation_grant(self, topic: str, simulation: str) -> SimulationGrant:
        """What the learner may use of a simulation: its curves are its questions' key.

        All of it when no question rests on it, or once the answer to one of those that do was
        shown; after tries alone, the arms that these questions offer.
        """
        snapshot = self.library.snapshot()
        served_topic = snapshot.topics.get(topic)
        questions = (
            questions_on_simulation(served_topic, simulation) if served_topic is not None else []
        )
        if served_topic is None or not questions:
            return NOTHING if _has_broken_question(snapshot, topic) else WHOLE
        person_id = self.learner_id()
        if person_id is None:
            return NOTHING
        ids = [question.id for question in questions]
        with self.database.read() as session:
            if reveals_store.has_revealed_any(session, person_id, ids):
                return WHOLE
            chosen = store.latest_choices(session, person_id, ids)
        description = self.describe(served_topic, simulation) if chosen else None
        if description is None:
            return NOTHING
        evidence = read_topic_evidence(served_topic)
        return SimulationGrant(
            arms=frozenset[str]().union(
                *(
                    offered_arms(question, chosen[question.id], description, evidence)
                    for question in questions
                    if question.id in chosen
                )
            )
        )

    def opens_wholly(self, topic: Topic, simulation: str, revealed: Collection[str]) -> bool:
        """Whether all of a simulation is open to who was shown the answers to ``revealed``."""
        questions = questions_on_simulation(topic, simulation)
        if not questions:
            return not _has_broken_question(self.library.snapshot(), topic.id)
        return any(question.id in revealed for question in questions)

    def may_see(self, topic: str, image: str) -> bool:
        """Whether the learner may see an image, named relative to its topic's folder.

        Not before it is published, and not before the answer that alone shows it.
        """
        served_topic = self.library.snapshot().topics.get(topic)
        if served_topic is None:
            return False
        visibility = image_visibility(served_topic, image)
        return visibility.public or self._has_revealed_any(visibility.question_ids)

    def _has_revealed_any(self, questions: Collection[str]) -> bool:
        person_id = self.learner_id() if questions else None
        if person_id is None:
            return False
        with self.database.read() as session:
            return reveals_store.has_revealed_any(session, person_id, questions)


def questions_on_simulation(topic: Topic, simulation: str) -> list[Question]:
    """The topic's questions whose evidence comes from the simulation."""
    return [question for question in topic.questions if question.simulation == simulation]


def _has_broken_question(snapshot: Snapshot, topic: str) -> bool:
    """Whether some question of the topic can't be parsed: it may rest on any simulation there."""
    file_names = {
        problem.path.rsplit("/", 1)[-1]
        for problem in snapshot.diagnostics_in_folder(topic)
        if not problem.is_warning
    }
    return any(name.endswith(".md") and name != "lesson.md" for name in file_names)

"""Which simulations and images a learner may see: those that are part of a question's key only
after an answer."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from quizserver.attempts import store
from quizserver.db.session import Database
from quizserver.topics.assets import image_visibility
from quizserver.topics.library import Library
from quizserver.topics.model import Question, Topic


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """``learner_id()`` is the person who made this request, None when nothing is stored of them."""

    database: Database
    library: Library
    learner_id: Callable[[], int | None]

    def may_use(self, topic: str, simulation: str) -> bool:
        """Whether the learner may see and run a simulation: its curves are a question's key.

        Open when no question rests on it, or once one of those that do has been answered.
        """
        snapshot = self.library.snapshot()
        served_topic = snapshot.topics.get(topic)
        questions = (
            questions_on_simulation(served_topic, simulation) if served_topic is not None else []
        )
        if not questions:
            # A question that can't be parsed may be the one that rests on it.
            file_names = {
                problem.path.rsplit("/", 1)[-1]
                for problem in snapshot.diagnostics_in_folder(topic)
                if not problem.is_warning
            }
            return not any(name.endswith(".md") and name != "lesson.md" for name in file_names)
        return self._has_answered_any([question.id for question in questions])

    def may_see(self, topic: str, image: str) -> bool:
        """Whether the learner may see an image, named relative to its topic's folder.

        Not before it is published, and not before the answer that alone shows it.
        """
        served_topic = self.library.snapshot().topics.get(topic)
        if served_topic is None:
            return False
        visibility = image_visibility(served_topic, image)
        return visibility.public or self._has_answered_any(visibility.question_ids)

    def _has_answered_any(self, questions: Collection[str]) -> bool:
        person_id = self.learner_id() if questions else None
        if person_id is None:
            return False
        with self.database.read() as session:
            return store.has_answered_any(session, person_id, questions)


def questions_on_simulation(topic: Topic, simulation: str) -> list[Question]:
    """The topic's questions whose evidence comes from the simulation."""
    return [question for question in topic.questions if question.simulation == simulation]

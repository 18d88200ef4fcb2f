"""The progress matrix of a class: learners, questions, and the attempts behind each cell."""

"""Answers: grading, recording each submission once, and the page of a question."""

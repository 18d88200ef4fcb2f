"""A class of invented learners, to see every page full. ``model`` says how they are."""

"""A class of invented learners, so that every page of a class can be seen full."""

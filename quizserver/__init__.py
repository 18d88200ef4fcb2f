"""Machine-learning questions in which every explanation is an experiment that can fail."""

__version__ = "0.1.0"

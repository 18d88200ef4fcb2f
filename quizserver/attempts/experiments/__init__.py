"""That somebody ran an experiment: what happens between one answer and the next."""

"""The learner's own pages: home, topics and progress."""

"""The learner's own pages: home, topics, and how far they have come."""

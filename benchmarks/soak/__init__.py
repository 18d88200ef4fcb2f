"""``make soak``: learners answer for a while, and meanwhile everything goes wrong that can."""

"""Classes: who is in them, how they are doing, and what that says about the questions."""

"""Classes: members, settings, progress matrix, item analysis, and a demo class."""

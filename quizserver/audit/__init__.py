"""The audit log: who did what to whom or to what, when, and from where."""

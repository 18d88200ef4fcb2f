"""Confined processes: whatever runs an author's Python is forked, limited, heard and ended here."""

"""For whoever looks after a server: the audit log, backup and restore, and old data."""

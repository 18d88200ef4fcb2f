"""Backup and restore: what people did, the content folder and the secret key in one file."""

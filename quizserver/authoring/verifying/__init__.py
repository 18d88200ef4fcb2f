"""Verifying claims while a page is written."""

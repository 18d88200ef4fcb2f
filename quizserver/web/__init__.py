"""Shared by all pages: security headers, error pages, static files, addresses, charts."""

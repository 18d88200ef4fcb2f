"""What every page shares: security headers, error pages, static files, charts."""

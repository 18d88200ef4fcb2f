"""The history of a page: what it was, and bringing that back."""

"""Who is in a class, and who instructs it."""

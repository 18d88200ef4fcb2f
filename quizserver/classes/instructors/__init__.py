"""Who instructs a class."""

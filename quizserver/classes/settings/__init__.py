"""What an instructor decides about a class: its title, code, topics, and its end."""

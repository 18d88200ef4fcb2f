"""Tables, constraints, sessions and migrations: the only package that opens databases."""

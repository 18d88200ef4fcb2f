"""Tables, constraints, sessions and migrations: the only room that opens databases."""

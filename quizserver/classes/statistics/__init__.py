"""Statistics of a class's answers: by question, by set, and for the next lesson. Pure."""

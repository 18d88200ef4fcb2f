"""What a class's answers say: of a question, of the whole set, and of what to teach next. Pure."""

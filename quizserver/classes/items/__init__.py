"""Item analysis: what a class's answers say of its questions, and of what to teach next."""

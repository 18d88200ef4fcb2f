"""Item analysis: statistics of a class's questions, and suggestions for the next lesson."""

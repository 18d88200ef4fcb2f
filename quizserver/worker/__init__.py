"""The worker: takes runs from the queue, trains each in a process of its own, and stores what comes."""

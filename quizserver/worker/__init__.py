"""The worker: claims runs, trains each in a process of its own, and stores their points."""

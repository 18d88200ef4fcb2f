"""The training kernel: C sources, what builds them, and what runs them on this machine."""

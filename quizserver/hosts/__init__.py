"""The machines of a site: whether each is ready, and whether they agree in key and content."""

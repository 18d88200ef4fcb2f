"""Runs of simulations: their key, store, queue, workers and live streams."""

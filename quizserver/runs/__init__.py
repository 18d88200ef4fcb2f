"""Runs of simulations: their requests, store, queue and live streams. Nothing is trained here."""

"""Tuning: search spaces, trials that can be stopped early, and the report of a sweep."""

"""Destinations of ours, each with one thing broken, so that the conformance suite can show that it sees it."""

"""Prompt search: one loop, interchangeable proposers, and a gate of items that the search never saw."""

"""Queries that a user writes: each reads one table from a database and cannot change anything."""

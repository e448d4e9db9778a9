"""The publisher: what has changed in the table reaches the mirror, whoever wrote it."""

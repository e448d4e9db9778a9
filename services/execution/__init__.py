"""Executions: a plan's waves launched in order, and what they launched terminated again."""

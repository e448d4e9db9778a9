"""The processes that move what the tiers hold: sync,
executions, page reads, and everything around them.
"""

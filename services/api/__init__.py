"""The API as it is promised: every route, what it takes and answers.

Tests hold the handlers to it.
"""

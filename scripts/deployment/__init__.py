"""Deploying to AWS: what is given, what is met, what is made, and how it goes again.

`python -m scripts.deployment`.
"""

"""The page reads: what the API answers about plans and servers."""

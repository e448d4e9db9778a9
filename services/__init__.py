"""The processes that move what the cache holds: sync, handlers, command line, local stack."""

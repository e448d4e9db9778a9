"""Every call to AWS and Redis goes through here: a file per service."""

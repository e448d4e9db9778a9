"""Look at DRS and EC2, describe what was seen, record it."""

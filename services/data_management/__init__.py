"""Data management: the sync by schedule, by API and by direct call, and the page query."""

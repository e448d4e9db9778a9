"""What we know about recovery instances, and the two tiers it is kept in: DynamoDB (truth) and Redis (its copy)."""
